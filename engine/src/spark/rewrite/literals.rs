//! Number literals with Spark's types.
//!
//! DataFusion's planner makes every integer a bigint. It lets planner hooks see dictionary
//! literals, which Spark's grammar does not have; so a number travels to our hook as one, and
//! comes out as a literal of the right type, which a cast would not be (many functions ask for
//! literals).

use datafusion::common::ScalarValue;
use datafusion::sql::sqlparser::ast::{DictionaryField, Expr, Ident, Value};
use datafusion::sql::sqlparser::tokenizer::Span;

/// The key of the dictionaries that stand for number literals. No text of a query can hold it.
pub(in crate::spark) const LITERAL: &str = "\u{0}number";

/// More digits than this fit no decimal.
const DECIMAL_PRECISION_MAX: usize = 38;

/// A literal for `digits`, which may have a sign.
pub(super) fn typed(digits: &str, long: bool, span: Span) -> Expr {
    let suffix = if long { "L" } else { "" };
    let content = Value::SingleQuotedString(format!("{digits}{suffix}"));
    Expr::Dictionary(vec![DictionaryField {
        key: Ident::with_span(span, LITERAL),
        value: Box::new(Expr::Value(content.with_span(span))),
    }])
}

/// Makes a literal of [`typed`] a plain number again, for clauses where it is not a value.
pub(super) fn restore(expr: &mut Expr) {
    let Expr::Dictionary(fields) = expr else {
        return;
    };
    let [field] = fields.as_slice() else { return };
    let Expr::Value(value) = field.value.as_ref() else {
        return;
    };
    if let (LITERAL, Value::SingleQuotedString(digits)) = (field.key.value.as_str(), &value.value) {
        let number = Value::Number(digits.clone(), false);
        *expr = Expr::Value(number.with_span(value.span));
    }
}

/// The value of a number as Spark types it, none if it fits no type.
pub(in crate::spark) fn scalar(number: &str) -> Option<ScalarValue> {
    if let Some(digits) = number.strip_suffix('L') {
        return digits.parse().ok().map(|v| ScalarValue::Int64(Some(v)));
    }
    if number.contains(['e', 'E']) {
        return number.parse().ok().map(|v| ScalarValue::Float64(Some(v)));
    }
    if let Ok(value) = number.parse() {
        return Some(ScalarValue::Int32(Some(value)));
    }
    if let Ok(value) = number.parse() {
        return Some(ScalarValue::Int64(Some(value)));
    }
    decimal(number)
}

/// `12.50` is a decimal(4, 2), `.5` a decimal(1, 1).
fn decimal(number: &str) -> Option<ScalarValue> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let (sign, whole) = match whole.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", whole),
    };
    let whole = whole.trim_start_matches('0');
    let precision = (whole.len() + fraction.len()).max(1);
    if precision > DECIMAL_PRECISION_MAX {
        return None;
    }
    let digits = format!("{sign}0{whole}{fraction}");
    let value = digits.parse().ok()?;
    Some(ScalarValue::Decimal128(
        Some(value),
        u8::try_from(precision).ok()?,
        i8::try_from(fraction.len()).ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_sparks_types() {
        assert_eq!(
            scalar("2147483647"),
            Some(ScalarValue::Int32(Some(i32::MAX)))
        );
        assert_eq!(
            scalar("-2147483648"),
            Some(ScalarValue::Int32(Some(i32::MIN)))
        );
        assert_eq!(
            scalar("2147483648"),
            Some(ScalarValue::Int64(Some(1 << 31)))
        );
        assert_eq!(scalar("1L"), Some(ScalarValue::Int64(Some(1))));
        assert_eq!(scalar("1e1"), Some(ScalarValue::Float64(Some(10.0))));
        assert_eq!(
            scalar("12.50"),
            Some(ScalarValue::Decimal128(Some(1250), 4, 2))
        );
        assert_eq!(scalar("-.5"), Some(ScalarValue::Decimal128(Some(-5), 1, 1)));
        assert_eq!(scalar("0.05"), Some(ScalarValue::Decimal128(Some(5), 2, 2)));
        assert_eq!(
            scalar("9223372036854775808"),
            Some(ScalarValue::Decimal128(Some(1 << 63), 19, 0))
        );
        assert_eq!(scalar("1234567890123456789012345678901234567890"), None);
    }
}

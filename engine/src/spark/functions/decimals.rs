//! Decimals: casts of texts and of floating-point numbers to them and back, and their division.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Decimal128Array, Float64Array};
use datafusion::arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, Field, FieldRef, Float64Type, i256,
};
use datafusion::common::{Result, ScalarValue, exec_err, plan_datafusion_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::{Texts, check_arity, is_text};
use crate::error::{Error, Kind};

/// All functions of this file.
pub(super) fn all() -> [Arc<ScalarUDF>; 4] {
    [
        Arc::new(ScalarUDF::from(DecimalCast::new(false))),
        Arc::new(ScalarUDF::from(DecimalCast::new(true))),
        Arc::new(divide()),
        Arc::new(to_double()),
    ]
}

/// `a / b` of decimals.
pub(in crate::spark) fn divide() -> ScalarUDF {
    ScalarUDF::from(DivideDecimals {
        signature: Signature::user_defined(Volatility::Immutable),
    })
}

/// The cast of a decimal to a double.
pub(in crate::spark) fn to_double() -> ScalarUDF {
    ScalarUDF::from(DecimalToDouble {
        signature: Signature::user_defined(Volatility::Immutable),
    })
}

/// The cast of a text or floating-point number to a decimal. A tolerant one gives null for what is
/// malformed or too large.
pub(in crate::spark) fn cast(operand: Expr, precision: u8, scale: i8, tolerant: bool) -> Expr {
    let literal = |value| Expr::Literal(ScalarValue::Int32(Some(value)), None);
    let args = vec![operand, literal(precision.into()), literal(scale.into())];
    ScalarUDF::from(DecimalCast::new(tolerant)).call(args)
}

/// `spark_cast_decimal(x, precision, scale)`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct DecimalCast {
    tolerant: bool,
    signature: Signature,
}

impl DecimalCast {
    fn new(tolerant: bool) -> Self {
        Self {
            tolerant,
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }

    fn column<T>(
        &self,
        values: impl Iterator<Item = Option<T>>,
        text_of: impl Fn(T) -> String,
        (precision, scale): (u8, i8),
    ) -> Result<Decimal128Array> {
        let column = values.map(|value| {
            let Some(value) = value else { return Ok(None) };
            let text = text_of(value);
            match parse(&text, precision, scale) {
                Ok(value) => Ok(Some(value)),
                Err(_) if self.tolerant => Ok(None),
                Err(bad) => Err(bad.error(&text, precision, scale).into_datafusion()),
            }
        });
        let column = column.collect::<Result<Decimal128Array>>()?;
        Ok(column.with_precision_and_scale(precision, scale)?)
    }
}

impl ScalarUDFImpl for DecimalCast {
    fn name(&self) -> &str {
        match self.tolerant {
            true => "spark_try_cast_decimal",
            false => "spark_cast_decimal",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        check_arity(self.name(), types.len(), 3..=3)?;
        let operand = match &types[0] {
            text if is_text(text) => text.clone(),
            _ => DataType::Float64,
        };
        Ok(vec![operand, DataType::Int32, DataType::Int32])
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        plan_err!("the type that {} returns is in its arguments", self.name())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let number = |place: usize| match args.scalar_arguments.get(place) {
            Some(Some(ScalarValue::Int32(Some(number)))) => Ok(*number),
            _ => Err(plan_datafusion_err!("a decimal's width must be a literal")),
        };
        let precision = u8::try_from(number(1)?).unwrap_or(u8::MAX);
        let scale = i8::try_from(number(2)?).unwrap_or(i8::MAX);
        if precision > DECIMAL128_MAX_PRECISION || scale < 0 || i16::from(scale) > precision.into()
        {
            return plan_err!("there is no DECIMAL({precision}, {scale})");
        }
        let kind = DataType::Decimal128(precision, scale);
        Ok(Arc::new(Field::new(self.name(), kind, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let &DataType::Decimal128(precision, scale) = args.return_field.data_type() else {
            return exec_err!("{} makes decimals only", self.name());
        };
        let width = (precision, scale);
        let operand = args.args[0].to_array(args.number_rows)?;
        let column = if is_text(operand.data_type()) {
            self.column(Texts::new(&operand)?.iter(), str::to_owned, width)?
        } else {
            let doubles = operand.as_primitive::<Float64Type>().iter();
            // The shortest digits that mean the number, as Java prints it: 0.1 is 0.1.
            self.column(doubles, |double| format!("{double:e}"), width)?
        };
        Ok(ColumnarValue::Array(Arc::new(column)))
    }
}

#[derive(Debug, PartialEq)]
enum Bad {
    Malformed,
    TooLarge,
}

impl Bad {
    fn error(&self, text: &str, precision: u8, scale: i8) -> Error {
        let target = format!("DECIMAL({precision},{scale})");
        let cause = match self {
            Self::Malformed => format!(
                "[CAST_INVALID_INPUT] The value '{text}' cannot be cast to \"{target}\" because it \
                 is malformed."
            ),
            Self::TooLarge => format!(
                "[NUMERIC_VALUE_OUT_OF_RANGE] The value '{text}' cannot be represented as {target}."
            ),
        };
        Error::new(Kind::Final, "cast", format!("'{text}' to {target}"), cause)
            .hint("use try_cast to get NULL instead")
    }
}

/// A number such as `-12.5e3` in units of the last place, rounded half up (away from zero).
fn parse(text: &str, precision: u8, scale: i8) -> Result<i128, Bad> {
    let text = text.trim_matches(|c: char| c <= '\u{20}');
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse().map_err(|_| Bad::Malformed)?),
        None => (unsigned, 0_i32),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Bad::Malformed);
    }
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return Ok(0);
    }
    // How many of the significant digits are kept; there may be fewer, or none.
    let zeros = digits.len() - significant.len();
    let before_point = whole.len() as i64 - zeros as i64 + i64::from(exponent);
    let kept = before_point + i64::from(scale);
    if kept > i64::from(precision) {
        return Err(Bad::TooLarge);
    }
    let Ok(kept) = usize::try_from(kept) else {
        return Ok(0);
    };
    let digit = |place: usize| significant.as_bytes().get(place).map_or(0, |d| d - b'0');
    let cut = (0..kept).fold(0_i128, |value, place| value * 10 + i128::from(digit(place)));
    let rounded = cut + i128::from(digit(kept) >= 5);
    if rounded >= 10_i128.pow(precision.into()) {
        return Err(Bad::TooLarge);
    }
    Ok(if text.starts_with('-') {
        -rounded
    } else {
        rounded
    })
}

/// Divides decimals, with Spark's precision and scale of the quotient.
#[derive(Debug, PartialEq, Eq, Hash)]
struct DivideDecimals {
    signature: Signature,
}

/// Digits that Spark leaves behind the point before it gives up digits in front of it.
const SCALE_MIN: i16 = 6;

fn quotient_type(left: &DataType, right: &DataType) -> Result<(u8, i8)> {
    let (&DataType::Decimal128(p1, s1), &DataType::Decimal128(p2, s2)) = (left, right) else {
        return plan_err!("{left} / {right} is no division of decimals");
    };
    let [p1, p2] = [i16::from(p1), i16::from(p2)];
    let [s1, s2] = [i16::from(s1), i16::from(s2)];
    let most = i16::from(DECIMAL128_MAX_PRECISION);
    let whole = p1 - s1 + s2;
    let scale = (s1 + p2 + 1).max(SCALE_MIN);
    let (precision, scale) = if whole + scale <= most {
        (whole + scale, scale)
    } else {
        (most, (most - whole).max(scale.min(SCALE_MIN)))
    };
    Ok((
        u8::try_from(precision).unwrap_or(DECIMAL128_MAX_PRECISION),
        i8::try_from(scale).unwrap_or_default(),
    ))
}

impl ScalarUDFImpl for DivideDecimals {
    fn name(&self) -> &str {
        "spark_divide_decimals"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        check_arity(self.name(), types.len(), 2..=2)?;
        quotient_type(&types[0], &types[1])?;
        Ok(types.to_vec())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let (precision, scale) = quotient_type(&types[0], &types[1])?;
        Ok(DataType::Decimal128(precision, scale))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let left = args.args[0].to_array(args.number_rows)?;
        let right = args.args[1].to_array(args.number_rows)?;
        Ok(ColumnarValue::Array(quotients(&left, &right)?))
    }
}

fn quotients(left: &ArrayRef, right: &ArrayRef) -> Result<ArrayRef> {
    let (precision, scale) = quotient_type(left.data_type(), right.data_type())?;
    let left = left.as_primitive::<Decimal128Type>();
    let right = right.as_primitive::<Decimal128Type>();
    let shift = i16::from(scale) - i16::from(left.scale()) + i16::from(right.scale());
    let values = left.iter().zip(right.iter()).map(|pair| match pair {
        (Some(_), Some(0)) => Err(super::divide::by_zero()),
        (Some(left), Some(right)) => match quotient(left, right, shift) {
            Some(value) if value.unsigned_abs() < 10_u128.pow(precision.into()) => Ok(Some(value)),
            _ => Err(Bad::TooLarge
                .error("of the quotient", precision, scale)
                .into_datafusion()),
        },
        _ => Ok(None),
    });
    let values = values.collect::<Result<Decimal128Array>>()?;
    Ok(Arc::new(values.with_precision_and_scale(precision, scale)?))
}

/// `left / right` in units of 10^-shift, rounded half up.
fn quotient(left: i128, right: i128, shift: i16) -> Option<i128> {
    let power = i256::from(10).checked_pow(shift.unsigned_abs().into())?;
    let [mut left, mut right] = [left, right].map(i256::from_i128);
    match shift >= 0 {
        true => left = left.checked_mul(power)?,
        false => right = right.checked_mul(power)?,
    }
    let (whole, rest) = (left.checked_div(right)?, left.checked_rem(right)?);
    let doubled = rest.checked_abs()?.checked_add(rest.checked_abs()?)?;
    let negative = (left < i256::ZERO) != (right < i256::ZERO);
    let step = match doubled >= right.checked_abs()? {
        true if negative => i256::MINUS_ONE,
        true => i256::ONE,
        false => i256::ZERO,
    };
    whole.checked_add(step)?.to_i128()
}

/// The double that is nearest to a decimal. (Arrow rounds twice: the digits, then their quotient.)
#[derive(Debug, PartialEq, Eq, Hash)]
struct DecimalToDouble {
    signature: Signature,
}

impl ScalarUDFImpl for DecimalToDouble {
    fn name(&self) -> &str {
        "spark_decimal_to_double"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        check_arity(self.name(), types.len(), 1..=1)?;
        match &types[0] {
            DataType::Decimal128(..) => Ok(types.to_vec()),
            other => plan_err!("{other} is no decimal"),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let decimals = args.args[0].to_array(args.number_rows)?;
        let decimals = decimals.as_primitive::<Decimal128Type>();
        let scale = decimals.scale();
        let doubles: Float64Array = decimals.unary(|digits| nearest(digits, scale));
        Ok(ColumnarValue::Array(Arc::new(doubles)))
    }
}

/// Integers up to 2^53, and powers of ten up to 10^22, are doubles exactly.
const EXACT_MAX: u128 = 1 << 53;
const EXACT_SCALE_MAX: i8 = 22;

fn nearest(digits: i128, scale: i8) -> f64 {
    if digits.unsigned_abs() <= EXACT_MAX && (0..=EXACT_SCALE_MAX).contains(&scale) {
        return digits as f64 / 10_f64.powi(scale.into());
    }
    format!("{digits}e{}", -i16::from(scale))
        .parse()
        .unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_half_up() {
        for (text, value) in [
            ("1.50", 1_500_000),
            (" +.5 ", 500_000),
            ("7.", 7_000_000),
            ("0.0000005", 1),
            ("-0.0000005", -1),
            ("0.00000049", 0),
            ("1e-6", 1),
            ("1E+3", 1_000_000_000),
            ("0e99999", 0),
            ("1e-99999", 0),
            ("00012.3", 12_300_000),
        ] {
            assert_eq!(parse(text, 20, 6), Ok(value), "{text}");
        }
        for text in [
            "", ".", "e5", "1e", "1d", "NaN", "inf", "1_0", "1 2", "--1", "1.2.3",
        ] {
            assert_eq!(parse(text, 20, 6), Err(Bad::Malformed), "{text}");
        }
        assert_eq!(parse("99.994", 4, 2), Ok(9999));
        for text in ["99.995", "100", "1e2", "1e2147483647"] {
            assert_eq!(parse(text, 4, 2), Err(Bad::TooLarge), "{text}");
        }
    }

    #[test]
    fn doubles_are_the_nearest_ones() {
        for (digits, scale, double) in [
            (15, 1, 1.5),
            (-40_644_895_000_000_000_000, 18, -40.644_895),
            (
                123_456_789_012_345_678_901_234_567_890,
                10,
                1.234_567_890_123_456_8e19,
            ),
            (1, 38, 1e-38),
        ] {
            assert!(nearest(digits, scale) == double, "{digits}e-{scale}");
        }
    }

    #[test]
    fn quotients_are_rounded_half_up() {
        assert_eq!(quotient(1, 8, 2), Some(13));
        assert_eq!(quotient(-1, 8, 2), Some(-13));
        assert_eq!(quotient(1, -3, 3), Some(-333));
        assert_eq!(quotient(12345, 1, -2), Some(123));
        assert_eq!(quotient(i128::MAX, 1, 76), None);
    }
}

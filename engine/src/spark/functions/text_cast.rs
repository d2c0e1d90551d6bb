//! Casts of texts to numbers, booleans, dates and timestamps. (To decimals: `decimals`.)
//!
//! `spark_cast_int` and its kin stand for `CAST(text AS INT)`, `spark_try_cast_int` for `try_cast`.
//! One function per type, so that the name alone says everything to an executor.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, PrimitiveArray};
use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, TimestampMicrosecondType,
};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::{Texts, check_arity, coerce_text, timestamp_ntz_type, timestamp_type, timestamps};
use crate::error::{Error, Kind};
use crate::source::date_of;

/// The types that texts are cast to here, with Spark's names.
fn targets() -> [(DataType, &'static str); 10] {
    [
        (DataType::Int8, "tinyint"),
        (DataType::Int16, "smallint"),
        (DataType::Int32, "int"),
        (DataType::Int64, "bigint"),
        (DataType::Float32, "float"),
        (DataType::Float64, "double"),
        (DataType::Boolean, "boolean"),
        (DataType::Date32, "date"),
        (timestamp_type(), "timestamp"),
        (timestamp_ntz_type(), "timestamp_ntz"),
    ]
}

/// The functions for all types.
pub(super) fn all() -> impl Iterator<Item = Arc<ScalarUDF>> {
    targets().into_iter().flat_map(|(target, _)| {
        [false, true]
            .into_iter()
            .filter_map(move |tolerant| text_cast(&target, tolerant))
            .map(Arc::new)
    })
}

/// The cast of texts to `target`, none if that is not done here. A tolerant one gives null for
/// what is malformed.
pub(in crate::spark) fn text_cast(target: &DataType, tolerant: bool) -> Option<ScalarUDF> {
    let (target, type_name) = targets().into_iter().find(|(known, _)| known == target)?;
    let verb = if tolerant { "try_cast" } else { "cast" };
    Some(ScalarUDF::from(TextCast {
        name: format!("spark_{verb}_{type_name}"),
        type_name,
        target,
        tolerant,
        signature: Signature::user_defined(Volatility::Immutable),
    }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct TextCast {
    name: String,
    type_name: &'static str,
    target: DataType,
    tolerant: bool,
    signature: Signature,
}

impl ScalarUDFImpl for TextCast {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        check_arity(&self.name, types.len(), 1..=1)?;
        Ok(vec![coerce_text(&self.name, &types[0])?])
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(self.target.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let array = args.args[0].to_array(args.number_rows)?;
        let texts = Texts::new(&array)?;
        let cast: ArrayRef = match self.target {
            DataType::Int8 => {
                Arc::new(self.numbers::<Int8Type>(&texts, |text| integer(text)?.try_into().ok())?)
            }
            DataType::Int16 => {
                Arc::new(self.numbers::<Int16Type>(&texts, |text| integer(text)?.try_into().ok())?)
            }
            DataType::Int32 => {
                Arc::new(self.numbers::<Int32Type>(&texts, |text| integer(text)?.try_into().ok())?)
            }
            DataType::Int64 => Arc::new(self.numbers::<Int64Type>(&texts, integer)?),
            DataType::Float32 => Arc::new(self.numbers::<Float32Type>(&texts, float)?),
            DataType::Float64 => Arc::new(self.numbers::<Float64Type>(&texts, double)?),
            DataType::Boolean => {
                let values = texts.iter().map(|text| self.value(text, boolean));
                Arc::new(values.collect::<Result<BooleanArray>>()?)
            }
            DataType::Date32 => Arc::new(self.numbers::<Date32Type>(&texts, date_of)?),
            DataType::Timestamp(..) => {
                let micros = self.numbers::<TimestampMicrosecondType>(&texts, timestamps::parse)?;
                Arc::new(micros.with_data_type(self.target.clone()))
            }
            ref other => return exec_err!("{} does not make {other}", self.name),
        };
        Ok(ColumnarValue::Array(cast))
    }
}

impl TextCast {
    fn numbers<T: ArrowPrimitiveType>(
        &self,
        texts: &Texts<'_>,
        parse: impl Fn(&str) -> Option<T::Native>,
    ) -> Result<PrimitiveArray<T>> {
        let values = texts.iter().map(|text| self.value(text, &parse));
        values.collect()
    }

    fn value<T>(&self, text: Option<&str>, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>> {
        let Some(text) = text else { return Ok(None) };
        match parse(text) {
            None if !self.tolerant => Err(self.malformed(text).into_datafusion()),
            value => Ok(value),
        }
    }

    fn malformed(&self, text: &str) -> Error {
        let target = self.type_name.to_uppercase();
        Error::new(
            Kind::Final,
            "cast",
            format!("'{text}' to {target}"),
            format!(
                "[CAST_INVALID_INPUT] The value '{text}' of the type \"STRING\" cannot be cast to \
                 \"{target}\" because it is malformed."
            ),
        )
        .hint("use try_cast to get NULL instead")
    }
}

/// Cuts off the bytes that Spark takes as blanks around a value.
fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c <= '\u{20}' || c == '\u{7f}')
}

/// An optional sign and digits, nothing else.
fn integer(text: &str) -> Option<i64> {
    let text = trim(text);
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

fn boolean(text: &str) -> Option<bool> {
    match trim(text).to_ascii_lowercase().as_str() {
        "t" | "true" | "y" | "yes" | "1" => Some(true),
        "f" | "false" | "n" | "no" | "0" => Some(false),
        _ => None,
    }
}

fn double(text: &str) -> Option<f64> {
    floating(text, |digits| digits.parse().ok(), |wide| wide)
}

fn float(text: &str) -> Option<f32> {
    floating(text, |digits| digits.parse().ok(), |wide| wide as f32)
}

/// What Java's `Double.parseDouble` takes, and Spark's names for infinity and NaN in any case.
fn floating<T>(
    text: &str,
    parse: impl Fn(&str) -> Option<T>,
    narrow: impl Fn(f64) -> T,
) -> Option<T> {
    // Java trims less than Spark does for integers.
    let text = text.trim_matches(|c: char| c <= '\u{20}');
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    match unsigned.as_bytes().first()? {
        b'i' | b'I' | b'n' | b'N' => {
            let negative = text.starts_with('-');
            match unsigned.to_ascii_lowercase().as_str() {
                "inf" | "infinity" if negative => Some(narrow(f64::NEG_INFINITY)),
                "inf" | "infinity" => Some(narrow(f64::INFINITY)),
                // Java takes a signed NaN as it spells it, Spark's other spellings have no sign.
                "nan" if unsigned == "NaN" || unsigned.len() == text.len() => {
                    Some(narrow(f64::NAN))
                }
                _ => None,
            }
        }
        b'0'..=b'9' | b'.' => {
            // `1d` and `1f` are Java's doubles and floats.
            let digits = text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text);
            digits
                .as_bytes()
                .last()
                .filter(|last| last.is_ascii_digit() || **last == b'.')?;
            parse(digits)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers() {
        assert_eq!(integer(" +2001\u{7f}\t"), Some(2001));
        assert_eq!(integer("-7"), Some(-7));
        assert_eq!(integer("007"), Some(7));
        for text in [
            "",
            " ",
            "+",
            "1999.5",
            "12.0",
            "19xx",
            "1 2",
            "9223372036854775808",
            "１",
        ] {
            assert_eq!(integer(text), None, "{text}");
        }
        assert_eq!(integer("-9223372036854775808"), Some(i64::MIN));
    }

    #[test]
    fn doubles() {
        for (text, value) in [
            ("1e1", 10.0),
            (".5", 0.5),
            ("7", 7.0),
            ("7.", 7.0),
            (" 1.5d ", 1.5),
            ("1F", 1.0),
            ("+1E-2", 0.01),
            ("Infinity", f64::INFINITY),
            ("-INF", f64::NEG_INFINITY),
            ("1e999", f64::INFINITY),
        ] {
            assert_eq!(double(text), Some(value), "{text}");
        }
        assert!(double("nan").is_some_and(f64::is_nan));
        for text in [
            "", ".", "e5", "1e", "1_0", "abc", "1dd", "-nan", "1 2", "in",
        ] {
            assert_eq!(double(text), None, "{text}");
        }
    }

    #[test]
    fn booleans() {
        for text in ["t", "TRUE", " yes ", "1", "y"] {
            assert_eq!(boolean(text), Some(true), "{text}");
        }
        for text in ["f", "False", "no", "0", "n"] {
            assert_eq!(boolean(text), Some(false), "{text}");
        }
        assert_eq!(boolean("on"), None);
    }
}

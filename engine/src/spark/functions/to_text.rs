//! Casts to texts, where Spark writes values otherwise than Arrow.

use std::sync::Arc;

use chrono::{DateTime, Datelike, Timelike};
use datafusion::arrow::array::{AsArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Float32Type, Float64Type, TimeUnit, TimestampMicrosecondType,
};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::check_arity;

/// The text of a floating-point number or of a timestamp.
pub(in crate::spark) fn to_text() -> ScalarUDF {
    ScalarUDF::from(ToText {
        signature: Signature::user_defined(Volatility::Immutable),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ToText {
    signature: Signature,
}

impl ScalarUDFImpl for ToText {
    fn name(&self) -> &str {
        "spark_to_text"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        check_arity(self.name(), types.len(), 1..=1)?;
        match &types[0] {
            kind @ (DataType::Float32 | DataType::Float64) => Ok(vec![kind.clone()]),
            DataType::Float16 => Ok(vec![DataType::Float32]),
            DataType::Timestamp(_, zone) => Ok(vec![DataType::Timestamp(
                TimeUnit::Microsecond,
                zone.clone(),
            )]),
            other => plan_err!("{} does not write {other}", self.name()),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let values = args.args[0].to_array(args.number_rows)?;
        let texts: StringArray = match values.data_type() {
            DataType::Float32 => {
                let values = values.as_primitive::<Float32Type>().iter();
                values
                    .map(|v| v.map(|v| floating(v.into(), &format!("{v:e}"))))
                    .collect()
            }
            DataType::Float64 => {
                let values = values.as_primitive::<Float64Type>().iter();
                values
                    .map(|v| v.map(|v| floating(v, &format!("{v:e}"))))
                    .collect()
            }
            DataType::Timestamp(..) => {
                let micros = cast(&values, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
                let micros = micros.as_primitive::<TimestampMicrosecondType>().iter();
                micros.map(|micros| micros.and_then(timestamp)).collect()
            }
            other => return exec_err!("{} does not write {other}", self.name()),
        };
        Ok(ColumnarValue::Array(Arc::new(texts)))
    }
}

/// As Java writes it: plain from 0.001 to 10 million, always with a point. `scientific` has the
/// shortest digits that mean the number, as in `1.5e-7`.
fn floating(value: f64, scientific: &str) -> String {
    if !value.is_finite() {
        return match value.is_nan() {
            true => "NaN".to_owned(),
            false if value < 0.0 => "-Infinity".to_owned(),
            false => "Infinity".to_owned(),
        };
    }
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let digits = mantissa.replace('.', "");
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let point = |before: &str, after: &str| {
        let after = if after.is_empty() { "0" } else { after };
        format!("{sign}{before}.{after}")
    };
    match usize::try_from(exponent) {
        Ok(places) if exponent < 7 => {
            let digits = format!("{digits:0<width$}", width = places + 1);
            point(&digits[..=places], &digits[places + 1..])
        }
        Err(_) if exponent >= -3 => {
            let zeros = "0".repeat(usize::try_from(-exponent - 1).unwrap_or_default());
            point("0", &format!("{zeros}{digits}"))
        }
        _ => format!("{}E{exponent}", point(&digits[..1], &digits[1..])),
    }
}

/// `2020-01-02 03:04:05.6`, without zeros at the end of the fraction.
fn timestamp(micros: i64) -> Option<String> {
    let time = DateTime::from_timestamp_micros(micros)?.naive_utc();
    let year = match time.year() {
        year @ 10_000.. => format!("+{year}"),
        year @ 0.. => format!("{year:04}"),
        year => format!("-{:04}", -year),
    };
    let whole = format!("{year}-{}", time.format("%m-%d %H:%M:%S"));
    let fraction = format!(".{:06}", time.nanosecond() / 1000);
    let fraction = fraction.trim_end_matches('0');
    Some(if fraction == "." {
        whole
    } else {
        whole + fraction
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_java_does() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-12.5, "-12.5"),
            (100.0, "100.0"),
            (9_999_999.0, "9999999.0"),
            (1e7, "1.0E7"),
            (1.234e10, "1.234E10"),
            (0.001, "0.001"),
            (0.012_5, "0.0125"),
            (0.000_999, "9.99E-4"),
            (f64::MAX, "1.7976931348623157E308"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(floating(value, &format!("{value:e}")), text);
        }
        let narrow = 0.1_f32;
        assert_eq!(floating(narrow.into(), &format!("{narrow:e}")), "0.1");
    }

    #[test]
    fn timestamps_have_no_needless_zeros() {
        for (micros, text) in [
            (0, "1970-01-01 00:00:00"),
            (1_500_000, "1970-01-01 00:00:01.5"),
            (-1, "1969-12-31 23:59:59.999999"),
            (253_402_300_800_000_000, "+10000-01-01 00:00:00"),
        ] {
            assert_eq!(timestamp(micros).as_deref(), Some(text));
        }
    }
}

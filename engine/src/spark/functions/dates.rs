//! Parts of dates: `year(d)` and its kin, `trunc`, `timestamp_seconds`.

use std::sync::Arc;

use chrono::{Datelike, Months, NaiveDate};
use datafusion::arrow::array::{
    ArrayRef, AsArray, Date32Array, Decimal128Array, Int32Array, TimestampMicrosecondArray,
};
use datafusion::arrow::compute::{DatePart, date_part};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int32Type, Int64Type, TimeUnit,
};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::{Texts, check_arity, coerce_text};
use crate::error::{Error, Kind};

/// Names, parts, and what is added to Arrow's counting.
const FIELDS: [(&str, DatePart, i32); 10] = [
    ("year", DatePart::Year, 0),
    ("quarter", DatePart::Quarter, 0),
    ("month", DatePart::Month, 0),
    ("weekofyear", DatePart::Week, 0),
    ("day", DatePart::Day, 0),
    ("dayofmonth", DatePart::Day, 0),
    ("dayofyear", DatePart::DayOfYear, 0),
    // Sunday is 1.
    ("dayofweek", DatePart::DayOfWeekSunday0, 1),
    // Monday is 0.
    ("weekday", DatePart::DayOfWeekMonday0, 0),
    ("yearofweek", DatePart::YearISO, 0),
];

/// All functions of this file.
pub(super) fn all() -> impl Iterator<Item = Arc<ScalarUDF>> {
    let fields = FIELDS.into_iter().map(|(name, ..)| {
        ScalarUDF::from(DateField {
            name,
            signature: Signature::user_defined(Volatility::Immutable),
        })
    });
    let others = [
        ScalarUDF::from(Trunc {
            signature: Signature::user_defined(Volatility::Immutable),
        }),
        ScalarUDF::from(TimestampSeconds {
            signature: Signature::user_defined(Volatility::Immutable),
        }),
    ];
    fields.chain(others).map(Arc::new)
}

/// Spark's `TIMESTAMP`: microseconds, shown in UTC.
pub(in crate::spark) fn timestamp_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// Spark's `TIMESTAMP_NTZ`: microseconds in no zone.
pub(in crate::spark) fn timestamp_ntz_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

/// Dates, and what Spark makes a date of where one is asked for.
fn coerce_date(function: &str, kind: &DataType) -> Result<DataType> {
    match kind {
        DataType::Date32
        | DataType::Date64
        | DataType::Timestamp(..)
        | DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Null => Ok(DataType::Date32),
        other => plan_err!("{function} needs a date, not {other}"),
    }
}

/// A number out of a date, such as its year. Always an INT.
#[derive(Debug, PartialEq, Eq, Hash)]
struct DateField {
    name: &'static str,
    signature: Signature,
}

impl ScalarUDFImpl for DateField {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        check_arity(self.name, types.len(), 1..=1)?;
        Ok(vec![coerce_date(self.name, &types[0])?])
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int32)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let dates = args.args[0].to_array(args.number_rows)?;
        let Some((_, part, shift)) = FIELDS.into_iter().find(|(name, ..)| *name == self.name)
        else {
            return exec_err!("there is no part {} of dates", self.name);
        };
        let fields = date_part(&dates, part)?;
        if shift == 0 {
            return Ok(ColumnarValue::Array(fields));
        }
        let fields = fields.as_primitive::<Int32Type>();
        let shifted: Int32Array = fields.unary(|field| field + shift);
        Ok(ColumnarValue::Array(Arc::new(shifted)))
    }
}

/// `trunc(date, 'MM')`: the first day of the date's month, and so on. Null for a format that
/// Spark does not know.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Trunc {
    signature: Signature,
}

impl ScalarUDFImpl for Trunc {
    fn name(&self) -> &str {
        "trunc"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        check_arity("trunc", types.len(), 2..=2)?;
        Ok(vec![
            coerce_date("trunc", &types[0])?,
            coerce_text("trunc", &types[1])?,
        ])
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Date32)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let dates = args.args[0].to_array(args.number_rows)?;
        let formats = args.args[1].to_array(args.number_rows)?;
        let dates = dates.as_primitive::<Date32Type>().iter();
        let formats = Texts::new(&formats)?;
        let truncated = dates
            .zip(formats.iter())
            .map(|(days, format)| truncate(days?, format?));
        let truncated: Date32Array = truncated.collect();
        Ok(ColumnarValue::Array(Arc::new(truncated)))
    }
}

fn truncate(days: i32, format: &str) -> Option<i32> {
    let date = Date32Type::to_naive_date_opt(days)?;
    let first = match format.to_ascii_lowercase().as_str() {
        "year" | "yyyy" | "yy" => date.with_day(1)?.with_month(1)?,
        "quarter" => date
            .with_day(1)?
            .checked_sub_months(Months::new(date.month0() % 3))?,
        "month" | "mon" | "mm" => date.with_day(1)?,
        "week" => {
            let since_monday = date.weekday().num_days_from_monday();
            NaiveDate::checked_sub_days(date, chrono::Days::new(since_monday.into()))?
        }
        _ => return None,
    };
    Some(Date32Type::from_naive_date(first))
}

const MICROS: i64 = 1_000_000;
/// The decimals in which a number of seconds has whole microseconds.
const SECONDS: DataType = DataType::Decimal128(38, 6);

/// `timestamp_seconds(n)`: so many seconds after 1970, with a fraction down to microseconds.
#[derive(Debug, PartialEq, Eq, Hash)]
struct TimestampSeconds {
    signature: Signature,
}

impl ScalarUDFImpl for TimestampSeconds {
    fn name(&self) -> &str {
        "timestamp_seconds"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        check_arity("timestamp_seconds", types.len(), 1..=1)?;
        match &types[0] {
            kind if kind.is_integer() || kind.is_null() => Ok(vec![DataType::Int64]),
            kind if kind.is_floating() => Ok(vec![DataType::Float64]),
            kind if kind.is_decimal() => Ok(vec![SECONDS]),
            other => plan_err!("timestamp_seconds needs a number, not {other}"),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(timestamp_type())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let seconds = args.args[0].to_array(args.number_rows)?;
        let micros = micros(&seconds)?.with_timezone("UTC");
        Ok(ColumnarValue::Array(Arc::new(micros)))
    }
}

fn micros(seconds: &ArrayRef) -> Result<TimestampMicrosecondArray> {
    match seconds.data_type() {
        DataType::Float64 => {
            let seconds = seconds.as_primitive::<Float64Type>().iter();
            // Spark has no timestamp for what is no finite number, and saturates.
            Ok(seconds
                .map(|s| {
                    s.filter(|s| s.is_finite())
                        .map(|s| (s * MICROS as f64) as i64)
                })
                .collect())
        }
        DataType::Decimal128(..) => {
            let seconds: &Decimal128Array = seconds.as_primitive::<Decimal128Type>();
            let micros = seconds.iter().map(|micros| {
                let fitting = micros.map(i64::try_from).transpose();
                fitting.map_err(|_| too_far().into_datafusion())
            });
            micros.collect()
        }
        _ => {
            let seconds = seconds.as_primitive::<Int64Type>().iter();
            let micros = seconds.map(|seconds| match seconds {
                None => Ok(None),
                Some(seconds) => match seconds.checked_mul(MICROS) {
                    None => Err(too_far().into_datafusion()),
                    micros => Ok(micros),
                },
            });
            micros.collect()
        }
    }
}

fn too_far() -> Error {
    Error::new(
        Kind::Final,
        "make a timestamp of",
        "a number of seconds",
        "[ARITHMETIC_OVERFLOW] long overflow",
    )
}

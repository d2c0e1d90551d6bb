//! The least or the greatest value of a column, on its way from a task to the run's record.

use std::cmp::Ordering;

use datafusion::arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// Where a text is cut; what is cut ends with `…`.
pub const TEXT_CHARS_MAX: usize = 100;

/// A value of a type that has an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Of integers, dates (days), timestamps (microseconds), decimals (without their point), truth
    /// values; in JSON as a text, because not every reader takes such large numbers.
    #[serde(with = "digits")]
    Whole(i128),
    /// Never NaN. Infinities are not JSON's, so it is a text there.
    #[serde(with = "fraction")]
    Fraction(f64),
    Text(String),
}

impl Eq for Bound {}

impl Bound {
    /// A bound of a text.
    pub fn text(text: &str) -> Self {
        match text.char_indices().nth(TEXT_CHARS_MAX) {
            Some((end, _)) => Self::Text(format!("{}…", &text[..end])),
            None => Self::Text(text.to_owned()),
        }
    }

    /// Whether it comes before another one of the same column.
    pub(super) fn less(&self, other: &Self) -> bool {
        let order = match (self, other) {
            (Self::Whole(left), Self::Whole(right)) => left.cmp(right),
            (Self::Fraction(left), Self::Fraction(right)) => left.total_cmp(right),
            (Self::Text(left), Self::Text(right)) => left.cmp(right),
            _ => Ordering::Equal,
        };
        order == Ordering::Less
    }

    /// The value as people and programs read it, given its column's type.
    pub(super) fn to_json(&self, data_type: &DataType) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Fraction(value) if value.is_finite() => json!(value),
            Self::Fraction(value) => json!(value.to_string()),
            Self::Whole(value) => whole_to_json(*value, data_type).unwrap_or_else(|| {
                i64::try_from(*value)
                    .map_or_else(|_| json!(value.to_string()), |value| json!(value))
            }),
        }
    }
}

/// Types whose whole number is not what people read.
fn whole_to_json(value: i128, data_type: &DataType) -> Option<Value> {
    let array: ArrayRef = match data_type {
        DataType::Boolean => return Some(json!(value != 0)),
        DataType::Date32 => Arc::new(Date32Array::from(vec![i32::try_from(value).ok()?])),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let micros = TimestampMicrosecondArray::from(vec![i64::try_from(value).ok()?]);
            Arc::new(micros.with_timezone_opt(zone.clone()))
        }
        DataType::Decimal128(precision, scale) => {
            let decimal = Decimal128Array::from(vec![value]);
            Arc::new(decimal.with_precision_and_scale(*precision, *scale).ok()?)
        }
        _ => return None,
    };
    let options = FormatOptions::default();
    let text = ArrayFormatter::try_new(&array, &options).ok()?;
    Some(json!(text.value(0).to_string()))
}

/// The bounds of truth values.
pub(super) fn of_booleans(values: &BooleanArray) -> Option<(Bound, Bound)> {
    let count = values.len() - values.null_count();
    let truths = values.true_count();
    (count > 0).then(|| {
        (
            Bound::Whole(i128::from(truths == count)),
            Bound::Whole(i128::from(truths > 0)),
        )
    })
}

mod digits {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(value: &i128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub fn deserialize<'a, D: Deserializer<'a>>(deserializer: D) -> Result<i128, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

mod fraction {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub fn deserialize<'a, D: Deserializer<'a>>(deserializer: D) -> Result<f64, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

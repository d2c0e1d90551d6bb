//! Figures about a column's values, which a database that holds the same values can compute too.
//!
//! The sink writes them into each file's footer, from the rows as they passed through memory; so a
//! load can prove, without reading the files once more, that a table has the same values.

use std::collections::HashMap;

use datafusion::arrow::array::{
    Array, ArrowPrimitiveType, AsArray, BinaryArray, PrimitiveArray, RecordBatch, StringArray,
};
use datafusion::arrow::datatypes::TimeUnit;
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type,
};
use datafusion::parquet::file::metadata::KeyValue;
use serde::{Deserialize, Serialize};

/// The footer's key under which the figures stand, as JSON: one element per column, in order.
const FOOTER_KEY: &str = "cinemill.figures";
/// Above this, thousandths of a `double` are no longer exact.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
const MICROS_PER_SECOND: i64 = 1_000_000;

/// The figures of one column.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnFigures {
    pub nulls: u64,
    /// The length in bytes of the longest text or binary value; `None` in columns of other types.
    pub max_bytes: Option<u64>,
    /// See [`Sum`].
    pub sum: Sum,
}

/// An exact sum over the values that are not null: of integers and dates (days since 1970) as they
/// are, of truth values as 1 and 0, of texts their lengths in bytes, of decimals without their
/// point, of timestamps whole seconds since 1970 (rounded down), of floating-point numbers
/// thousandths (rounded down). `None` where there is none: other types, infinities and the like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Option<String>", try_from = "Option<String>")]
pub struct Sum(pub Option<i128>);

impl Default for Sum {
    fn default() -> Self {
        Self(Some(0))
    }
}

impl From<Sum> for Option<String> {
    fn from(sum: Sum) -> Self {
        sum.0.map(|sum| sum.to_string())
    }
}

impl TryFrom<Option<String>> for Sum {
    type Error = std::num::ParseIntError;

    fn try_from(text: Option<String>) -> Result<Self, Self::Error> {
        text.map(|text| text.parse()).transpose().map(Self)
    }
}

impl ColumnFigures {
    /// The figures of both: `self` and `other`.
    pub fn merge(&mut self, other: &Self) {
        self.nulls += other.nulls;
        self.max_bytes = self.max_bytes.max(other.max_bytes);
        self.sum.0 = add(self.sum.0, other.sum.0);
    }

    fn add_values(&mut self, values: &dyn Array) {
        self.nulls += values.null_count() as u64;
        if let Some(lengths) = lengths(values) {
            let longest = lengths.iter().max().copied().unwrap_or(0);
            self.max_bytes = self.max_bytes.max(Some(longest));
            self.sum.0 = add(self.sum.0, Some(i128::from(lengths.iter().sum::<u64>())));
        } else {
            self.sum.0 = add(self.sum.0, sum(values));
        }
    }
}

fn add(left: Option<i128>, right: Option<i128>) -> Option<i128> {
    left?.checked_add(right?)
}

/// Brings the figures of a file's columns up to the batch that is added.
pub fn add_batch(figures: &mut Vec<ColumnFigures>, batch: &RecordBatch) {
    figures.resize_with(batch.num_columns(), ColumnFigures::default);
    for (figures, column) in figures.iter_mut().zip(batch.columns()) {
        figures.add_values(column);
    }
}

/// What the footer is to hold.
pub fn into_footer(figures: &[ColumnFigures]) -> serde_json::Result<KeyValue> {
    let json = serde_json::to_string(figures)?;
    Ok(KeyValue::new(FOOTER_KEY.to_owned(), json))
}

/// The figures in a footer's keys and values; `None` in a file that has none.
pub fn from_footer(metadata: &HashMap<String, String>) -> Option<Vec<ColumnFigures>> {
    serde_json::from_str(metadata.get(FOOTER_KEY)?).ok()
}

/// The lengths in bytes of the texts that are not null; `None` for other types.
fn lengths(values: &dyn Array) -> Option<Vec<u64>> {
    fn of(offsets: &[i32], is_valid: impl Fn(usize) -> bool) -> Vec<u64> {
        let ends = offsets.windows(2).enumerate();
        ends.filter(|(row, _)| is_valid(*row))
            .map(|(_, ends)| u64::from((ends[1] - ends[0]).cast_unsigned()))
            .collect()
    }
    let any = values.as_any();
    if let Some(texts) = any.downcast_ref::<StringArray>() {
        return Some(of(texts.value_offsets(), |row| texts.is_valid(row)));
    }
    let binary = any.downcast_ref::<BinaryArray>()?;
    Some(of(binary.value_offsets(), |row| binary.is_valid(row)))
}

fn sum(values: &dyn Array) -> Option<i128> {
    match values.data_type() {
        DataType::Boolean => Some(values.as_boolean().true_count() as i128),
        DataType::Int8 => integers::<Int8Type>(values),
        DataType::Int16 => integers::<Int16Type>(values),
        DataType::Int32 => integers::<Int32Type>(values),
        DataType::Int64 => integers::<Int64Type>(values),
        DataType::UInt8 => integers::<UInt8Type>(values),
        DataType::UInt16 => integers::<UInt16Type>(values),
        DataType::UInt32 => integers::<UInt32Type>(values),
        DataType::Date32 => integers::<Date32Type>(values),
        DataType::Decimal128(..) => integers::<Decimal128Type>(values),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let micros = values.as_primitive::<TimestampMicrosecondType>();
            let seconds = |micros: i64| i128::from(micros.div_euclid(MICROS_PER_SECOND));
            Some(micros.iter().flatten().map(seconds).sum())
        }
        DataType::Float32 => thousandths(values.as_primitive::<Float32Type>(), f64::from),
        DataType::Float64 => thousandths(values.as_primitive::<Float64Type>(), |value| value),
        _ => None,
    }
}

fn integers<T: ArrowPrimitiveType<Native: Into<i128>>>(values: &dyn Array) -> Option<i128> {
    let values = values.as_primitive::<T>();
    let add = |sum: i128, value: T::Native| sum.checked_add(value.into());
    match values.null_count() {
        0 => values.values().iter().copied().try_fold(0, add),
        _ => values.iter().flatten().try_fold(0, add),
    }
}

fn thousandths<T: ArrowPrimitiveType>(
    values: &PrimitiveArray<T>,
    widen: impl Fn(T::Native) -> f64,
) -> Option<i128> {
    values.iter().flatten().try_fold(0i128, |sum, value| {
        let thousandths = (widen(value) * 1000.0).floor();
        // NaN is no number to compare with, so it ends here too.
        let is_exact = thousandths.abs() < EXACT_MAX;
        is_exact.then(|| sum + thousandths as i128)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{
        ArrayRef, BooleanArray, Float32Array, Float64Array, Int64Array, TimestampMicrosecondArray,
    };

    use super::*;

    fn of(values: ArrayRef) -> ColumnFigures {
        let mut figures = Vec::new();
        let batch = RecordBatch::try_from_iter([("c", values)]).unwrap();
        add_batch(&mut figures, &batch.slice(0, 1));
        add_batch(&mut figures, &batch.slice(1, batch.num_rows() - 1));
        figures.remove(0)
    }

    #[test]
    fn each_type_has_its_sum() {
        let text: ArrayRef = Arc::new(StringArray::from(vec![
            Some("é"),
            None,
            Some(""),
            Some("abc"),
        ]));
        let figures = of(text);
        assert_eq!((figures.nulls, figures.max_bytes), (1, Some(3)));
        assert_eq!(figures.sum, Sum(Some(5)));

        let large = Int64Array::from(vec![Some(i64::MAX), Some(i64::MAX), None]);
        assert_eq!(of(Arc::new(large)).sum.0, Some(2 * i128::from(i64::MAX)));
        let truth = BooleanArray::from(vec![Some(true), None, Some(false)]);
        assert_eq!(of(Arc::new(truth)).sum.0, Some(1));
        let rating = Float64Array::from(vec![Some(8.6), Some(-0.0005), None]);
        assert_eq!(of(Arc::new(rating)).sum.0, Some(8600 - 1));
        // 8.6 as a float is 8.60000038.
        assert_eq!(
            of(Arc::new(Float32Array::from(vec![8.6, 8.6]))).sum.0,
            Some(17200)
        );
        let before = TimestampMicrosecondArray::from(vec![-1, 1_500_000]);
        assert_eq!(of(Arc::new(before)).sum.0, Some(-1 + 1));
    }

    #[test]
    fn what_has_no_exact_sum_has_none() {
        for odd in [f64::NAN, f64::INFINITY, 1e300] {
            let figures = of(Arc::new(Float64Array::from(vec![1.0, odd, 1.0])));
            assert_eq!(figures.sum, Sum(None), "{odd}");
        }
    }

    #[test]
    fn a_footer_brings_them_back() {
        let figures = vec![
            ColumnFigures {
                nulls: 1,
                max_bytes: Some(4),
                sum: Sum(Some(-(1 << 100))),
            },
            ColumnFigures {
                nulls: 0,
                max_bytes: None,
                sum: Sum(None),
            },
        ];
        let pair = into_footer(&figures).unwrap();
        let metadata = HashMap::from([(pair.key, pair.value.unwrap())]);
        assert_eq!(from_footer(&metadata), Some(figures));
        assert_eq!(from_footer(&HashMap::new()), None);
    }
}

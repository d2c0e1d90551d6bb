//! Rows in buckets by the value of a column: how incremental runs and backfills take their share of
//! the inputs, and see what changed.
//!
//! The hashes are written down and compared by later runs, perhaps on other machines, so they never
//! change: xxHash64 with seed 0 of the value's text.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int32Array, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::common::{ScalarValue, exec_err};
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};
use twox_hash::XxHash64;

/// A fingerprint has as many bits, so that those of many rows can be added up.
const FINGERPRINT_BITS: u32 = 40;

/// Adds the functions to a session.
pub fn register(mut builder: SessionStateBuilder) -> SessionStateBuilder {
    let functions = builder.scalar_functions().get_or_insert_default();
    functions.extend([
        bucket_function(),
        fingerprint_function(),
        contains_function(),
    ]);
    builder
}

/// The bucket, from 0, of a value among `buckets`; null is in the first one.
pub fn bucket(value: Expr, buckets: u32) -> Expr {
    bucket_function().call(vec![value, lit(i64::from(buckets))])
}

/// A number that differs, but for one in 2⁴⁰ cases, where a row differs.
pub fn fingerprint(columns: Vec<Expr>) -> Expr {
    fingerprint_function().call(columns)
}

/// Whether the bucket of a value is in a set.
pub fn is_in(value: Expr, set: &BucketSet) -> Expr {
    let bits = ScalarValue::Binary(Some(set.bits.to_vec()));
    contains_function().call(vec![value, Expr::Literal(bits, None)])
}

/// Some of the buckets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketSet {
    bits: Arc<[u8]>,
}

impl BucketSet {
    /// A set of some of `buckets`, a multiple of 8.
    pub fn of(buckets: u32, members: impl IntoIterator<Item = u32>) -> Self {
        let mut bits = vec![0u8; buckets.div_ceil(8) as usize];
        for member in members {
            if let Some(byte) = bits.get_mut(member as usize / 8) {
                *byte |= 1 << (member % 8);
            }
        }
        Self { bits: bits.into() }
    }

    pub fn len(&self) -> u32 {
        self.bits.iter().map(|byte| byte.count_ones()).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The buckets of both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let pairs = self.bits.iter().zip(other.bits.iter());
        Self {
            bits: pairs.map(|(left, right)| left | right).collect(),
        }
    }
}

fn bucket_of(text: &str, buckets: u64) -> u64 {
    XxHash64::oneshot(0, text.as_bytes()) % buckets.max(1)
}

/// The buckets of all values, in order.
fn buckets_of(values: &ArrayRef, buckets: u64) -> Result<Vec<u64>> {
    let texts = cast(values, &DataType::Utf8)?;
    let texts = texts.as_string::<i32>().iter();
    Ok(texts
        .map(|text| text.map_or(0, |text| bucket_of(text, buckets)))
        .collect())
}

fn bucket_function() -> Arc<ScalarUDF> {
    Arc::new(Function::udf("cinemill_bucket", DataType::Int32, |args| {
        let [values, buckets] = args else {
            return exec_err!("cinemill_bucket takes a value and a number");
        };
        let count = cast(buckets, &DataType::Int64)?;
        let count = match count.is_empty() {
            true => 1,
            false => count.as_primitive::<Int64Type>().value(0).unsigned_abs(),
        };
        let numbers = buckets_of(values, count)?.into_iter();
        Ok(Arc::new(
            numbers.map(|number| number as i32).collect::<Int32Array>(),
        ))
    }))
}

fn fingerprint_function() -> Arc<ScalarUDF> {
    Arc::new(Function::udf(
        "cinemill_fingerprint",
        DataType::Int64,
        |args| {
            let plain: Vec<ArrayRef> = args.iter().map(plain).collect::<Result<_>>()?;
            let fields = plain
                .iter()
                .map(|column| SortField::new(column.data_type().clone()));
            let rows = RowConverter::new(fields.collect())?.convert_columns(&plain)?;
            let mask = (1u64 << FINGERPRINT_BITS) - 1;
            let prints = rows
                .iter()
                .map(|row| (XxHash64::oneshot(0, row.as_ref()) & mask) as i64);
            Ok(Arc::new(prints.collect::<Int64Array>()))
        },
    ))
}

/// Texts in one of their three forms, as plans differ in which they use.
fn plain(column: &ArrayRef) -> Result<ArrayRef> {
    match column.data_type() {
        DataType::Utf8View | DataType::LargeUtf8 => Ok(cast(column, &DataType::Utf8)?),
        _ => Ok(Arc::clone(column)),
    }
}

fn contains_function() -> Arc<ScalarUDF> {
    Arc::new(Function::udf(
        "cinemill_in_buckets",
        DataType::Boolean,
        |args| {
            let [values, set] = args else {
                return exec_err!("cinemill_in_buckets takes a value and a set");
            };
            let sets = set.as_binary::<i32>();
            if sets.is_empty() {
                return Ok(Arc::new(BooleanArray::from(Vec::<bool>::new())));
            }
            let bits = sets.value(0);
            let is_set = |bucket: u64| bits[bucket as usize / 8] >> (bucket % 8) & 1 == 1;
            let found = buckets_of(values, bits.len() as u64 * 8)?.into_iter();
            Ok(Arc::new(
                found.map(is_set).map(Some).collect::<BooleanArray>(),
            ))
        },
    ))
}

type Body = fn(&[ArrayRef]) -> Result<ArrayRef>;

/// A function of rows, known to all members of a cluster by its name.
#[derive(Debug)]
struct Function {
    name: &'static str,
    result: DataType,
    signature: Signature,
    body: Body,
}

impl Function {
    fn udf(name: &'static str, result: DataType, body: Body) -> ScalarUDF {
        ScalarUDF::new_from_impl(Self {
            name,
            result,
            signature: Signature::variadic_any(Volatility::Immutable),
            body,
        })
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Function {}

impl std::hash::Hash for Function {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.result.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        // A set or a number is the same in all rows, and is not repeated for each.
        let arrays = args
            .args
            .into_iter()
            .enumerate()
            .map(|(index, value)| match value {
                ColumnarValue::Array(array) => Ok(array),
                ColumnarValue::Scalar(scalar) if index == 0 => scalar.to_array_of_size(rows),
                ColumnarValue::Scalar(scalar) if self.name == "cinemill_fingerprint" => {
                    scalar.to_array_of_size(rows)
                }
                ColumnarValue::Scalar(scalar) => scalar.to_array_of_size(1),
            });
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        (self.body)(&arrays).map(ColumnarValue::Array)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use datafusion::arrow::array::{RecordBatch, StringArray};
    use datafusion::logical_expr::ident;
    use datafusion::prelude::SessionContext;

    use super::*;

    async fn rows(columns: Vec<Expr>) -> RecordBatch {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some("c")]));
        let batch = RecordBatch::try_from_iter([("text", texts)]).unwrap();
        let frame = SessionContext::new().read_batch(batch).unwrap();
        let mut found = frame.select(columns).unwrap().collect().await.unwrap();
        found.remove(0)
    }

    #[test]
    fn hashes_never_change() {
        let found = ["tt0000001", "a", ""].map(|text| bucket_of(text, 1 << 20));
        assert_eq!(found, [479_311, 814_683, 584_089]);
    }

    #[tokio::test]
    async fn rows_are_found_by_their_buckets() {
        let numbers = rows(vec![bucket(ident("text"), 16)]).await;
        let numbers = numbers
            .column(0)
            .as_primitive::<datafusion::arrow::datatypes::Int32Type>();
        let [a, none, b] = [0, 1, 2].map(|row| numbers.value(row) as u32);
        assert_eq!(none, 0);
        assert_ne!(a, b);
        let set = BucketSet::of(16, [b]);
        let found = rows(vec![is_in(ident("text"), &set)]).await;
        let found: Vec<_> = found.column(0).as_boolean().iter().collect();
        assert_eq!(found, [Some(a == b), Some(none == b), Some(true)]);
        let both = set.union(&BucketSet::of(16, [a]));
        assert_eq!((set.len(), both.len()), (1, 2));
        assert!(BucketSet::of(16, []).is_empty());
    }

    #[tokio::test]
    async fn fingerprints_tell_rows_apart() {
        let prints = rows(vec![fingerprint(vec![ident("text"), lit(1i64)])]).await;
        let again = rows(vec![fingerprint(vec![ident("text"), lit(2i64)])]).await;
        let numbers = |batch: &RecordBatch| {
            batch
                .column(0)
                .as_primitive::<Int64Type>()
                .values()
                .to_vec()
        };
        let all: std::collections::BTreeSet<i64> = numbers(&prints)
            .into_iter()
            .chain(numbers(&again))
            .collect();
        assert_eq!(all.len(), 6);
        assert!(
            all.iter()
                .all(|print| (0..1 << FINGERPRINT_BITS).contains(print))
        );
    }
}

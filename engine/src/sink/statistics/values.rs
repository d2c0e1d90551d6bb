//! Goes over the values of an array once.

use datafusion::arrow::array::{Array, ArrowPrimitiveType, AsArray, PrimitiveArray};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimeUnit, TimestampMicrosecondType,
};
use twox_hash::XxHash64;

use super::bound::{self, Bound};
use super::sketch::Sketch;

/// An odd number whose bits follow no pattern.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Types that the sink writes and whose values are looked into. Others have their nulls counted.
pub fn has_statistics(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Boolean
            | DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::Float32
            | DataType::Float64
            | DataType::Date32
            | DataType::Timestamp(TimeUnit::Microsecond, _)
            | DataType::Decimal128(..)
            | DataType::Utf8
    )
}

/// Adds the values to the sketch and gives the least and the greatest; `None` where all are null.
pub fn add(values: &dyn Array, sketch: &mut Sketch) -> Option<(Bound, Bound)> {
    match values.data_type() {
        DataType::Boolean => {
            let values = values.as_boolean();
            let range = bound::of_booleans(values);
            // There are only two values, and the bounds are all of them.
            for bound in range.iter().flat_map(|(min, max)| [min, max]) {
                sketch.add(mix(u64::from(*bound == Bound::Whole(1))));
            }
            range
        }
        DataType::Int8 => whole::<Int8Type>(values, sketch),
        DataType::Int16 => whole::<Int16Type>(values, sketch),
        DataType::Int32 => whole::<Int32Type>(values, sketch),
        DataType::Int64 => whole::<Int64Type>(values, sketch),
        DataType::Date32 => whole::<Date32Type>(values, sketch),
        DataType::Timestamp(..) => whole::<TimestampMicrosecondType>(values, sketch),
        DataType::Decimal128(..) => whole::<Decimal128Type>(values, sketch),
        DataType::Float32 => {
            let values = values.as_primitive::<Float32Type>();
            fractions(present(values).map(f64::from), sketch)
        }
        DataType::Float64 => fractions(present(values.as_primitive::<Float64Type>()), sketch),
        _ => texts(values.as_string_opt::<i32>()?.iter().flatten(), sketch),
    }
}

fn present<T: ArrowPrimitiveType>(values: &PrimitiveArray<T>) -> impl Iterator<Item = T::Native> {
    values.iter().flatten()
}

fn whole<T: ArrowPrimitiveType<Native: Into<i128> + Ord>>(
    values: &dyn Array,
    sketch: &mut Sketch,
) -> Option<(Bound, Bound)> {
    let values = values.as_primitive::<T>();
    match values.null_count() {
        0 => whole_of(values.values().iter().copied(), sketch),
        _ => whole_of(present(values), sketch),
    }
}

fn whole_of<N: Into<i128> + Ord + Copy>(
    values: impl Iterator<Item = N>,
    sketch: &mut Sketch,
) -> Option<(Bound, Bound)> {
    let mut range: Option<(N, N)> = None;
    for value in values {
        let wide: i128 = value.into();
        let high = (wide >> 64) as u64;
        // The upper half is nothing but the sign in nearly all columns. A factor keeps a number and
        // its complement apart.
        sketch.add(mix(wide as u64 ^ high.wrapping_mul(SPREAD)));
        range = Some(match range {
            Some((min, max)) => (min.min(value), max.max(value)),
            None => (value, value),
        });
    }
    range.map(|(min, max)| (Bound::Whole(min.into()), Bound::Whole(max.into())))
}

fn fractions(values: impl Iterator<Item = f64>, sketch: &mut Sketch) -> Option<(Bound, Bound)> {
    let mut range: Option<(f64, f64)> = None;
    for value in values {
        // Zero and minus zero are one value; so are all that are no number.
        let value = match value {
            0.0 => 0.0,
            nan if nan.is_nan() => f64::NAN,
            other => other,
        };
        sketch.add(mix(value.to_bits()));
        if !value.is_nan() {
            range = Some(match range {
                Some((min, max)) => (min.min(value), max.max(value)),
                None => (value, value),
            });
        }
    }
    range.map(|(min, max)| (Bound::Fraction(min), Bound::Fraction(max)))
}

fn texts<'a>(values: impl Iterator<Item = &'a str>, sketch: &mut Sketch) -> Option<(Bound, Bound)> {
    let mut range: Option<(&str, &str)> = None;
    for value in values {
        sketch.add(XxHash64::oneshot(0, value.as_bytes()));
        range = Some(match range {
            Some((min, max)) if value > max => (min, value),
            Some((min, max)) if value < min => (value, max),
            Some(range) => range,
            None => (value, value),
        });
    }
    range.map(|(min, max)| (Bound::text(min), Bound::text(max)))
}

/// Spreads a number over all bits (the end of `SplitMix64`).
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(SPREAD);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

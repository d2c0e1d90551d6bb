//! `array_sort(array)`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray, StructArray, UInt32Array};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::{SortOptions, take};
use datafusion::arrow::datatypes::{DataType, Float32Type, Float64Type};
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::common::{Result, not_impl_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::{as_list, coerce_array};

/// Sorts each array upwards, with null elements last. Structs are compared field by field, where
/// null fields come first. Null if the array is.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct ArraySort {
    signature: Signature,
}

impl ArraySort {
    pub(super) fn new() -> Self {
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for ArraySort {
    fn name(&self) -> &str {
        "array_sort"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [array] => Ok(vec![coerce_array("array_sort", array)?]),
            _ => not_impl_err!("array_sort with a comparator is not supported yet"),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types[0].clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let array = args.args[0].to_array(args.number_rows)?;
        let sorted = sort(as_list(&array)?)?;
        Ok(ColumnarValue::Array(sorted.unwrap_or(array)))
    }
}

/// The sorted arrays, none if all are in order already.
///
/// All elements are encoded once, as bytes that compare as the values do; then each array's
/// places are sorted, and all values moved in one go.
fn sort(list: &ListArray) -> Result<Option<ArrayRef>> {
    let offsets = list.value_offsets();
    let (Some(&first), Some(&last)) = (offsets.first(), offsets.last()) else {
        return Ok(None);
    };
    let values = list.values().slice(index(first), index(last - first));
    if values.is_empty() || values.data_type().is_null() {
        return Ok(None);
    }
    let options = SortOptions {
        descending: false,
        nulls_first: true,
    };
    let field = SortField::new_with_options(values.data_type().clone(), options);
    let rows = RowConverter::new(vec![field])?.convert_columns(&[comparable(&values)?])?;
    let nulls = values.logical_nulls();
    let is_null = |place: usize| nulls.as_ref().is_some_and(|nulls| nulls.is_null(place));

    let mut places: Vec<u32> = (0..u32::try_from(values.len()).unwrap_or(u32::MAX)).collect();
    let mut moved = false;
    for bounds in offsets.windows(2) {
        let places = &mut places[index(bounds[0] - first)..index(bounds[1] - first)];
        let key = |place: u32| (is_null(place as usize), rows.row(place as usize));
        if !places.is_sorted_by(|a, b| key(*a) <= key(*b)) {
            places.sort_by(|a, b| key(*a).cmp(&key(*b)));
            moved = true;
        }
    }
    if !moved {
        return Ok(None);
    }
    let DataType::List(item) = list.data_type() else {
        return Ok(None);
    };
    let offsets = OffsetBuffer::from_lengths(list.offsets().lengths());
    let values = take(&values, &UInt32Array::from(places), None)?;
    let sorted = ListArray::try_new(Arc::clone(item), offsets, values, list.nulls().cloned())?;
    Ok(Some(Arc::new(sorted)))
}

/// The same values, where doubles that Spark takes as equal have the same bits: 0.0 and -0.0, and
/// all that are not a number.
fn comparable(values: &ArrayRef) -> Result<ArrayRef> {
    Ok(match values.data_type() {
        DataType::Float64 => Arc::new(
            values
                .as_primitive::<Float64Type>()
                .unary::<_, Float64Type>(|value| {
                    if value.is_nan() {
                        f64::NAN
                    } else {
                        value + 0.0
                    }
                }),
        ),
        DataType::Float32 => Arc::new(
            values
                .as_primitive::<Float32Type>()
                .unary::<_, Float32Type>(|value| {
                    if value.is_nan() {
                        f32::NAN
                    } else {
                        value + 0.0
                    }
                }),
        ),
        DataType::Struct(fields) => {
            let structs = values.as_struct();
            let columns = structs.columns().iter().map(comparable);
            let columns = columns.collect::<Result<Vec<_>>>()?;
            let nulls = structs.nulls().cloned();
            Arc::new(StructArray::try_new(fields.clone(), columns, nulls)?)
        }
        _ => Arc::clone(values),
    })
}

/// Offsets are never negative.
fn index(offset: i32) -> usize {
    usize::try_from(offset).unwrap_or_default()
}

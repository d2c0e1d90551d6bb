//! Small functions on arrays: `size`, `slice`, `array_join` and `array.field`.

use std::fmt::Write as _;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, AsArray, Int32Array, ListArray, StringBuilder, UInt32Array, make_array,
};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int32Type};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::{Texts, as_list, check_arity, coerce_array, coerce_text, is_text};
use crate::error::{Error, Kind};

/// The functions of this file.
pub(super) fn all() -> [Arc<ScalarUDF>; 4] {
    [
        Arc::new(ScalarUDF::from(Size::new())),
        Arc::new(ScalarUDF::from(Slice::new())),
        Arc::new(ScalarUDF::from(ArrayJoin::new())),
        Arc::new(ScalarUDF::from(ArrayField::new())),
    ]
}

fn user_defined() -> Signature {
    Signature::user_defined(Volatility::Immutable)
}

/// The number of elements of an array or entries of a map; null for null.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Size {
    signature: Signature,
    aliases: Vec<String>,
}

impl Size {
    fn new() -> Self {
        Self {
            signature: user_defined(),
            aliases: vec!["cardinality".to_owned()],
        }
    }
}

impl ScalarUDFImpl for Size {
    fn name(&self) -> &str {
        "size"
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        check_arity("size", types.len(), 1..=1)?;
        match &types[0] {
            map @ DataType::Map(..) => Ok(vec![map.clone()]),
            other => Ok(vec![coerce_array("size", other)?]),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int32)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let array = args.args[0].to_array(args.number_rows)?;
        let (offsets, nulls) = match array.as_map_opt() {
            Some(map) => (map.offsets(), map.nulls()),
            None => {
                let list = as_list(&array)?;
                (list.offsets(), list.nulls())
            }
        };
        let lengths: Vec<i32> = offsets
            .windows(2)
            .map(|bounds| bounds[1] - bounds[0])
            .collect();
        let sizes = Int32Array::try_new(ScalarBuffer::from(lengths), nulls.cloned())?;
        Ok(ColumnarValue::Array(Arc::new(sizes)))
    }
}

/// `slice(array, start, length)`: counted from 1, or from the end if negative. Null if an argument
/// is, an error if the start is 0 or the length negative.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Slice {
    signature: Signature,
}

impl Slice {
    fn new() -> Self {
        Self {
            signature: user_defined(),
        }
    }
}

impl ScalarUDFImpl for Slice {
    fn name(&self) -> &str {
        "slice"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        check_arity("slice", types.len(), 3..=3)?;
        for bound in &types[1..] {
            if !bound.is_integer() && !bound.is_null() {
                return plan_err!("slice needs ints as start and length, not {bound}");
            }
        }
        let array = coerce_array("slice", &types[0])?;
        Ok(vec![array, DataType::Int32, DataType::Int32])
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types[0].clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let array = args.args[0].to_array(args.number_rows)?;
        let starts = args.args[1].to_array(args.number_rows)?;
        let lengths = args.args[2].to_array(args.number_rows)?;
        let bounds = NullBuffer::union(starts.nulls(), lengths.nulls());
        let list = as_list(&array)?;
        let nulls = NullBuffer::union(list.nulls(), bounds.as_ref());
        let starts = starts.as_primitive::<Int32Type>();
        let lengths = lengths.as_primitive::<Int32Type>();

        let mut places: Vec<u32> = vec![];
        let mut sizes = Vec::with_capacity(list.len());
        let mut whole = bounds.is_none();
        for (row, ends) in list.value_offsets().windows(2).enumerate() {
            if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                sizes.push(0);
                continue;
            }
            let size = ends[1] - ends[0];
            let (skipped, kept) = part(size, starts.value(row), lengths.value(row))?;
            whole &= kept == size;
            sizes.push(usize::try_from(kept).unwrap_or_default());
            let first = ends[0] + skipped;
            places.extend((first..first + kept).filter_map(|place| u32::try_from(place).ok()));
        }
        if whole {
            return Ok(ColumnarValue::Array(array));
        }
        let DataType::List(item) = list.data_type() else {
            return exec_err!("expected arrays, got {}", list.data_type());
        };
        let values = take(list.values(), &UInt32Array::from(places), None)?;
        let offsets = OffsetBuffer::from_lengths(sizes);
        let sliced = ListArray::try_new(Arc::clone(item), offsets, values, nulls)?;
        Ok(ColumnarValue::Array(Arc::new(sliced)))
    }
}

/// How many of `size` elements come before a slice, and how many are in it.
fn part(size: i32, start: i32, length: i32) -> Result<(i32, i32)> {
    let invalid = |what: &str| {
        Error::new(Kind::Final, "slice", "an array", what)
            .hint("start counts from 1, or from the end if negative; length is not negative")
            .into_datafusion()
    };
    if start == 0 {
        return Err(invalid("[INVALID_PARAMETER_VALUE.START] start is 0"));
    }
    if length < 0 {
        return Err(invalid(
            "[INVALID_PARAMETER_VALUE.LENGTH] length is negative",
        ));
    }
    let skipped = if start < 0 {
        start.saturating_add(size)
    } else {
        start - 1
    };
    if skipped < 0 || skipped >= size {
        return Ok((0, 0));
    }
    Ok((skipped, length.min(size - skipped)))
}

/// `array_join(array, delimiter[, for null])`: the texts of an array as one. Null elements are left
/// out, unless there is a text for them. Null if an argument is.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ArrayJoin {
    signature: Signature,
}

impl ArrayJoin {
    fn new() -> Self {
        Self {
            signature: user_defined(),
        }
    }
}

impl ScalarUDFImpl for ArrayJoin {
    fn name(&self) -> &str {
        "array_join"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        check_arity("array_join", types.len(), 2..=3)?;
        let array = match coerce_array("array_join", &types[0])? {
            DataType::List(item) if is_text(item.data_type()) => DataType::List(item),
            DataType::List(item) if item.data_type().is_null() => {
                DataType::List(Field::new_list_field(DataType::Utf8, true).into())
            }
            other => return plan_err!("array_join needs an array of texts, not {other}"),
        };
        let mut coerced = vec![array];
        for data_type in &types[1..] {
            coerced.push(coerce_text("array_join", data_type)?);
        }
        Ok(coerced)
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args
            .args
            .iter()
            .map(|arg| arg.to_array(args.number_rows))
            .collect::<Result<Vec<_>>>()?;
        let list = as_list(&arrays[0])?;
        let elements = Texts::new(list.values())?;
        let delimiters = Texts::new(&arrays[1])?;
        let for_nulls = arrays.get(2).map(Texts::new).transpose()?;
        let mut joined = StringBuilder::with_capacity(list.len(), 0);
        for (row, ends) in list.value_offsets().windows(2).enumerate() {
            let delimiter = delimiters.get(row);
            let for_null = for_nulls.as_ref().map(|texts| texts.get(row));
            let (Some(delimiter), true, false) =
                (delimiter, list.is_valid(row), for_null == Some(None))
            else {
                joined.append_null();
                continue;
            };
            let mut separator = "";
            for place in ends[0]..ends[1] {
                let element = elements.get(usize::try_from(place).unwrap_or_default());
                if let Some(text) = element.or(for_null.flatten()) {
                    // Writing into a builder's open value cannot fail.
                    let _ = joined
                        .write_str(separator)
                        .and_then(|()| joined.write_str(text));
                    separator = delimiter;
                }
            }
            joined.append_value("");
        }
        Ok(ColumnarValue::Array(Arc::new(joined.finish())))
    }
}

/// `array.field`: the array of one field of an array's structs, without copying.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct ArrayField {
    signature: Signature,
}

impl ArrayField {
    pub(super) fn new() -> Self {
        Self {
            signature: Signature::any(2, Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for ArrayField {
    fn name(&self) -> &str {
        "spark_array_field"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        plan_err!("spark_array_field needs a constant name, not {types:?}")
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let name = args.scalar_arguments[1].and_then(|name| name.try_as_str().flatten());
        match (args.arg_fields[0].data_type(), name) {
            (DataType::List(item), Some(name)) => match item.data_type() {
                DataType::Struct(fields) => {
                    let inner = super::find_field(fields, name)?.data_type().clone();
                    let list = DataType::List(Field::new_list_field(inner, true).into());
                    Ok(Arc::new(Field::new(self.name(), list, true)))
                }
                other => plan_err!("an array of {other} has no fields"),
            },
            (other, _) => plan_err!("{other} is no array of structs"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let array = args.args[0].to_array(args.number_rows)?;
        let list = as_list(&array)?;
        let name = match &args.args[1] {
            ColumnarValue::Scalar(name) => name.try_as_str().flatten(),
            ColumnarValue::Array(_) => None,
        };
        let structs = list.values().as_struct();
        let Some(column) = name.and_then(|name| structs.column_by_name(name)) else {
            return exec_err!("the structs have no field {name:?}");
        };
        // A null struct has null fields.
        let column = match structs.nulls() {
            Some(nulls) if !column.data_type().is_null() => {
                let nulls = NullBuffer::union(Some(nulls), column.nulls());
                make_array(column.to_data().into_builder().nulls(nulls).build()?)
            }
            _ => Arc::clone(column),
        };
        let item = Field::new_list_field(column.data_type().clone(), true);
        let offsets = list.offsets().clone();
        let fields = ListArray::try_new(Arc::new(item), offsets, column, list.nulls().cloned())?;
        Ok(ColumnarValue::Array(Arc::new(fields)))
    }
}

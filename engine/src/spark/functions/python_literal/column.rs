//! From values to columns.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, ArrowPrimitiveType, BooleanArray, ListArray, PrimitiveArray, StringArray, StructArray,
};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::datatypes::{
    DataType, FieldRef, Fields, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
};
use datafusion::common::{Result, exec_err};

use super::Value;

/// A column of `kind`; what does not fit it is null.
pub(super) fn build(values: &[Option<&Value>], kind: &DataType) -> Result<ArrayRef> {
    Ok(match kind {
        DataType::Utf8 => Arc::new(StringArray::from_iter(values.iter().map(|v| text(*v)))),
        DataType::Boolean => Arc::new(BooleanArray::from_iter(values.iter().map(|v| boolean(*v)))),
        DataType::Int8 => integers::<Int8Type>(values),
        DataType::Int16 => integers::<Int16Type>(values),
        DataType::Int32 => integers::<Int32Type>(values),
        DataType::Int64 => integers::<Int64Type>(values),
        DataType::Float32 => numbers::<Float32Type>(values, |v| float(v).map(|v| v as f32)),
        DataType::Float64 => numbers::<Float64Type>(values, float),
        DataType::List(item) => lists(values, item)?,
        DataType::Struct(fields) => structs(values, fields)?,
        other => return exec_err!("from_python_literal does not make {other}"),
    })
}

fn text(value: Option<&Value>) -> Option<&str> {
    match value {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn boolean(value: Option<&Value>) -> Option<bool> {
    match value {
        Some(Value::Boolean(value)) => Some(*value),
        _ => None,
    }
}

fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Float(value) => Some(*value),
        Value::Integer(value) => Some(*value as f64),
        _ => None,
    }
}

fn integers<T: ArrowPrimitiveType>(values: &[Option<&Value>]) -> ArrayRef
where
    T::Native: TryFrom<i128>,
{
    numbers::<T>(values, |value| match value {
        Value::Integer(value) => T::Native::try_from(*value).ok(),
        _ => None,
    })
}

fn numbers<T: ArrowPrimitiveType>(
    values: &[Option<&Value>],
    fit: impl Fn(&Value) -> Option<T::Native>,
) -> ArrayRef {
    let fitting = values.iter().map(|value| value.and_then(&fit));
    Arc::new(PrimitiveArray::<T>::from_iter(fitting))
}

fn lists(values: &[Option<&Value>], item: &FieldRef) -> Result<ArrayRef> {
    let lists: Vec<Option<&Vec<Value>>> = values
        .iter()
        .map(|value| match value {
            Some(Value::List(items)) => Some(items),
            _ => None,
        })
        .collect();
    let offsets = OffsetBuffer::from_lengths(lists.iter().map(|list| list.map_or(0, Vec::len)));
    let nulls = NullBuffer::from_iter(lists.iter().map(Option::is_some));
    let items: Vec<Option<&Value>> = lists.into_iter().flatten().flatten().map(Some).collect();
    let items = build(&items, item.data_type())?;
    let array = ListArray::try_new(Arc::clone(item), offsets, items, Some(nulls))?;
    Ok(Arc::new(array))
}

fn structs(values: &[Option<&Value>], fields: &Fields) -> Result<ArrayRef> {
    let dictionaries: Vec<Option<&Vec<(Value, Value)>>> = values
        .iter()
        .map(|value| match value {
            Some(Value::Dictionary(entries)) => Some(entries),
            _ => None,
        })
        .collect();
    let columns = fields.iter().map(|field| {
        let column: Vec<Option<&Value>> = dictionaries
            .iter()
            .map(|entries| entries.and_then(|entries| get(entries, field.name())))
            .collect();
        build(&column, field.data_type())
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let nulls = NullBuffer::from_iter(dictionaries.iter().map(Option::is_some));
    let array = StructArray::try_new(fields.clone(), columns, Some(nulls))?;
    Ok(Arc::new(array))
}

/// The value under a key; the last one counts, as in Python.
fn get<'a>(entries: &'a [(Value, Value)], name: &str) -> Option<&'a Value> {
    let found = entries
        .iter()
        .rev()
        .find(|(key, _)| text(Some(key)) == Some(name));
    found.map(|(_, value)| value)
}

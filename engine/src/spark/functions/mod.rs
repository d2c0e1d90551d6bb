//! Spark's functions that DataFusion and `datafusion-spark` lack, or answer otherwise.
//!
//! Each is a plain function on whole columns. They travel to executors by name.

mod array_sort;
mod arrays;
mod collect_list;
mod dates;
mod decimals;
mod divide;
mod explode;
mod extreme_by;
mod java_regex;
mod python_literal;
mod split;
mod text_cast;
mod timestamps;
mod to_text;

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, LargeStringArray, ListArray};
use datafusion::arrow::array::{StringArray, StringViewArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};

pub(super) use collect_list::COLLECT_LIST;
pub(super) use dates::{timestamp_ntz_type, timestamp_type};
pub(super) use decimals::{
    cast as decimal_cast, divide as divide_decimals, to_double as decimal_to_double,
};
pub(super) use text_cast::text_cast;
pub(super) use to_text::to_text;

/// All scalar functions.
pub(super) fn scalar_functions() -> Vec<Arc<ScalarUDF>> {
    let mut all = vec![
        Arc::new(ScalarUDF::from(array_sort::ArraySort::new())),
        Arc::new(ScalarUDF::from(split::Split::new())),
        Arc::new(divide()),
        Arc::new(to_text()),
        Arc::new(ScalarUDF::from(explode::GeneratorList::elements())),
        Arc::new(ScalarUDF::from(explode::GeneratorList::positions())),
        Arc::new(ScalarUDF::from(python_literal::FromPythonLiteral::new())),
    ];
    all.extend(arrays::all());
    all.extend(dates::all());
    all.extend(decimals::all());
    all.extend(text_cast::all());
    all
}

/// All aggregate functions.
pub(super) fn aggregate_functions() -> Vec<Arc<AggregateUDF>> {
    vec![
        Arc::new(AggregateUDF::from(collect_list::CollectList::new())),
        Arc::new(AggregateUDF::from(extreme_by::ExtremeBy::max())),
        Arc::new(AggregateUDF::from(extreme_by::ExtremeBy::min())),
    ]
}

/// `a / b` of doubles.
pub(super) fn divide() -> ScalarUDF {
    ScalarUDF::from(divide::Divide::new())
}

/// `array.field`: the fields of an array's structs.
pub(super) fn array_field() -> ScalarUDF {
    ScalarUDF::from(arrays::ArrayField::new())
}

/// The field of a struct by its name, in any case.
///
/// # Errors
/// When there is none, or more than one.
pub(super) fn find_field<'a>(fields: &'a Fields, name: &str) -> Result<&'a FieldRef> {
    let mut found = fields
        .iter()
        .filter(|field| field.name().to_lowercase() == name.to_lowercase());
    match (found.next(), found.next()) {
        (Some(field), None) => Ok(field),
        (Some(_), Some(_)) => plan_err!("the struct has several fields {name}"),
        (None, _) => {
            let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
            plan_err!("the struct has no field {name}, only {}", names.join(", "))
        }
    }
}

/// A column of texts in any of Arrow's three layouts.
enum Texts<'a> {
    Plain(&'a StringArray),
    Large(&'a LargeStringArray),
    View(&'a StringViewArray),
}

impl<'a> Texts<'a> {
    fn new(array: &'a ArrayRef) -> Result<Self> {
        match array.data_type() {
            DataType::Utf8 => Ok(Self::Plain(array.as_string())),
            DataType::LargeUtf8 => Ok(Self::Large(array.as_string())),
            DataType::Utf8View => Ok(Self::View(array.as_string_view())),
            other => exec_err!("expected texts, got {other}"),
        }
    }

    fn get(&self, row: usize) -> Option<&'a str> {
        match self {
            Self::Plain(array) => array.is_valid(row).then(|| array.value(row)),
            Self::Large(array) => array.is_valid(row).then(|| array.value(row)),
            Self::View(array) => array.is_valid(row).then(|| array.value(row)),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Plain(array) => array.len(),
            Self::Large(array) => array.len(),
            Self::View(array) => array.len(),
        }
    }

    fn iter(&self) -> impl Iterator<Item = Option<&'a str>> {
        (0..self.len()).map(|row| self.get(row))
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}

/// The type that an argument for a text is coerced to: texts keep theirs, a bare NULL is a text.
fn coerce_text(function: &str, data_type: &DataType) -> Result<DataType> {
    match data_type {
        text if is_text(text) => Ok(text.clone()),
        DataType::Null => Ok(DataType::Utf8),
        other => plan_err!("{function} needs a text, not {other}"),
    }
}

/// The type that an argument for an array is coerced to: one layout of lists.
fn coerce_array(function: &str, data_type: &DataType) -> Result<DataType> {
    match data_type {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::ListView(item)
        | DataType::LargeListView(item) => Ok(DataType::List(Arc::clone(item))),
        DataType::Null => Ok(DataType::List(
            Field::new_list_field(DataType::Null, true).into(),
        )),
        other => plan_err!("{function} needs an array, not {other}"),
    }
}

fn as_list(array: &ArrayRef) -> Result<&ListArray> {
    match array.as_list_opt::<i32>() {
        Some(list) => Ok(list),
        None => exec_err!("expected arrays, got {}", array.data_type()),
    }
}

/// Fails at planning when a function is called with the wrong number of arguments.
fn check_arity(
    function: &str,
    given: usize,
    allowed: std::ops::RangeInclusive<usize>,
) -> Result<()> {
    if allowed.contains(&given) {
        return Ok(());
    }
    let (least, most) = (allowed.start(), allowed.end());
    if least == most {
        plan_err!("{function} takes {least} arguments, not {given}")
    } else {
        plan_err!("{function} takes {least} to {most} arguments, not {given}")
    }
}

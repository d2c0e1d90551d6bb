//! Rows in the text form that PostgreSQL's `COPY` reads.

use datafusion::arrow::array::{Array, AsArray as _, RecordBatch};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::{Map, Value};

use super::super::sql::Refusal;
use super::types::Column;
use super::{WRONG_FILE, scan_error, unreadable};

/// All rows of a batch, a line each.
pub fn text(batch: &RecordBatch, columns: &[Column], url: &str) -> Result<String, Refusal> {
    let values: Result<Vec<Vec<Option<String>>>, Refusal> = batch
        .columns()
        .iter()
        .zip(columns)
        .map(|(array, column)| {
            let values = values(array).map_err(|error| unreadable(url, &error))?;
            check_lengths(&values, column, url)?;
            Ok(values)
        })
        .collect();
    let values = values?;
    let mut text = String::new();
    for row in 0..batch.num_rows() {
        for (at, column) in values.iter().enumerate() {
            if at > 0 {
                text.push('\t');
            }
            match &column[row] {
                Some(value) => escape(value, &mut text),
                None => text.push_str("\\N"),
            }
        }
        text.push('\n');
    }
    Ok(text)
}

fn escape(value: &str, text: &mut String) {
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            c => text.push(c),
        }
    }
}

/// In Redshift the length of a text is counted in bytes.
fn check_lengths(values: &[Option<String>], column: &Column, url: &str) -> Result<(), Refusal> {
    let Some(most) = column.length() else {
        return Ok(());
    };
    let is_text = column.type_of.starts_with("character");
    let longest = values.iter().flatten().map(String::len).max().unwrap_or(0);
    if !is_text || longest <= most {
        return Ok(());
    }
    let context = format!(
        "The length of the data column {} is longer than the length defined in the table. \
         Table: {most}, Data: {longest}, File name: {url}",
        column.name
    );
    Err(scan_error(WRONG_FILE, &context))
}

/// The values of a column in PostgreSQL's text form.
fn values(array: &dyn Array) -> Result<Vec<Option<String>>, ArrowError> {
    let rows = 0..array.len();
    let present = |at: usize| (!array.is_null(at)).then_some(at);
    if let Some(texts) = array.as_string_opt::<i32>() {
        return Ok(texts.iter().map(|text| text.map(str::to_owned)).collect());
    }
    if let Some(bytes) = array.as_binary_opt::<i32>() {
        let hex = |bytes: &[u8]| {
            let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
            format!("\\x{}", digits.collect::<String>())
        };
        return Ok(bytes.iter().map(|value| value.map(hex)).collect());
    }
    if array.data_type().is_nested() {
        let texts = rows.map(|at| present(at).map(|at| json(array, at)).transpose());
        return texts
            .map(|value| Ok(value?.map(|value| value.to_string())))
            .collect();
    }
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(array, &options)?;
    Ok(rows
        .map(|at| present(at).map(|at| formatter.value(at).to_string()))
        .collect())
}

/// A nested value.
fn json(array: &dyn Array, at: usize) -> Result<Value, ArrowError> {
    if array.is_null(at) {
        return Ok(Value::Null);
    }
    if let Some(lists) = array.as_list_opt::<i32>() {
        let list = lists.value(at);
        let values: Result<Vec<Value>, _> = (0..list.len()).map(|at| json(&list, at)).collect();
        return Ok(Value::Array(values?));
    }
    if let Some(structs) = array.as_struct_opt() {
        let fields = structs.fields().iter().zip(structs.columns());
        let fields: Result<Map<String, Value>, ArrowError> = fields
            .map(|(field, column)| Ok((field.name().clone(), json(column, at)?)))
            .collect();
        return Ok(Value::Object(fields?));
    }
    if let Some(texts) = array.as_string_opt::<i32>() {
        return Ok(Value::from(texts.value(at)));
    }
    let options = FormatOptions::default();
    let text = ArrayFormatter::try_new(array, &options)?
        .value(at)
        .to_string();
    // Numbers and truth values read as such; all others are texts.
    Ok(serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

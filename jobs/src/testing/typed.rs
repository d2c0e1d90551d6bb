//! Texts of a case as values of a column's type, and back.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::table::Manifest;
use cinemill_engine::sink::writer::stored_schema;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::json::{ReaderBuilder, WriterBuilder, writer::JsonArray};
use datafusion::parquet::arrow::ArrowWriter;
use serde_json::Value;

use super::rows::TextRows;

/// Rows with the types of a schema. Columns of the schema that the rows do not have are null.
///
/// # Errors
/// `Definition` for a column that the schema does not have, and a text that is not of its type.
pub fn batch(rows: &TextRows, schema: &SchemaRef) -> Result<RecordBatch> {
    let wrong = |cause: String| Error::new(Kind::Definition, "read", &rows.file, cause);
    let unknown = |name: &&String| schema.index_of(name).is_err();
    if let Some(name) = rows.columns.iter().find(unknown) {
        let known: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        return Err(wrong(format!("there is no column `{name}`"))
            .hint(format!("its columns are {}", known.join(", "))));
    }
    let schema = stored_schema(schema.fields());
    let columns = schema.fields().iter().map(|field| {
        let place = rows.columns.iter().position(|name| name == field.name());
        let cells = match place {
            Some(place) => rows.column(place),
            None => vec![None; rows.rows.len()],
        };
        column(&cells, field.data_type())
            .map_err(|cause| wrong(format!("column {}: {cause}", field.name())))
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let fields = schema.fields().iter().zip(&columns);
    let fields: Vec<Field> = fields
        .map(|(field, column)| Field::new(field.name(), column.data_type().clone(), true))
        .collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
        .map_err(|cause| wrong(cause.to_string()))
}

/// Texts as a type; lists and structs are written as JSON.
pub fn column(cells: &[Option<&str>], data_type: &DataType) -> Result<ArrayRef, String> {
    if data_type.is_nested() {
        return from_json(cells, data_type);
    }
    let texts: StringArray = cells.iter().copied().collect();
    let strict = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    cast_with_options(&texts, data_type, &strict).map_err(|cause| cause.to_string())
}

fn from_json(cells: &[Option<&str>], data_type: &DataType) -> Result<ArrayRef, String> {
    let field = Field::new("c", data_type.clone(), true);
    let mut lines = String::new();
    for cell in cells {
        lines += &format!("{{\"c\":{}}}\n", cell.unwrap_or("null"));
    }
    let decoded = || {
        let mut decoder = ReaderBuilder::new(Arc::new(Schema::new(vec![field])))
            .with_batch_size(cells.len().max(1))
            .build_decoder()?;
        decoder.decode(lines.as_bytes())?;
        decoder.flush()
    };
    let batch = decoded().map_err(|cause| cause.to_string())?;
    Ok(match batch {
        Some(batch) => batch.column(0).clone(),
        None => datafusion::arrow::array::new_empty_array(data_type),
    })
}

/// The text of each cell, the same for equal values of a type.
pub fn texts(column: &ArrayRef) -> Result<Vec<Option<String>>, String> {
    if column.data_type().is_nested() {
        return as_json(column);
    }
    let texts = cast_with_options(column, &DataType::Utf8, &CastOptions::default())
        .map_err(|cause| cause.to_string())?;
    let texts = texts.as_string::<i32>().iter();
    Ok(texts.map(|text| text.map(str::to_owned)).collect())
}

fn as_json(column: &ArrayRef) -> Result<Vec<Option<String>>, String> {
    let field = Field::new("c", column.data_type().clone(), true);
    let written = || {
        let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![column.clone()])?;
        let mut writer = WriterBuilder::new()
            .with_explicit_nulls(true)
            .build::<_, JsonArray>(Vec::new());
        writer.write(&batch)?;
        writer.finish()?;
        Ok::<_, datafusion::arrow::error::ArrowError>(writer.into_inner())
    };
    let json = written().map_err(|cause| cause.to_string())?;
    let rows: Vec<Value> = match json.is_empty() {
        true => Vec::new(),
        false => serde_json::from_slice(&json).map_err(|cause| cause.to_string())?,
    };
    let cells = rows.iter().map(|row| match &row["c"] {
        Value::Null => None,
        value => Some(value.to_string()),
    });
    Ok(cells.collect())
}

/// Writes rows as a file of Parquet.
pub fn write_parquet(path: &Path, batch: &RecordBatch) -> Result<()> {
    let failed = |cause: String| Error::new(Kind::Final, "write", path.display(), cause);
    let file = File::create(path).map_err(|cause| failed(cause.to_string()))?;
    let written = || {
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None)?;
        writer.write(batch)?;
        writer.close()
    };
    written().map_err(|cause| failed(cause.to_string()))?;
    Ok(())
}

/// A schema in the words of `job.toml`.
pub fn ddl(schema: &Schema) -> String {
    let columns = Manifest::columns_of(schema);
    let columns = columns.iter().map(|(name, kind)| match kind.as_str() {
        // A column that is null and nothing else.
        "Null" => format!("`{name}` STRING"),
        kind => format!("`{name}` {kind}"),
    });
    columns.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_values_and_texts_again() {
        let list = DataType::List(Field::new_list_field(DataType::Int32, true).into());
        for (text, data_type, again) in [
            ("1.50", DataType::Decimal128(10, 3), "1.500"),
            ("2026-11-21", DataType::Date32, "2026-11-21"),
            ("[1, null]", list, "[1,null]"),
            ("true", DataType::Boolean, "true"),
        ] {
            let values = column(&[Some(text), None], &data_type).unwrap();
            assert_eq!(texts(&values).unwrap(), [Some(again.to_owned()), None]);
        }
        assert!(column(&[Some("x")], &DataType::Int32).is_err());
    }
}

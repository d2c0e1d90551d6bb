//! Which of Parquet's types a column takes.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::parquet::file::reader::ChunkReader;
use datafusion::parquet::schema::types::{Type, TypePtr};

use super::super::sql::{Copy, Refusal};
use super::{WRONG_FILE, scan_error};

/// A column of the table.
#[derive(Debug, Clone)]
pub struct Column {
    pub name: String,
    /// In PostgreSQL's words, with its length.
    pub type_of: String,
}

impl Column {
    /// The type without what is in brackets.
    fn base(&self) -> &str {
        self.type_of.split('(').next().unwrap_or_default()
    }

    /// The number in brackets.
    pub fn length(&self) -> Option<usize> {
        let (_, after) = self.type_of.split_once('(')?;
        after.strip_suffix(')')?.parse().ok()
    }

    fn takes(&self, data_type: &DataType, serializes: bool) -> bool {
        match data_type {
            DataType::Boolean => self.base() == "boolean",
            DataType::Int8 | DataType::Int16 | DataType::UInt8 => self.base() == "smallint",
            DataType::Int32 | DataType::UInt16 => self.base() == "integer",
            DataType::Int64 | DataType::UInt32 => self.base() == "bigint",
            DataType::Float32 => self.base() == "real",
            DataType::Float64 => self.base() == "double precision",
            DataType::Date32 => self.base() == "date",
            DataType::Timestamp(unit, _) => {
                self.base().starts_with("timestamp ") && *unit != TimeUnit::Second
            }
            DataType::Decimal128(precision, scale) => {
                self.type_of == format!("numeric({precision},{scale})")
            }
            DataType::Utf8 => {
                let is_text = ["character varying", "character"].contains(&self.base());
                is_text || (self.base() == "jsonb" && serializes)
            }
            DataType::Binary => self.base() == "bytea",
            nested => nested.is_nested() && self.base() == "jsonb" && serializes,
        }
    }
}

/// The columns of a file and of the table are the same in number, and fit one by one.
pub fn check<R: ChunkReader + 'static>(
    columns: &[Column],
    file: &ParquetRecordBatchReaderBuilder<R>,
    copy: &Copy,
    url: &str,
) -> Result<(), Refusal> {
    let fields = file.schema().fields();
    if fields.len() != columns.len() {
        let context = format!(
            "Unmatched number of columns between table and file. Table columns: {}, \
             Data columns: {}, File name: {url}",
            columns.len(),
            fields.len()
        );
        return Err(scan_error(WRONG_FILE, &context));
    }
    let in_file = file.parquet_schema().root_schema().get_fields();
    for ((column, field), parquet) in columns.iter().zip(fields).zip(in_file) {
        if !column.takes(field.data_type(), copy.serializes) {
            let context = format!(
                "File '{url}' has an incompatible Parquet schema for column '{}.{}'. \
                 Column type: {}, Parquet schema:\n{}",
                copy.manifest,
                column.name,
                column.type_of.to_uppercase(),
                in_words(parquet)
            );
            return Err(scan_error(WRONG_FILE, &context));
        }
    }
    Ok(())
}

/// As in `optional int64 year`.
fn in_words(parquet: &TypePtr) -> String {
    let info = parquet.get_basic_info();
    let repetition = info.repetition().to_string().to_lowercase();
    let physical = match parquet.as_ref() {
        Type::PrimitiveType { physical_type, .. } => physical_type.to_string().to_lowercase(),
        Type::GroupType { .. } => "group".to_owned(),
    };
    format!("{repetition} {physical} {}", parquet.name())
}

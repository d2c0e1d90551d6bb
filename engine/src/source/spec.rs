//! What a text input is: its dialect, its columns and its files.
//!
//! Everything here is plain data. As JSON it is the form in which a scan travels to executors, so
//! renaming a field breaks clusters whose members are of different versions.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

/// The longest record that is read unless the input says otherwise, in bytes.
pub const DEFAULT_MAX_RECORD_BYTES: u64 = 16 * 1024 * 1024;

/// The highest limit that can be set, in bytes: a batch with such a record in it, each byte of
/// which turns into a U+FFFD of three, still fits Arrow's 31-bit offsets.
pub(super) const HIGHEST_MAX_RECORD_BYTES: u64 = 512 * 1024 * 1024;

/// Everything a task needs to read an input, apart from the ranges that it is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextSpec {
    /// The name of the input in the job, as in `titles`.
    pub input: String,
    /// `file:///` or `s3://bucket/`.
    pub store_url: String,
    pub format: TextFormat,
    /// The declared columns in declared order; they are the table's schema.
    pub columns: Vec<Column>,
    pub mode: BadRecords,
    pub files: Vec<SourceFile>,
    /// The folder that receives audit objects, as a URL; none are written without it.
    pub audit: Option<String>,
    /// The longest record in bytes; a longer one is an error in every mode.
    #[serde(default = "default_max_record_bytes")]
    pub max_record_bytes: u64,
}

fn default_max_record_bytes() -> u64 {
    DEFAULT_MAX_RECORD_BYTES
}

/// What a job declares about an input, before anyone has looked at its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputSpec {
    pub name: String,
    pub format: TextFormat,
    pub columns: Vec<Column>,
    pub mode: BadRecords,
    #[serde(default = "default_max_record_bytes")]
    pub max_record_bytes: u64,
}

/// How the bytes of a file divide into fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextFormat {
    /// One ASCII byte, neither a line break nor the quote.
    pub delimiter: u8,
    /// The ASCII byte around quoted fields; without one nothing is quoted.
    pub quote: Option<u8>,
    /// Texts that stand for null, besides the empty unquoted field.
    pub null: Vec<String>,
}

impl TextFormat {
    /// IMDb's dialect: tabs, no quoting at all, `\N` for null.
    pub fn imdb_tsv() -> Self {
        Self {
            delimiter: b'\t',
            quote: None,
            null: vec!["\\N".to_owned()],
        }
    }

    /// RFC 4180: commas, double quotes, line breaks allowed within quotes.
    pub fn csv() -> Self {
        Self {
            delimiter: b',',
            quote: Some(b'"'),
            null: Vec::new(),
        }
    }
}

/// A declared column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    pub data_type: ColumnType,
    /// The column is delivered as text, but a record whose value is not of this type is a reject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<ColumnType>,
}

impl Column {
    /// A column without a check.
    pub fn new(name: impl Into<String>, data_type: ColumnType) -> Self {
        Self {
            name: name.into(),
            data_type,
            check: None,
        }
    }

    /// The type that a value must parse as, if any.
    pub(super) fn parsed_as(&self) -> Option<ColumnType> {
        match self.data_type {
            ColumnType::String => self.check.filter(|check| *check != ColumnType::String),
            other => Some(other),
        }
    }
}

/// The types that a field can be read as, by their Spark names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    String,
    Int,
    Bigint,
    Double,
    Boolean,
    Date,
}

impl ColumnType {
    /// The Arrow type that the column has in a plan.
    pub fn arrow(self) -> DataType {
        match self {
            Self::String => DataType::Utf8,
            Self::Int => DataType::Int32,
            Self::Bigint => DataType::Int64,
            Self::Double => DataType::Float64,
            Self::Boolean => DataType::Boolean,
            Self::Date => DataType::Date32,
        }
    }
}

/// What becomes of a record that does not fit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BadRecords {
    /// Kept, with nulls where nothing could be read.
    #[default]
    Permissive,
    /// Left out.
    Drop,
    /// The scan fails.
    Fail,
}

impl BadRecords {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Permissive => "permissive",
            Self::Drop => "drop",
            Self::Fail => "fail",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    None,
    Gzip,
    Zstd,
}

/// One file of an input, as it was when the input was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// The path within the store.
    pub path: String,
    /// Stored bytes, compressed where the file is.
    pub size: u64,
    pub e_tag: Option<String>,
    pub last_modified_ms: i64,
    pub compression: Compression,
    /// For each declared column its position in this file's header.
    pub fields: Vec<u32>,
    /// The number of fields in the header.
    pub field_count: u32,
    /// The byte after byte order mark and header; 0 in a compressed file, whose header is skipped
    /// while it is read.
    pub body_start: u64,
    /// A guess at the number of records, from the first bytes of the file.
    #[serde(default)]
    pub records_estimate: u64,
}

impl SourceFile {
    /// The last segment of the path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

/// The bytes `start..end` of file number `file`: a record belongs to the range in which its first
/// byte lies. Compressed and quoted files are read whole, by one range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Split {
    pub file: u32,
    pub start: u64,
    pub end: u64,
}

impl TextSpec {
    /// The table's schema: every declared column, all of them nullable.
    pub fn schema(&self) -> SchemaRef {
        let fields: Vec<Field> = self
            .columns
            .iter()
            .map(|column| Field::new(&column.name, column.data_type.arrow(), true))
            .collect();
        Arc::new(Schema::new(fields))
    }

    /// The URL of a file, for messages.
    pub fn url(&self, file: &SourceFile) -> String {
        url_of(&self.store_url, &file.path)
    }

    /// Whether the file can be read from anywhere in its middle.
    pub(super) fn splittable(&self, file: &SourceFile) -> bool {
        file.compression == Compression::None && self.format.quote.is_none()
    }
}

pub(super) fn url_of(store_url: &str, path: &str) -> String {
    format!(
        "{}/{path}",
        store_url.strip_suffix('/').unwrap_or(store_url)
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_json_form_uses_lower_case_names() {
        let column = Column {
            check: Some(ColumnType::Int),
            ..Column::new("a", ColumnType::String)
        };
        let json = serde_json::to_string(&column).unwrap();
        assert_eq!(json, r#"{"name":"a","data_type":"string","check":"int"}"#);
        assert_eq!(
            serde_json::to_string(&BadRecords::Drop).unwrap(),
            r#""drop""#
        );
        assert_eq!(
            serde_json::to_string(&Compression::Gzip).unwrap(),
            r#""gzip""#
        );
    }

    #[test]
    fn urls_have_one_slash_after_the_store() {
        assert_eq!(url_of("s3://bucket", "a/b.tsv"), "s3://bucket/a/b.tsv");
        assert_eq!(url_of("file:///", "tmp/a.tsv"), "file:///tmp/a.tsv");
    }
}

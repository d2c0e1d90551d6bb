//! `[inputs.<name>]`: what a job reads.

use std::collections::BTreeMap;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::source::{
    BadRecords, Column, DEFAULT_MAX_RECORD_BYTES, InputSpec, TextFormat,
};
use datafusion::arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};

use super::schema;

/// How an input's records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// IMDb's dialect: tabs, a header, no quoting at all, `\N` for null.
    Imdb,
    /// RFC 4180: commas, a header, quoted fields that may hold line breaks.
    Csv,
    /// A table that cinemill published, or a folder of Parquet files.
    Table,
    /// What the job's own output held before the run.
    Previous,
}

impl Format {
    pub fn is_text(self) -> bool {
        matches!(self, Self::Imdb | Self::Csv)
    }
}

/// One input: the file or table that is expected in the input folder, and what its columns are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputDefinition {
    /// The file's name in the input folder, without `.gz` or `.zst`; or the table's name.
    pub file: String,
    pub format: Format,
    /// The needed columns with their types, as Spark writes them.
    pub schema: String,
    /// Columns that are delivered as text although their values should be of a type.
    #[serde(default)]
    pub check: BTreeMap<String, String>,
    /// Columns that no two records share.
    #[serde(default)]
    pub key: Vec<String>,
    /// What becomes of records that do not fit.
    #[serde(default)]
    pub mode: BadRecords,
    /// Where there is no such file, the input has no records.
    #[serde(default)]
    pub optional: bool,
}

impl InputDefinition {
    /// The names of the declared columns.
    pub fn names(&self) -> Result<Vec<String>, String> {
        let fields = self.table_schema()?;
        Ok(fields.fields().iter().map(|f| f.name().clone()).collect())
    }

    /// The declared columns as those of a table.
    pub fn table_schema(&self) -> Result<SchemaRef, String> {
        schema::table(&self.schema).map_err(|cause| format!("schema: {cause}"))
    }

    /// What of it can be seen to be wrong without looking at any data.
    pub(super) fn check(&self) -> Result<(), String> {
        let names = match self.format.is_text() {
            true => self.columns()?.into_iter().map(|c| c.name).collect(),
            false if !self.check.is_empty() => {
                return Err("check: the columns of a table have types already".to_owned());
            }
            false => self.names()?,
        };
        match self.key.iter().find(|key| !names.contains(key)) {
            Some(key) => Err(format!("key: there is no column `{key}`")),
            None => Ok(()),
        }
    }

    /// The declared columns of a text.
    pub fn columns(&self) -> Result<Vec<Column>, String> {
        let mut columns =
            schema::parse(&self.schema).map_err(|cause| format!("schema: {cause}"))?;
        for (name, kind) in &self.check {
            let column = columns
                .iter_mut()
                .find(|column| column.name == *name)
                .ok_or_else(|| format!("check: there is no column `{name}`"))?;
            column.check = Some(schema::column_type(kind).map_err(|c| format!("check: {c}"))?);
        }
        Ok(columns)
    }

    /// What the reader needs to know.
    pub fn spec(&self, name: &str, mode: Option<BadRecords>) -> Result<InputSpec> {
        let columns = self
            .columns()
            .map_err(|cause| Error::new(Kind::Definition, "read input", name, cause))?;
        let format = match self.format {
            Format::Imdb => TextFormat::imdb_tsv(),
            Format::Csv => TextFormat::csv(),
            Format::Table | Format::Previous => {
                return Err(Error::new(Kind::Final, "read input", name, "it is no text"));
            }
        };
        Ok(InputSpec {
            name: name.to_owned(),
            format,
            columns,
            mode: mode.unwrap_or(self.mode),
            max_record_bytes: DEFAULT_MAX_RECORD_BYTES,
        })
    }
}

//! `job.toml`: inputs with their columns, the output, what is expected of the rows.

use std::collections::BTreeMap;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::spec::Compression;
use cinemill_engine::source::{
    BadRecords, Column, DEFAULT_MAX_RECORD_BYTES, InputSpec, TextFormat,
};
use serde::{Deserialize, Serialize};

use super::checks::Check;
use super::expectations::{self, Expectation};
use super::params::{self, ParamDefinition};
use super::schema;
use crate::warehouse::dialect::{TableName, is_name};
use crate::warehouse::types::TEXT_BYTES_MAX;

/// A job as it is run: the definition and the SQL of its relations. It holds everything that a run
/// service needs, so that a client's own jobs run there too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobDefinition {
    pub name: String,
    pub description: String,
    #[serde(default)]
    pub params: BTreeMap<String, ParamDefinition>,
    pub inputs: BTreeMap<String, InputDefinition>,
    pub output: OutputDefinition,
    pub expectations: Vec<Expectation>,
    #[serde(default)]
    pub checks: Vec<Check>,
    pub relations: Vec<Relation>,
    /// Absent from runs that earlier versions noted.
    #[serde(default)]
    pub load: LoadDefinition,
}

/// One SQL file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    pub name: String,
    pub sql: String,
}

/// How an input's records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// IMDb's dialect: tabs, a header, no quoting at all, `\N` for null.
    Imdb,
    /// RFC 4180: commas, a header, quoted fields that may hold line breaks.
    Csv,
}

/// One input: the file that is expected in the input folder, and what its columns are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputDefinition {
    /// The file's name in the input folder, without `.gz` or `.zst`.
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
}

/// The published table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputDefinition {
    /// The relation whose rows are published.
    pub relation: String,
    /// Columns that identify a row: never null, and never twice.
    #[serde(default)]
    pub key: Vec<String>,
    /// The input of whose records each becomes exactly one row.
    #[serde(default)]
    pub one_row_per: Option<String>,
    #[serde(default)]
    pub partition_by: Vec<String>,
    #[serde(default)]
    pub sort_by: Vec<String>,
    #[serde(default)]
    pub compression: Compression,
    #[serde(default = "default_target_file_mb")]
    pub target_file_mb: u64,
}

/// Redshift reads files of 64 MB to 1 GB best.
fn default_target_file_mb() -> u64 {
    256
}

/// The table in a warehouse.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoadDefinition {
    /// `schema.table`; the job's name in the schema `public` where not given.
    pub table: Option<String>,
    /// Redshift: the column by whose values rows are spread over the slices.
    pub dist_key: Option<String>,
    /// Redshift: the columns by which rows are kept sorted.
    pub sort_key: Vec<String>,
    /// PostgreSQL: what stands between the parentheses of `CREATE INDEX`, for each index.
    pub indexes: Vec<String>,
    pub columns: BTreeMap<String, ColumnDefinition>,
}

/// What `CREATE TABLE` says of a column, beyond its type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ColumnDefinition {
    /// Redshift: how many bytes a text may have.
    pub bytes: Option<u32>,
    /// Redshift: how the column is compressed.
    pub encode: Option<String>,
    pub comment: Option<String>,
}

/// The file as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JobFile {
    #[serde(default)]
    description: String,
    #[serde(default)]
    params: BTreeMap<String, ParamDefinition>,
    inputs: BTreeMap<String, InputDefinition>,
    output: OutputDefinition,
    #[serde(default)]
    expect: Vec<Expectation>,
    #[serde(default)]
    load: LoadDefinition,
}

impl JobDefinition {
    /// Reads a job from the text of its `job.toml` and its relations.
    pub fn parse(name: &str, toml: &str, relations: Vec<Relation>) -> Result<Self> {
        let file: JobFile = toml::from_str(toml).map_err(|cause| {
            let position = cause
                .span()
                .map_or_else(String::new, |span| position(toml, span.start));
            definition_error(name, format!("job.toml{position}: {}", cause.message()))
        })?;
        let job = Self {
            name: name.to_owned(),
            description: file.description,
            params: file.params,
            inputs: file.inputs,
            output: file.output,
            expectations: file.expect,
            checks: Vec::new(),
            relations,
            load: file.load,
        };
        job.check()?;
        Ok(job)
    }

    fn check(&self) -> Result<()> {
        let wrong = |cause: String| Err(definition_error(&self.name, format!("job.toml: {cause}")));
        if self.inputs.is_empty() {
            return wrong("it has no inputs".to_owned());
        }
        for (name, input) in &self.inputs {
            let columns = input
                .columns()
                .or_else(|cause| wrong(format!("inputs.{name}: {cause}")).map(|()| Vec::new()))?;
            if let Some(key) = input
                .key
                .iter()
                .find(|key| !columns.iter().any(|c| c.name == **key))
            {
                return wrong(format!("inputs.{name}.key: there is no column `{key}`"));
            }
            if self.relations.iter().any(|relation| relation.name == *name) {
                return wrong(format!("`{name}` is an input and a relation ({name}.sql)"));
            }
        }
        if let Some(input) = self
            .output
            .one_row_per
            .as_ref()
            .filter(|i| !self.inputs.contains_key(*i))
        {
            return wrong(format!("output.one_row_per: there is no input `{input}`"));
        }
        if !self
            .relations
            .iter()
            .any(|relation| relation.name == self.output.relation)
        {
            let missing = &self.output.relation;
            return wrong(format!("output.relation: there is no {missing}.sql"));
        }
        params::check_names(&self.params).or_else(wrong)?;
        let tables = self.table_names();
        expectations::check(&self.expectations, &[self.name.as_str()], &tables).or_else(wrong)?;
        self.load.check().or_else(wrong)
    }
}

impl JobDefinition {
    /// The job with queries for rows that must not be there.
    #[must_use]
    pub fn with_checks(self, checks: Vec<Check>) -> Self {
        Self { checks, ..self }
    }

    /// All tables that a check may name: outputs, relations, inputs.
    pub fn table_names(&self) -> Vec<&str> {
        let relations = self.relations.iter().map(|relation| &relation.name);
        let names = std::iter::once(&self.name)
            .chain(relations)
            .chain(self.inputs.keys());
        names.map(String::as_str).collect()
    }
}

impl LoadDefinition {
    fn check(&self) -> Result<(), String> {
        if let Some(table) = &self.table {
            TableName::parse(table).map_err(|error| format!("load.table: {}", error.cause))?;
        }
        for (name, column) in &self.columns {
            let place = format!("load.columns.{name}");
            if !column
                .bytes
                .is_none_or(|bytes| (1..=TEXT_BYTES_MAX).contains(&bytes))
            {
                return Err(format!("{place}.bytes: it is from 1 to {TEXT_BYTES_MAX}"));
            }
            // It becomes a part of a statement as it is.
            if !column.encode.as_deref().is_none_or(is_name) {
                return Err(format!("{place}.encode: an encoding is one word"));
            }
        }
        Ok(())
    }
}

impl InputDefinition {
    /// The declared columns.
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

/// An error in a job's folder.
pub fn definition_error(job: &str, cause: impl std::fmt::Display) -> Error {
    Error::new(Kind::Definition, "read job", job, cause)
}

/// `:line:column` of a byte in a text.
pub fn position(text: &str, byte: usize) -> String {
    let before = &text[..byte.min(text.len())];
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .map_or(0, |last| last.chars().count())
        + 1;
    format!(":{line}:{column}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn parse(toml: &str) -> Result<JobDefinition> {
        let relation = Relation {
            name: "r".into(),
            sql: "SELECT 1".into(),
        };
        JobDefinition::parse("j", toml, vec![relation])
    }

    #[test]
    fn errors_name_line_and_column() {
        let error = parse("[inputs.a]\nfile = \"a.tsv\"\nformat = \"imbd\"\n").unwrap_err();
        assert_eq!(error.kind, Kind::Definition);
        assert!(error.to_string().contains("job.toml:3:10"), "{error}");
    }

    #[test]
    fn references_must_exist() {
        let input = "[inputs.a]\nfile = \"a.tsv\"\nformat = \"imdb\"\nschema = \"x STRING\"\n";
        assert!(parse(&format!("{input}[output]\nrelation = \"r\"\n")).is_ok());
        for (wrong, word) in [
            ("[output]\nrelation = \"missing\"\n", "missing.sql"),
            (
                "[output]\nrelation = \"r\"\none_row_per = \"b\"\n",
                "no input `b`",
            ),
            (
                "key = [\"y\"]\n[output]\nrelation = \"r\"\n",
                "no column `y`",
            ),
            (
                "check = { x = \"UUID\" }\n[output]\nrelation = \"r\"\n",
                "UUID",
            ),
        ] {
            let error = parse(&format!("{input}{wrong}")).unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}

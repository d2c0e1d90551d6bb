//! The manifest: which files make up the table now.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use datafusion::arrow::datatypes::{DataType, Schema};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{MANIFEST, Table};
use crate::error::{Error, Kind, Result};
use crate::store::{Expect, PutOutcome};

/// One file of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    /// Relative to the table's folder.
    pub path: String,
    pub rows: u64,
    pub bytes: u64,
}

/// What one run published: one table in the output's folder, or several in folders below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub job: String,
    pub run_id: String,
    pub committed_at: DateTime<Utc>,
    /// Of all tables, as are `bytes` and `files`.
    pub rows: u64,
    pub bytes: u64,
    /// Empty where there are several tables, as are `columns`.
    pub partition_by: Vec<String>,
    pub files: Vec<ManifestFile>,
    /// Column names with their types in Spark's words, in order.
    pub columns: Vec<(String, String)>,
    /// Empty where there is one table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<ManifestTable>,
    /// What the run left for the next one that adds to the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// How many of the snapshots before stay readable; absent from manifests of earlier versions.
    #[serde(default)]
    pub keep_snapshots: u32,
    /// Files of the snapshot before, which go once this manifest is in place. Listed so that a
    /// crash in between leaves nothing that the next run could not finish.
    pub superseded: Vec<String>,
    /// What the runs before published, newest first, so that a run whose record was lost in a
    /// crash is still known to be done.
    pub earlier_runs: Vec<String>,
}

/// One of several tables of a snapshot. Its files are those below its folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestTable {
    pub name: String,
    /// Relative to the output's folder.
    pub folder: String,
    pub rows: u64,
    pub bytes: u64,
    pub partition_by: Vec<String>,
    /// Column names with their types in Spark's words, in order.
    pub columns: Vec<(String, String)>,
}

/// One table of a snapshot with its files.
#[derive(Debug, Clone)]
pub struct TableFiles<'a> {
    pub name: &'a str,
    /// Relative to the output's folder, which it is itself (as ``) where there is one table.
    pub folder: &'a str,
    pub rows: u64,
    pub bytes: u64,
    pub partition_by: &'a [String],
    pub columns: &'a [(String, String)],
    pub files: Vec<&'a ManifestFile>,
}

/// How many earlier runs a manifest remembers.
const EARLIER_RUNS_MAX: usize = 50;

/// A manifest as found, with the version that a conditional write must name to replace it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub manifest: Manifest,
    pub(super) version: Expect,
}

impl Manifest {
    /// The list of earlier runs for the manifest that replaces `previous`.
    pub fn earlier_runs(previous: Option<&Snapshot>) -> Vec<String> {
        let Some(Snapshot { manifest, .. }) = previous else {
            return Vec::new();
        };
        let mut runs = vec![manifest.run_id.clone()];
        runs.extend(
            manifest
                .earlier_runs
                .iter()
                .take(EARLIER_RUNS_MAX - 1)
                .cloned(),
        );
        runs
    }

    /// The tables, also where there is one, which has the name of its job.
    pub fn tables(&self) -> Vec<TableFiles<'_>> {
        if self.tables.is_empty() {
            return vec![TableFiles {
                name: &self.job,
                folder: "",
                rows: self.rows,
                bytes: self.bytes,
                partition_by: &self.partition_by,
                columns: &self.columns,
                files: self.files.iter().collect(),
            }];
        }
        let files_of = |table: &ManifestTable| {
            let is_below = |file: &&ManifestFile| {
                let rest = file.path.strip_prefix(table.folder.as_str());
                rest.is_some_and(|rest| rest.starts_with('/'))
            };
            self.files.iter().filter(is_below).collect()
        };
        let tables = self.tables.iter().map(|table| TableFiles {
            name: &table.name,
            folder: &table.folder,
            rows: table.rows,
            bytes: table.bytes,
            partition_by: &table.partition_by,
            columns: &table.columns,
            files: files_of(table),
        });
        tables.collect()
    }

    /// A table by its name; where there is only one, also by any other.
    pub fn table(&self, name: &str) -> Option<TableFiles<'_>> {
        let is_only = self.tables.is_empty();
        let mut tables = self.tables().into_iter();
        tables.find(|table| is_only || table.name == name)
    }

    /// Whether the run's work is, or was, the table's published state.
    pub fn knows(&self, run_id: &str) -> bool {
        self.run_id == run_id || self.earlier_runs.iter().any(|earlier| earlier == run_id)
    }

    /// Column names with types in Spark's words.
    pub fn columns_of(schema: &Schema) -> Vec<(String, String)> {
        schema
            .fields()
            .iter()
            .map(|field| (field.name().clone(), spark_type(field.data_type())))
            .collect()
    }

    /// The manifest's JSON: what Redshift's `COPY … MANIFEST` takes (`entries`, with the extra keys
    /// that its own `UNLOAD … MANIFEST VERBOSE` writes), and ours under `cinemill`.
    fn to_json(&self, table: &Table) -> Result<Bytes> {
        let entries = self.files.iter().map(|file| {
            json!({
                "url": table.location().join(&file.path).url(),
                "mandatory": true,
                "meta": { "content_length": file.bytes, "record_count": file.rows },
            })
        });
        let elements = self
            .columns
            .iter()
            .map(|(name, kind)| json!({ "name": name, "type": { "base": kind } }));
        let mut document = json!({
            "entries": entries.collect::<Vec<_>>(),
            "meta": { "content_length": self.bytes, "record_count": self.rows },
            "author": { "name": "cinemill", "version": env!("CARGO_PKG_VERSION") },
            "cinemill": self,
        });
        // No one schema fits the entries of several tables.
        if self.tables.is_empty() {
            document["schema"] = json!({ "elements": elements.collect::<Vec<_>>() });
        }
        serde_json::to_vec_pretty(&document)
            .map(Bytes::from)
            .map_err(|cause| Error::new(Kind::Final, "write", "the manifest", cause))
    }
}

/// A type in Spark's words.
pub fn spark_type(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "string".into(),
        DataType::Boolean => "boolean".into(),
        DataType::Int8 => "tinyint".into(),
        DataType::Int16 => "smallint".into(),
        DataType::Int32 => "int".into(),
        DataType::Int64 => "bigint".into(),
        DataType::Float32 => "float".into(),
        DataType::Float64 => "double".into(),
        DataType::Date32 => "date".into(),
        DataType::Timestamp(_, Some(_)) => "timestamp".into(),
        DataType::Timestamp(_, None) => "timestamp_ntz".into(),
        DataType::Decimal128(precision, scale) => format!("decimal({precision},{scale})"),
        DataType::Binary => "binary".into(),
        DataType::List(item) => format!("array<{}>", spark_type(item.data_type())),
        DataType::Struct(fields) => {
            let fields = fields
                .iter()
                .map(|field| format!("{}:{}", field.name(), spark_type(field.data_type())));
            format!("struct<{}>", fields.collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

pub(super) async fn read(table: &Table) -> Result<Option<Snapshot>> {
    read_at(table, MANIFEST).await
}

/// A manifest, or the copy of one.
pub(super) async fn read_at(table: &Table, name: &str) -> Result<Option<Snapshot>> {
    let Some((bytes, meta)) = table.store().read(&table.path(name)).await? else {
        return Ok(None);
    };
    #[derive(Deserialize)]
    struct Document {
        cinemill: Manifest,
    }
    let document: Document = serde_json::from_slice(&bytes).map_err(|cause| {
        Error::new(Kind::Final, "read", table.location().join(name), cause)
            .hint("the output holds a manifest that cinemill did not write; choose another output")
    })?;
    Ok(Some(Snapshot {
        manifest: document.cinemill,
        version: Expect::found(Some(&meta)),
    }))
}

/// Keeps a copy of a manifest that is about to be replaced.
pub(super) async fn copy_to(table: &Table, manifest: &Manifest, name: &str) -> Result<()> {
    let path = table.path(name);
    table.store().write(&path, manifest.to_json(table)?).await
}

/// Replaces the manifest if it still is what `base` saw.
pub(super) async fn replace(
    table: &Table,
    manifest: &Manifest,
    base: Option<&Snapshot>,
) -> Result<PutOutcome> {
    let expect = base.map_or(Expect::Absent, |snapshot| snapshot.version.clone());
    table
        .store()
        .write_if(&table.path(MANIFEST), manifest.to_json(table)?, &expect)
        .await
}

//! `[output]`, `[outputs.<name>]`: the tables that a job publishes.

use cinemill_engine::sink::spec::Compression;
use serde::{Deserialize, Serialize};

/// What becomes of the rows that the table has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteMode {
    /// They go; the table has the run's rows alone.
    #[default]
    Overwrite,
    /// They stay; rows whose key is not there are added.
    AppendNew,
    /// They stay, but those that the run has other values for are replaced; rows whose key is not
    /// there are added.
    Merge,
    /// Those in Hive folders for which the run has rows are replaced; others stay.
    OverwritePartitions,
}

impl WriteMode {
    pub fn name(self) -> &'static str {
        match self {
            Self::Overwrite => "overwrite",
            Self::AppendNew => "append_new",
            Self::Merge => "merge",
            Self::OverwritePartitions => "overwrite_partitions",
        }
    }
}

/// A published table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputDefinition {
    /// The job's name where it has one table.
    #[serde(default)]
    pub name: String,
    /// The folder below the output's; `` for the only table, which lies in that folder itself.
    #[serde(default)]
    pub folder: String,
    /// The relation whose rows are published; where not given, the one of the table's name.
    #[serde(default)]
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
    #[serde(default)]
    pub mode: WriteMode,
    /// How many snapshots before the current one stay readable.
    #[serde(default = "default_keep_snapshots")]
    pub keep_snapshots: u32,
}

/// Redshift reads files of 64 MB to 1 GB best.
fn default_target_file_mb() -> u64 {
    256
}

/// Enough to see what the last run changed.
fn default_keep_snapshots() -> u32 {
    1
}

impl OutputDefinition {
    /// The only table of a job.
    pub(super) fn only(mut self, job: &str) -> Self {
        self.name = job.to_owned();
        self.named()
    }

    /// One of several tables of a job.
    pub(super) fn one_of_several(mut self, name: &str) -> Self {
        self.name = name.to_owned();
        self.folder = name.to_owned();
        self.named()
    }

    fn named(mut self) -> Self {
        if self.relation.is_empty() {
            self.relation.clone_from(&self.name);
        }
        self
    }
}

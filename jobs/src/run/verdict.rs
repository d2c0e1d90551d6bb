//! How a run ended, in figures.

use std::collections::BTreeMap;
use std::fmt;

use cinemill_engine::sink::statistics::TableStatistics;
use indicatif::HumanBytes;
use serde::{Deserialize, Serialize};

use super::modes::TableChange;
use super::request::RunRequest;
use super::usage::Usage;
use crate::job::WriteMode;

/// A finished run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    pub run_id: String,
    pub job: String,
    pub output: String,
    pub rows: u64,
    pub files: u64,
    pub bytes: u64,
    /// Records that did not fit their declaration.
    pub rejects: u64,
    pub seconds: f64,
    /// `embedded`, or how large the cluster was.
    pub place: String,
    /// How many pieces of the run were lost and executed again.
    #[serde(default)]
    pub retries: u32,
    /// Absent from runs that earlier versions noted.
    #[serde(default)]
    pub usage: Usage,
    /// The parameters' values.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    /// Expectations of the severity `warn` that do not hold, a line each.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// What became of the rows of each table; absent from runs that earlier versions noted.
    #[serde(default)]
    pub tables: Vec<TableChange>,
    /// It tells what the run would do; nothing was done.
    #[serde(default)]
    pub dry_run: bool,
    pub inputs: Vec<InputSummary>,
    /// Of the rows that the run wrote, by table: all rows in the mode `overwrite`, in others those
    /// that were added or replaced. Absent from runs that earlier versions noted.
    #[serde(default)]
    pub statistics: Vec<TableStatistics>,
}

/// What was read of one input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputSummary {
    pub name: String,
    pub records: u64,
    /// Records that became rows; fewer only in the mode `drop`.
    pub rows: u64,
    pub rejects: u64,
    /// Files with rejects.
    pub rejected: Vec<FileRejects>,
}

/// The rejects of one file, counted by reason. A record with several reasons counts under each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRejects {
    pub file: String,
    pub rejects: u64,
    pub reasons: BTreeMap<String, u64>,
}

/// One line.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dry_run {
            let tables: Vec<String> = self.tables.iter().map(TableChange::to_string).collect();
            return write!(f, "{} would leave: {}", self.job, tables.join("; "));
        }
        write!(
            f,
            "{} done: {} rows in {} {} ({}), {} {}, {:.1} s, {}{}, run {}, published at {}",
            self.job,
            self.rows,
            self.files,
            if self.files == 1 { "file" } else { "files" },
            HumanBytes(self.bytes),
            self.rejects,
            if self.rejects == 1 {
                "reject"
            } else {
                "rejects"
            },
            self.seconds,
            self.place,
            match self.retries {
                0 => String::new(),
                1 => ", 1 retry".to_owned(),
                more => format!(", {more} retries"),
            },
            self.run_id,
            self.output,
        )
    }
}

impl Verdict {
    /// The verdict of a run that has not done anything yet.
    pub fn of(request: &RunRequest) -> Self {
        Self {
            run_id: request.run_id.clone(),
            job: request.job.name.clone(),
            output: request.output.to_string(),
            params: request.params.clone(),
            ..Self::default()
        }
    }

    /// A line per table to which rows were added, and per table of several.
    fn table_lines(&self) -> Vec<String> {
        let tells =
            |table: &&TableChange| self.tables.len() > 1 || table.mode != WriteMode::Overwrite;
        // A dry run tells nothing else than these.
        let tables = self.tables.iter().filter(|_| !self.dry_run).filter(tells);
        tables.map(|table| format!("table {table}")).collect()
    }

    /// What is told besides the verdict's own line.
    pub fn lines(&self) -> Vec<String> {
        let warnings = self.warnings.iter();
        let warnings = warnings.map(|warning| format!("warning: {warning}"));
        let lines = [self.table_lines(), self.reject_lines()].concat();
        lines.into_iter().chain(warnings).collect()
    }

    /// A line per file and reason, for a run with rejects.
    fn reject_lines(&self) -> Vec<String> {
        let files = self
            .inputs
            .iter()
            .flat_map(|input| input.rejected.iter().map(move |file| (&input.name, file)));
        let mut lines = Vec::new();
        for (input, file) in files {
            for (reason, count) in &file.reasons {
                lines.push(format!(
                    "rejects: {input}: {}: {reason}: {count}",
                    file.file
                ));
            }
        }
        lines
    }
}

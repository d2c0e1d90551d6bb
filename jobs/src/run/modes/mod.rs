//! What becomes of the rows that a table has: how new ones are told from those that are there.
//!
//! All modes end in the same commit: files that stay are listed in the new manifest beside those
//! that the run wrote. A run that finds another snapshot at its commit than the one it began with
//! fails, so nothing is lost between the two.

mod before;
mod changes;
mod counts;

use std::collections::BTreeSet;
use std::fmt;

use cinemill_engine::error::Error;
use cinemill_engine::sink::spec::TaskReport;
use cinemill_engine::sink::table::ManifestFile;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, cast, ident};
use serde::{Deserialize, Serialize};

use super::planner::Planned;
use crate::job::{OutputDefinition, WriteMode};

pub use before::Before;
pub use changes::{Changes, IS_NEW};
pub use counts::{comparison, counts_of};

/// What a run did to the rows of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableChange {
    pub table: String,
    pub mode: WriteMode,
    /// Of the table, after the run.
    pub rows: u64,
    pub inserted: u64,
    pub updated: u64,
    pub deleted: u64,
    pub unchanged: u64,
}

/// In words.
impl fmt::Display for TableChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            table,
            rows,
            inserted,
            updated,
            deleted,
            unchanged,
            ..
        } = self;
        write!(
            f,
            "{table}: {rows} rows, {inserted} inserted, {updated} updated, {deleted} deleted, \
             {unchanged} unchanged ({})",
            self.mode.name()
        )
    }
}

impl TableChange {
    /// All rows are the run's, in place of those that were there.
    pub fn replaced(output: &OutputDefinition, mode: WriteMode, rows: u64, before: u64) -> Self {
        Self {
            table: output.name.clone(),
            mode,
            rows,
            inserted: rows,
            deleted: before,
            ..Self::default()
        }
    }
}

/// The files that stay when those in Hive folders go for which a run wrote new ones, and the rows of
/// those that go.
pub fn other_partitions(before: &Before, reports: &[TaskReport]) -> (Vec<ManifestFile>, u64) {
    let folder = |path: &str| path.rsplit_once('/').map(|(folder, _)| folder.to_owned());
    let parts = reports.iter().flat_map(|report| &report.parts);
    let written: BTreeSet<_> = parts.map(|part| folder(&part.path)).collect();
    let files = before.files.iter().cloned();
    let (gone, kept): (Vec<_>, Vec<_>) =
        files.partition(|file| written.contains(&folder(&file.path)));
    (kept, gone.iter().map(|file| file.rows).sum())
}

/// A column of the plan as it is stored.
fn stored(planned: &Planned, column: &str) -> Expr {
    let schema = cinemill_engine::sink::writer::table_schema(&planned.sink, &planned.schema);
    match schema.field_with_name(column) {
        Ok(field) => cast(ident(column), field.data_type().clone()),
        Err(_) => ident(column),
    }
}

fn failed(cause: &DataFusionError, planned: &Planned) -> Error {
    Error::from_datafusion(cause, "plan job", &planned.sink.run_id)
}

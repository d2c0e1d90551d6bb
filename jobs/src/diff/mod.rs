//! What a run changed: two snapshots of an output, table by table.
//!
//! Files that both snapshots have are left out before anything is read; the rest is compared by a
//! plan that spills what does not fit into memory. Where the files of a snapshot are gone, the
//! statistics in the records of both runs are all there is.

mod compare;
mod report;
mod rows;
mod statistics;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::table::{KeptSnapshot, ManifestFile, RunRecord, Table, TableFiles};
use cinemill_engine::store::Location;

use crate::reading::Reading;
use crate::run::Verdict;
use compare::Sides;
pub use report::{
    Cell, ColumnChange, Difference, Example, Row, RowChanges, StatisticsChange, TableDifference,
};

/// How many examples of each kind are shown.
pub const EXAMPLES: usize = 10;

/// What to compare.
#[derive(Debug)]
pub struct Comparison<'a> {
    pub table: &'a Table,
    /// The later run; the current snapshot's where not given.
    pub run: Option<&'a str>,
    /// The earlier run; the one that the later one's snapshot replaced where not given.
    pub against: Option<&'a str>,
    /// The columns that identify a row, by table. Tables without are compared as multisets.
    pub keys: &'a BTreeMap<String, Vec<String>>,
    /// The tables whose keys must be there; other keys are left alone where they are not.
    pub asked: &'a BTreeSet<String>,
    pub spill_dir: Option<&'a Path>,
}

/// One side of a comparison.
struct Side {
    run: String,
    snapshot: Option<KeptSnapshot>,
    verdict: Option<Verdict>,
}

impl Comparison<'_> {
    /// Compares the two.
    ///
    /// # Errors
    /// `Input` where a run is not known there, `Usage` for a key that is not, else as reading fails.
    pub async fn make(&self) -> Result<Difference> {
        let current = self
            .table
            .current()
            .await?
            .map(|snapshot| snapshot.manifest);
        let Some(current) = current else {
            return Err(self.unknown("nothing was published there"));
        };
        let run = self.run.unwrap_or(&current.run_id);
        let known = [vec![current.run_id.clone()], current.earlier_runs.clone()].concat();
        let before = match (
            self.against,
            known.iter().position(|earlier| earlier == run),
        ) {
            (Some(against), _) => against,
            (None, Some(at)) if at + 1 < known.len() => &known[at + 1],
            _ => return Err(self.unknown("no run is known before it; give one with --against")),
        };
        let (after, before) = (self.side(run).await?, self.side(before).await?);
        let mut difference = Difference {
            output: self.table.location().to_string(),
            run: after.run.clone(),
            against: before.run.clone(),
            tables: Vec::new(),
            missing_files: [&before, &after]
                .into_iter()
                .filter(|side| side.snapshot.is_none())
                .map(|side| side.run.clone())
                .collect(),
        };
        let names = names(&before, &after);
        if let Some(name) = self.asked.iter().find(|name| !names.contains(name)) {
            let cause = "there is no such table";
            return Err(Error::new(Kind::Usage, "use the key of", name, cause)
                .hint(format!("there are: {}", names.join(", "))));
        }
        for name in names {
            difference
                .tables
                .push(self.table(&name, &before, &after).await?);
        }
        Ok(difference)
    }

    async fn side(&self, run: &str) -> Result<Side> {
        let snapshot = self.table.kept_snapshot(run).await?;
        let record: Option<RunRecord> = self.table.run_record(run).await?;
        if snapshot.is_none() && record.is_none() {
            let known = self.table.run_records().await?;
            let known: Vec<String> = known.into_iter().rev().take(5).map(|r| r.run_id).collect();
            let error = self.unknown(&format!("no run {run} is known there"));
            return Err(error.hint(format!("the last ones are {}", known.join(", "))));
        }
        let verdict = record.and_then(|record| serde_json::from_value(record.summary).ok());
        Ok(Side {
            run: run.to_owned(),
            snapshot,
            verdict,
        })
    }

    fn unknown(&self, cause: &str) -> Error {
        Error::new(
            Kind::Input,
            "compare snapshots of",
            self.table.location(),
            cause,
        )
    }

    async fn table(&self, name: &str, before: &Side, after: &Side) -> Result<TableDifference> {
        let mut difference = TableDifference {
            table: name.to_owned(),
            rows_before: before.rows(name),
            rows_after: after.rows(name),
            statistics: statistics::changes(before.statistics(name), after.statistics(name)),
            ..TableDifference::default()
        };
        let (Some(old), Some(new)) = (before.files(name), after.files(name)) else {
            return Ok(difference);
        };
        difference.columns = report::column_changes(&old.columns, &new.columns);
        let is_shared = |file: &(ManifestFile, Location), other: &SideFiles| {
            other
                .files
                .iter()
                .any(|(there, _)| there.path == file.0.path)
        };
        let (own_old, own_new) = (
            old.files.iter().filter(|file| !is_shared(file, &new)),
            new.files.iter().filter(|file| !is_shared(file, &old)),
        );
        let places = |(_, place): &(ManifestFile, Location)| place.clone();
        let shared = old.files.iter().filter(|file| is_shared(file, &new));
        let sides = Sides {
            before: own_old.map(places).collect(),
            after: own_new.map(places).collect(),
            columns_before: old.columns.clone(),
            columns_after: new.columns.clone(),
            rows_shared: shared.map(|(file, _)| file.rows).sum(),
        };
        let reading = Reading::bounded(self.spill_dir)?;
        difference.key = self.key(name, &sides)?;
        difference.rows = Some(match difference.key.is_empty() {
            false => rows::by_key(&reading, &sides, &difference.key).await?,
            true => rows::as_multisets(&reading, &sides).await?,
        });
        Ok(difference)
    }

    /// The key of a table, if both snapshots have all of its columns.
    fn key(&self, table: &str, sides: &Sides) -> Result<Vec<String>> {
        let key = self.keys.get(table).cloned().unwrap_or_default();
        let has = |columns: &[(String, String)], name: &String| {
            columns.iter().any(|(column, _)| column == name)
        };
        let is_there =
            |name: &String| has(&sides.columns_before, name) && has(&sides.columns_after, name);
        let missing = key.iter().find(|name| !is_there(name));
        match missing {
            None => Ok(key),
            Some(name) if self.asked.contains(table) => {
                let common = sides.columns_after.iter().map(|(name, _)| name);
                let common: Vec<&str> = common
                    .filter(|name| is_there(name))
                    .map(String::as_str)
                    .collect();
                let cause = format!("the table does not have the column `{name}` in both runs");
                Err(Error::new(Kind::Usage, "use the key of", table, cause)
                    .hint(format!("both have {}", common.join(", "))))
            }
            Some(_) => Ok(Vec::new()),
        }
    }
}

/// The files of one table of a snapshot, and where they are.
struct SideFiles {
    files: Vec<(ManifestFile, Location)>,
    columns: Vec<(String, String)>,
}

impl Side {
    fn tables(&self) -> Vec<TableFiles<'_>> {
        let snapshot = self.snapshot.as_ref();
        snapshot.map_or_else(Vec::new, |snapshot| snapshot.manifest.tables())
    }

    fn files(&self, name: &str) -> Option<SideFiles> {
        let tables = self.tables();
        let table = tables.iter().find(|table| table.name == name)?;
        let is_own = |file: &&(ManifestFile, Location)| {
            table.files.iter().any(|own| own.path == file.0.path)
        };
        let files = self.snapshot.iter().flat_map(|snapshot| &snapshot.files);
        Some(SideFiles {
            files: files.filter(is_own).cloned().collect(),
            columns: table.columns.to_vec(),
        })
    }

    /// From the manifest, else from the run's record.
    fn rows(&self, name: &str) -> Option<u64> {
        let tables = self.tables();
        let listed = tables.iter().find(|table| table.name == name);
        if let Some(table) = listed {
            return Some(table.rows);
        }
        let verdict = self.verdict.as_ref().filter(|_| self.snapshot.is_none())?;
        let noted = verdict.tables.iter().find(|table| table.table == name);
        noted.map(|table| table.rows)
    }

    fn statistics(
        &self,
        name: &str,
    ) -> Option<&cinemill_engine::sink::statistics::TableStatistics> {
        let tables = self.verdict.iter().flat_map(|verdict| &verdict.statistics);
        tables.into_iter().find(|table| table.table == name)
    }
}

/// The tables of either side.
fn names(before: &Side, after: &Side) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for side in [after, before] {
        let noted = side.verdict.iter().flat_map(|verdict| &verdict.statistics);
        let noted = noted.map(|table| table.table.clone());
        let listed = side.tables().into_iter().map(|table| table.name.to_owned());
        for name in listed.chain(noted) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

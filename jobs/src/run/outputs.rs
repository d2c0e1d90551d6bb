//! Writes the tables of a run, each in the mode that was asked for.

use std::collections::BTreeSet;

use cinemill_engine::error::Result;
use cinemill_engine::sink::statistics::TableStatistics;
use cinemill_engine::sink::table::{Manifest, ManifestFile, WrittenTable};
use cinemill_engine::store::Location;
use futures::FutureExt;
use tokio_util::sync::CancellationToken;

use super::audits;
use super::checkpoints::{Checkpoint, Checkpoints};
use super::incremental;
use super::modes::{self, Before, Changes, TableChange};
use super::pieces::{Pieces, Written, audited};
use super::planner::Planned;
use super::tables::TableInput;
use crate::job::{OutputDefinition, WriteMode};

/// A table that is written, and not visible yet.
pub struct DoneTable<'a> {
    pub output: &'a OutputDefinition,
    pub table: WrittenTable,
    pub change: TableChange,
    pub statistics: TableStatistics,
    /// How many rows the output has, where all of it was made.
    pub rows_made: Option<u64>,
    /// The folders in which the scans left their audits.
    pub audits: Vec<Location>,
    /// The rows of its relation, where they were made in chunks.
    pub chunks: Option<Checkpoint>,
    /// What the table keeps of what it has.
    pub stays: Option<Stays>,
    /// Buckets of rows that stay as they are, although the run has other values for them.
    pub skipped: BTreeSet<u32>,
}

/// What a table keeps of what it has.
pub enum Stays {
    /// All rows, but for those that have the key of a changed one.
    Rows {
        before: Before,
        changed: TableInput,
        /// Of the changed ones only those whose key the table does not have count.
        only_new: bool,
    },
    /// Some of the files.
    Files {
        before: Before,
        files: Vec<ManifestFile>,
    },
}

/// Where an output's rows come from.
pub struct Sources<'s> {
    pub base: Option<&'s Manifest>,
    pub places: &'s Checkpoints<'s>,
    pub made: &'s [Checkpoint],
    /// Into how many buckets rows are divided for the runs that come after.
    pub buckets: Option<u32>,
}

impl<'a> Pieces<'a> {
    pub(super) async fn output(
        &self,
        output: &'a OutputDefinition,
        sources: &Sources<'_>,
        cancel: &CancellationToken,
    ) -> Result<DoneTable<'a>> {
        let Some(chunked) = self.request.options.chunking() else {
            return self.in_mode(output, sources, cancel).await;
        };
        let (places, made) = (sources.places, sources.made);
        let all = self.chunks(output, chunked, places, made, cancel).await?;
        if !output.key.is_empty() {
            self.check_key(output, &all, None, cancel).await?;
        }
        let audits = all.audits.clone();
        let made: Vec<Checkpoint> = made.iter().cloned().chain([all.clone()]).collect();
        let sources = Sources {
            made: &made,
            ..*sources
        };
        let mut done = self.in_mode(output, &sources, cancel).await?;
        done.audits.extend(audits);
        done.chunks = Some(all);
        Ok(done)
    }

    async fn in_mode(
        &self,
        output: &'a OutputDefinition,
        sources: &Sources<'_>,
        cancel: &CancellationToken,
    ) -> Result<DoneTable<'a>> {
        let before = Before::of(output, &self.request.output, sources.base);
        match (self.request.mode(output), before) {
            (WriteMode::AppendNew | WriteMode::Merge, Some(before)) => {
                self.add(output, before, sources, cancel).await
            }
            (WriteMode::OverwritePartitions, Some(before)) => {
                self.overwrite_partitions(output, before, sources, cancel)
                    .await
            }
            (mode, before) => {
                let rows_before = before.map_or(0, |before| before.rows());
                let (written, audits) = self.all_rows(output, sources, cancel).await?;
                let rows = written.rows();
                let change = TableChange::replaced(output, mode, rows, rows_before);
                Ok(done(output, written, Vec::new(), change, Some(rows)).audited(audits))
            }
        }
    }

    /// Writes all rows, and an empty file where there are none.
    async fn all_rows(
        &self,
        output: &OutputDefinition,
        sources: &Sources<'_>,
        cancel: &CancellationToken,
    ) -> Result<(Written, Location)> {
        let (mut written, audits) = self.rows(output, sources, cancel, Ok).await?;
        written.write_empty_table().await?;
        Ok((written, audits))
    }

    async fn overwrite_partitions(
        &self,
        output: &'a OutputDefinition,
        before: Before,
        sources: &Sources<'_>,
        cancel: &CancellationToken,
    ) -> Result<DoneTable<'a>> {
        let fits = |planned: Planned| {
            before.check_fits(output, &planned)?;
            Ok(planned)
        };
        let (written, audits) = self.rows(output, sources, cancel, fits).await?;
        let (kept, deleted) = modes::other_partitions(&before, &written.reports);
        let rows = written.rows();
        let change = TableChange {
            inserted: rows,
            deleted,
            unchanged: kept.iter().map(|file| file.rows).sum(),
            ..self.change(output, WriteMode::OverwritePartitions)
        };
        let files = kept.clone();
        let mut done = done(output, written, kept, change, Some(rows)).audited(audits);
        done.stays = Some(Stays::Files { before, files });
        Ok(done)
    }

    /// Adds rows to a table, or changes some of its rows. What is new is written down first, so that
    /// it can be looked at, and is made only once.
    async fn add(
        &self,
        output: &'a OutputDefinition,
        before: Before,
        sources: &Sources<'_>,
        cancel: &CancellationToken,
    ) -> Result<DoneTable<'a>> {
        let (places, made) = (sources.places, sources.made);
        let kept = self.changes(output, &before, places, made, cancel).await?;
        let changes = Changes {
            table: kept.as_input(),
            before: &before,
            key: &output.key,
            only_new: self.request.mode(output) == WriteMode::AppendNew,
        };
        let mode = self.request.mode(output);
        let (concerned, updated) = match (mode, kept.rows()) {
            (WriteMode::AppendNew, _) | (_, 0) => (Vec::new(), 0),
            _ => self.concerned(output, &changes, sources, cancel).await?,
        };
        let is_kept = |file: &&ManifestFile| !concerned.contains(file);
        let stay: Vec<ManifestFile> = before.files.iter().filter(is_kept).cloned().collect();
        let merged = |planned: Planned| changes.merged(planned, &concerned);
        let (written, audits) = self.rows(output, sources, cancel, merged).await?;
        let inserted = match mode {
            WriteMode::AppendNew => written.rows(),
            _ => kept.rows() - updated,
        };
        let skipped = match sources.buckets.filter(|_| inserted < kept.rows() - updated) {
            Some(count) => {
                self.skipped(output, &changes, count, sources, cancel)
                    .await?
            }
            None => BTreeSet::new(),
        };
        let change = TableChange {
            inserted,
            updated,
            unchanged: before.rows() - updated,
            ..self.change(output, mode)
        };
        let mut done = done(output, written, stay, change, None).audited(audits);
        done.audits.extend(kept.audits.iter().cloned());
        let Changes {
            table: changed,
            only_new,
            ..
        } = changes;
        done.skipped = skipped;
        done.stays = Some(Stays::Rows {
            before,
            changed,
            only_new,
        });
        Ok(done)
    }

    /// The files of the table in which rows change, and how many do.
    async fn concerned(
        &self,
        output: &OutputDefinition,
        changes: &Changes<'_>,
        sources: &Sources<'_>,
        cancel: &CancellationToken,
    ) -> Result<(Vec<ManifestFile>, u64)> {
        let phase = "find files";
        let rows = self
            .tried(phase, cancel, |planner| {
                async move {
                    let planned = planner.output(output, self.inputs, sources.made).await?;
                    let concerned = changes.concerned(&planned)?;
                    self.collect(phase, concerned.frame(), cancel).await
                }
                .boxed()
            })
            .await?;
        Ok(changes.read_concerned(&rows))
    }

    /// The buckets of the rows for which a run that only adds rows has other values.
    async fn skipped(
        &self,
        output: &OutputDefinition,
        changes: &Changes<'_>,
        count: u32,
        sources: &Sources<'_>,
        cancel: &CancellationToken,
    ) -> Result<BTreeSet<u32>> {
        let phase = "compare";
        let rows = self
            .tried(phase, cancel, |planner| {
                async move {
                    let planned = planner.output(output, self.inputs, sources.made).await?;
                    let others = changes.others(&planned, count)?;
                    self.collect(phase, others, cancel).await
                }
                .boxed()
            })
            .await?;
        Ok(incremental::numbers(&rows))
    }

    /// Writes what `chosen` makes of an output's rows. Its scans' audits are in the folder.
    async fn rows(
        &self,
        output: &OutputDefinition,
        sources: &Sources<'_>,
        cancel: &CancellationToken,
        chosen: impl Fn(Planned) -> Result<Planned> + Send + Sync,
    ) -> Result<(Written, Location)> {
        let (phase, chosen) = (&phase_of(output), &chosen);
        self.tried(phase, cancel, |planner| {
            async move {
                let folder = audits::fresh_folder(self.request);
                let inputs = audited(self.inputs, &folder)?;
                let planned = chosen(planner.output(output, &inputs, sources.made).await?)?;
                let written = self.write(phase, planned, cancel).await?;
                Ok((written, folder))
            }
            .boxed()
        })
        .await
    }

    fn change(&self, output: &OutputDefinition, mode: WriteMode) -> TableChange {
        TableChange {
            table: output.name.clone(),
            mode,
            ..TableChange::default()
        }
    }
}

impl DoneTable<'_> {
    fn audited(mut self, folder: Location) -> Self {
        self.audits.push(folder);
        self
    }
}

fn done<'a>(
    output: &'a OutputDefinition,
    written: Written,
    kept: Vec<ManifestFile>,
    change: TableChange,
    rows_made: Option<u64>,
) -> DoneTable<'a> {
    let rows = written.rows() + kept.iter().map(|file| file.rows).sum::<u64>();
    DoneTable {
        output,
        statistics: written.statistics(&output.name),
        table: written.table(output.name.clone(), output.folder.clone(), kept),
        change: TableChange { rows, ..change },
        rows_made,
        audits: Vec::new(),
        chunks: None,
        stays: None,
        skipped: BTreeSet::new(),
    }
}

/// `write`, or with the table's name where there are several.
fn phase_of(output: &OutputDefinition) -> String {
    match output.folder.as_str() {
        "" => "write".to_owned(),
        table => format!("write {table}"),
    }
}

//! How a run's files become the table, step by step. A crash after any step leaves the old table
//! or the new one whole for readers of the manifest; [`super::sweep`] clears up what is left over.

use std::collections::{BTreeSet, HashSet};

use chrono::Utc;

use super::intent::{self, Intent};
use super::manifest::{self, Manifest, ManifestFile, ManifestTable, Snapshot};
use super::sweep::Undo;
use super::{Table, probe};
use crate::error::{Error, Kind, Result};
use crate::sink::spec::{StagedPart, TaskReport, staging_folder};
use crate::sink::upload;
use crate::store::PutOutcome;

/// The steps of a commit, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitStep {
    /// Writes down which files are about to become visible.
    Intent,
    /// The parts and the rejects get their final names.
    Publish,
    /// The manifest is replaced, on condition that it is still the one this run began with.
    Manifest,
    /// `_SUCCESS`, for readers that wait for it.
    Success,
    /// The files of the snapshot before go, to where kept snapshots are or for good.
    RemoveOld,
    /// Staging folders go: this run's, and those of dead runs.
    Sweep,
}

impl CommitStep {
    pub const ALL: [Self; 6] = [
        Self::Intent,
        Self::Publish,
        Self::Manifest,
        Self::Success,
        Self::RemoveOld,
        Self::Sweep,
    ];
}

/// A run's claim on a table, from its first file to its commit.
#[derive(Debug)]
pub struct Commit {
    pub(super) table: Table,
    pub(super) run_id: String,
    base: Option<Snapshot>,
    content: Option<Content>,
    /// The name of this attempt's intent.
    intent: String,
    /// Whether files may have become visible.
    announced: bool,
    /// Which attempt at the run this is, by its record; 0 where it has none.
    attempt: u32,
}

#[derive(Debug)]
pub(super) struct Content {
    pub parts: Vec<StagedPart>,
    /// Staged files of rejects with the names that they get below `_rejects/<run id>`.
    pub rejects: Vec<(String, String)>,
    manifest: Manifest,
}

impl Content {
    /// Whether the table's manifest is this run's, or has replaced it: names are never used twice.
    fn is_or_was(&self, now: &Manifest) -> bool {
        let own = self.parts.first();
        *now == self.manifest
            || now.earlier_runs.contains(&self.manifest.run_id)
            || own.is_some_and(|own| now.superseded.contains(&own.path))
    }
}

/// Whether a manifest whose write failed is, or may come to be, the table's.
enum Fate {
    Committed,
    Impossible,
    Unknown,
}

/// What a run publishes.
#[derive(Debug)]
pub struct Publication {
    pub job: String,
    pub tables: Vec<WrittenTable>,
    /// Staged files of rejects with the names that they get below `_rejects/<run id>`.
    pub rejects: Vec<(String, String)>,
    /// How many of the snapshots before are to stay readable.
    pub keep_snapshots: u32,
    /// The name of a state that was written for the next run.
    pub state: Option<String>,
}

/// One table of a publication.
#[derive(Debug)]
pub struct WrittenTable {
    pub name: String,
    /// Relative to the output's folder; `` for the only table, which lies in that folder itself.
    pub folder: String,
    pub partition_by: Vec<String>,
    pub columns: Vec<(String, String)>,
    /// Each of the `partitions` must have reported exactly once.
    pub reports: Vec<TaskReport>,
    pub partitions: usize,
    /// Files of the snapshot before that are part of the new one too.
    pub kept: Vec<ManifestFile>,
}

impl Commit {
    /// Lays claim to the table: finishes what a dead run left undone, and remembers which snapshot
    /// this run is to replace. The caller holds the run's [`super::Lease`].
    pub async fn begin(table: Table, run_id: &str) -> Result<Self> {
        probe::conditional_writes(&table, &staging_folder(run_id)).await?;
        table.recover(run_id).await?;
        // What earlier attempts at this very run left.
        table.undo(Undo::of(run_id)).await?;
        let base = table.current().await?;
        let record = table.run_record(run_id).await?;
        Ok(Self {
            table,
            run_id: run_id.to_owned(),
            base,
            content: None,
            intent: intent::fresh_name(),
            announced: false,
            attempt: record.map_or(0, |record| record.attempt),
        })
    }

    /// The snapshot that the commit would replace.
    pub fn base(&self) -> Option<&Manifest> {
        self.base.as_ref().map(|snapshot| &snapshot.manifest)
    }

    /// Takes what the tasks wrote.
    ///
    /// # Errors
    /// `Retryable` where a partition of a table did not report, or did so twice.
    pub fn prepare(&mut self, publication: Publication) -> Result<&Manifest> {
        let failed = |cause| Error::new(Kind::Retryable, "commit run", &self.run_id, cause);
        let is_only = publication.tables.len() == 1;
        let mut parts: Vec<StagedPart> = Vec::new();
        let mut files: Vec<ManifestFile> = Vec::new();
        let mut tables: Vec<ManifestTable> = Vec::new();
        for table in publication.tables {
            check_complete(&table.reports, table.partitions).map_err(failed)?;
            let new: Vec<StagedPart> = table.reports.into_iter().flat_map(|r| r.parts).collect();
            let own: Vec<ManifestFile> = new.iter().map(file_of).chain(table.kept).collect();
            tables.push(ManifestTable {
                name: table.name,
                folder: table.folder,
                rows: own.iter().map(|file| file.rows).sum(),
                bytes: own.iter().map(|file| file.bytes).sum(),
                partition_by: table.partition_by,
                columns: table.columns,
            });
            parts.extend(new);
            files.extend(own);
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        if let Some(twice) = files.windows(2).find(|pair| pair[0].path == pair[1].path) {
            return Err(failed(format!("two tasks wrote {}", twice[0].path)));
        }
        let superseded = self.superseded(&files);
        let (partition_by, columns) = match tables.first_mut().filter(|_| is_only) {
            Some(only) => (
                std::mem::take(&mut only.partition_by),
                std::mem::take(&mut only.columns),
            ),
            None => (Vec::new(), Vec::new()),
        };
        let manifest = Manifest {
            job: publication.job,
            run_id: self.run_id.clone(),
            committed_at: Utc::now(),
            rows: files.iter().map(|file| file.rows).sum(),
            bytes: files.iter().map(|file| file.bytes).sum(),
            partition_by,
            files,
            columns,
            tables: if is_only { Vec::new() } else { tables },
            keep_snapshots: publication.keep_snapshots,
            state: publication.state,
            superseded,
            earlier_runs: Manifest::earlier_runs(self.base.as_ref()),
        };
        let content = Content {
            parts,
            rejects: publication.rejects,
            manifest,
        };
        Ok(&self.content.insert(content).manifest)
    }

    /// The files of the base that the new snapshot does not have.
    fn superseded(&self, files: &[ManifestFile]) -> Vec<String> {
        let stay: HashSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
        let old = self.base().into_iter().flat_map(|base| &base.files);
        old.filter(|file| !stay.contains(file.path.as_str()))
            .map(|file| file.path.clone())
            .collect()
    }

    /// All steps in order. An error before the manifest is replaced undoes what was done; after
    /// that the run is committed, and what failed to be cleared up is left to the next run.
    pub async fn run(mut self) -> Result<Manifest> {
        for step in CommitStep::ALL {
            let Err(error) = self.step(step).await else {
                continue;
            };
            let fate = match step {
                CommitStep::Intent | CommitStep::Publish => Fate::Impossible,
                CommitStep::Manifest => self.fate(&error).await,
                _ => Fate::Committed,
            };
            match fate {
                Fate::Committed => {
                    tracing::warn!(run = self.run_id, %error, "committed, but not without trouble");
                }
                Fate::Impossible => {
                    self.abort().await;
                    return Err(error);
                }
                Fate::Unknown => {
                    return Err(error.hint(
                        "the store did not say whether the run was committed; run it again with \
                         the same run id to find out",
                    ));
                }
            }
        }
        Ok(self.content()?.manifest.clone())
    }

    /// One step. Each may be repeated.
    pub async fn step(&mut self, step: CommitStep) -> Result<()> {
        match step {
            CommitStep::Intent => self.write_intent().await,
            CommitStep::Publish => self.publish().await,
            CommitStep::Manifest => self.replace_manifest().await,
            CommitStep::Success => self.table.write_success().await,
            CommitStep::RemoveOld => {
                self.table
                    .retire_superseded(&self.content()?.manifest)
                    .await
            }
            CommitStep::Sweep => {
                let keep = self.reject_paths(self.content()?);
                let mut undo = Undo::of(&self.run_id);
                undo.keep = Some(&keep);
                self.table.undo(undo).await?;
                self.table.sweep_dead_runs(&self.run_id).await
            }
        }
    }

    /// Undoes everything that the run left in the table. What cannot be undone is only logged:
    /// the failure that led here is the one to report, and the next run sweeps.
    pub async fn abort(self) {
        upload::settled().await;
        let mut undo = Undo::of(&self.run_id);
        // From memory: a sweeper that took this driver for dead may have deleted the intent.
        let announced = self.content.as_ref().filter(|_| self.announced);
        undo.given_up = announced.map(|content| (self.intent.as_str(), self.intent_of(content)));
        if let Err(error) = self.table.undo(undo).await {
            tracing::warn!(run = self.run_id, %error, "could not clear up after a failed run");
        }
    }

    /// What became of a manifest whose write ended with an error.
    async fn fate(&self, error: &Error) -> Fate {
        let (Ok(now), Some(content)) = (self.table.current().await, &self.content) else {
            return Fate::Unknown;
        };
        if now
            .as_ref()
            .is_some_and(|now| content.is_or_was(&now.manifest))
        {
            return Fate::Committed;
        }
        // A request whose answer is missing may still be on its way to the store, and would find
        // the snapshot that it names.
        let may_arrive = !self.table.location().is_local() && error.kind == Kind::Retryable;
        match may_arrive && now == self.base {
            true => Fate::Unknown,
            false => Fate::Impossible,
        }
    }

    pub(super) fn content(&self) -> Result<&Content> {
        self.content.as_ref().ok_or_else(|| {
            Error::new(
                Kind::Final,
                "commit run",
                &self.run_id,
                "nothing was prepared",
            )
        })
    }

    async fn write_intent(&mut self) -> Result<()> {
        self.check_base().await?;
        let content = self.content()?;
        if let Some(base) = self.base().filter(|_| content.manifest.keep_snapshots > 0) {
            self.table.keep_manifest(base).await?;
        }
        let intent = self.intent_of(content);
        self.announced = true;
        intent::write(&self.table, &self.intent, &intent).await
    }

    fn intent_of(&self, content: &Content) -> Intent {
        let parts = content.parts.iter().map(|part| part.path.clone());
        Intent {
            run_id: self.run_id.clone(),
            base: self.base().map(|base| base.run_id.clone()),
            files: parts
                .chain(self.reject_paths(content))
                .chain(content.manifest.state.clone())
                .collect(),
        }
    }

    fn reject_paths(&self, content: &Content) -> Vec<String> {
        let names = content.rejects.iter();
        names.map(|(_, name)| self.reject_path(name)).collect()
    }

    /// A run that has lost the race already shall not make anything visible.
    async fn check_base(&self) -> Result<()> {
        match self.table.current().await? == self.base {
            true => Ok(()),
            false => Err(self.lost_race().await),
        }
    }

    async fn replace_manifest(&self) -> Result<()> {
        self.check_not_given_up().await?;
        let manifest = &self.content()?.manifest;
        match manifest::replace(&self.table, manifest, self.base.as_ref()).await? {
            PutOutcome::Written(_) => Ok(()),
            PutOutcome::Conflict => Err(self.lost_race().await),
        }
    }

    /// In a bucket a clean-up may have deleted this attempt's files, because its driver gave no sign
    /// of life for very long. On a disk the lock tells that it lives.
    async fn check_not_given_up(&self) -> Result<()> {
        if self.table.location().is_local() {
            return Ok(());
        }
        let record = self.table.run_record(&self.run_id).await?;
        if record.is_none_or(|record| record.given_up == 0 || record.given_up < self.attempt) {
            return Ok(());
        }
        let cause = "it gave no sign of life for so long that its files were cleared away";
        Err(Error::new(Kind::Final, "commit run", &self.run_id, cause).hint("run it again"))
    }

    async fn lost_race(&self) -> Error {
        let winner = match self.table.current().await {
            Ok(Some(snapshot)) => format!("run {}", snapshot.manifest.run_id),
            _ => "another run".to_owned(),
        };
        let cause = format!(
            "{winner} published to {} in the meantime",
            self.table.location()
        );
        Error::new(Kind::Retryable, "commit run", &self.run_id, cause).hint(
            "the table holds that run's rows; run this job again to replace or to add to them",
        )
    }
}

fn file_of(part: &StagedPart) -> ManifestFile {
    ManifestFile {
        path: part.path.clone(),
        rows: part.rows,
        bytes: part.bytes,
    }
}

/// Every partition reports once: a missing one lost rows, a doubled one has them twice.
fn check_complete(reports: &[TaskReport], partitions: usize) -> Result<(), String> {
    let seen: BTreeSet<usize> = reports.iter().map(|report| report.partition).collect();
    let expected: BTreeSet<usize> = (0..partitions).collect();
    if seen == expected && reports.len() == partitions {
        return Ok(());
    }
    let numbers: Vec<usize> = reports.iter().map(|report| report.partition).collect();
    Err(format!(
        "{partitions} partitions were to report once each, these did: {numbers:?}"
    ))
}

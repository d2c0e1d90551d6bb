//! How a run's files become the table, step by step. A crash after any step leaves the old table
//! or the new one whole for readers of the manifest; [`super::sweep`] clears up what is left over.

use std::collections::BTreeSet;

use bytes::Bytes;
use chrono::Utc;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt};
use object_store::ObjectStoreExt;
use object_store::multipart::PartId;
use object_store::path::Path;
use serde::{Deserialize, Serialize};

use super::manifest::{self, Manifest, ManifestFile, Snapshot};
use super::{SUCCESS, Table, probe};
use crate::error::{Error, Kind, Result};
use crate::sink::spec::{Staged, StagedPart, TaskReport, staging_folder};
use crate::store::{PutOutcome, failure};

/// How many files are published side by side.
const PARALLEL_FILES: usize = 16;

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
    /// The files of the snapshot before are deleted.
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
}

#[derive(Debug)]
struct Content {
    parts: Vec<StagedPart>,
    /// Staged files of rejects with the names that they get below `_rejects/<run id>`.
    rejects: Vec<(String, String)>,
    manifest: Manifest,
}

/// What a run is about to make visible; what a sweeper must undo when the run dies.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Intent {
    pub run_id: String,
    /// The run whose snapshot this one replaces; `None` for the first.
    pub base: Option<String>,
    /// Relative to the table's folder.
    pub files: Vec<String>,
}

pub(super) const INTENT: &str = "intent.json";

/// What a run publishes, in words.
#[derive(Debug, Clone)]
pub struct Publication {
    pub job: String,
    pub partition_by: Vec<String>,
    pub columns: Vec<(String, String)>,
}

impl Commit {
    /// Lays claim to the table: finishes what a dead run left undone, and remembers which snapshot
    /// this run is to replace.
    pub async fn begin(table: Table, run_id: &str) -> Result<Self> {
        probe::conditional_writes(&table, &staging_folder(run_id)).await?;
        table.recover(Some(run_id)).await?;
        let base = table.current().await?;
        Ok(Self {
            table,
            run_id: run_id.to_owned(),
            base,
            content: None,
        })
    }

    /// The snapshot that the commit would replace.
    pub fn base(&self) -> Option<&Manifest> {
        self.base.as_ref().map(|snapshot| &snapshot.manifest)
    }

    /// Takes the tasks' reports. Each of the `partitions` must have reported exactly once.
    pub fn prepare(
        &mut self,
        reports: Vec<TaskReport>,
        partitions: usize,
        rejects: Vec<(String, String)>,
        publication: Publication,
    ) -> Result<&Manifest> {
        check_complete(&reports, partitions)
            .map_err(|cause| Error::new(Kind::Retryable, "commit run", &self.run_id, cause))?;
        let mut parts: Vec<StagedPart> = reports.into_iter().flat_map(|r| r.parts).collect();
        parts.sort_by(|a, b| a.path.cmp(&b.path));
        if let Some(twice) = parts.windows(2).find(|pair| pair[0].path == pair[1].path) {
            let cause = format!("two tasks wrote {}", twice[0].path);
            return Err(Error::new(
                Kind::Retryable,
                "commit run",
                &self.run_id,
                cause,
            ));
        }
        let files: Vec<ManifestFile> = parts
            .iter()
            .map(|p| ManifestFile {
                path: p.path.clone(),
                rows: p.rows,
                bytes: p.bytes,
            })
            .collect();
        let superseded = self.base().map_or_else(Vec::new, |base| {
            base.files.iter().map(|file| file.path.clone()).collect()
        });
        let manifest = Manifest {
            job: publication.job,
            run_id: self.run_id.clone(),
            committed_at: Utc::now(),
            rows: files.iter().map(|file| file.rows).sum(),
            bytes: files.iter().map(|file| file.bytes).sum(),
            partition_by: publication.partition_by,
            files,
            columns: publication.columns,
            superseded,
            earlier_runs: Manifest::earlier_runs(self.base.as_ref()),
        };
        Ok(&self
            .content
            .insert(Content {
                parts,
                rejects,
                manifest,
            })
            .manifest)
    }

    /// All steps in order. An error before the manifest is replaced undoes what was done; after
    /// that the run is committed, and what failed to be cleared up is left to the next run.
    pub async fn run(mut self) -> Result<Manifest> {
        for step in CommitStep::ALL {
            let Err(error) = self.step(step).await else {
                continue;
            };
            if matches!(
                step,
                CommitStep::Intent | CommitStep::Publish | CommitStep::Manifest
            ) {
                self.abort().await;
                return Err(error);
            }
            tracing::warn!(run = self.run_id, %error, "committed, but could not clear up");
        }
        Ok(self.content()?.manifest.clone())
    }

    /// One step. Each may be repeated.
    pub async fn step(&mut self, step: CommitStep) -> Result<()> {
        match step {
            CommitStep::Intent => self.write_intent().await,
            CommitStep::Publish => self.publish().await,
            CommitStep::Manifest => self.replace_manifest().await,
            CommitStep::Success => {
                self.table
                    .store()
                    .write(&self.table.path(SUCCESS), Bytes::new())
                    .await
            }
            CommitStep::RemoveOld => {
                self.table
                    .remove_superseded(&self.content()?.manifest)
                    .await
            }
            CommitStep::Sweep => {
                self.table.remove_staging(&self.run_id).await?;
                self.table.recover(None).await
            }
        }
    }

    /// Undoes everything that the run left in the table. What cannot be undone is only logged:
    /// the failure that led here is the one to report, and the next run sweeps.
    pub async fn abort(self) {
        if let Err(error) = self.table.roll_back(&self.run_id).await {
            tracing::warn!(run = self.run_id, %error, "could not clear up after a failed run");
        }
    }

    fn content(&self) -> Result<&Content> {
        self.content.as_ref().ok_or_else(|| {
            Error::new(
                Kind::Final,
                "commit run",
                &self.run_id,
                "nothing was prepared",
            )
        })
    }

    async fn write_intent(&self) -> Result<()> {
        self.check_base().await?;
        let content = self.content()?;
        let rejects = content
            .rejects
            .iter()
            .map(|(_, name)| self.reject_path(name));
        let intent = Intent {
            run_id: self.run_id.clone(),
            base: self.base().map(|base| base.run_id.clone()),
            files: content
                .parts
                .iter()
                .map(|p| p.path.clone())
                .chain(rejects)
                .collect(),
        };
        let json = serde_json::to_vec(&intent)
            .map_err(|cause| Error::new(Kind::Final, "commit run", &self.run_id, cause))?;
        let path = self
            .table
            .path(&format!("{}/{INTENT}", staging_folder(&self.run_id)));
        self.table.store().write(&path, json.into()).await
    }

    /// A run that has lost the race already shall not make anything visible.
    async fn check_base(&self) -> Result<()> {
        match self.table.current().await? == self.base {
            true => Ok(()),
            false => Err(self.lost_race().await),
        }
    }

    async fn publish(&self) -> Result<()> {
        let content = self.content()?;
        // Boxed one by one: the compiler cannot prove a stream of borrowing futures `Send`.
        let mut moves: Vec<BoxFuture<'_, Result<()>>> = Vec::new();
        for part in &content.parts {
            moves.push(self.publish_part(part).boxed());
        }
        for (staged, name) in &content.rejects {
            moves.push(self.rename(staged, self.reject_path(name)).boxed());
        }
        futures::stream::iter(moves)
            .buffer_unordered(PARALLEL_FILES)
            .try_collect()
            .await
    }

    fn reject_path(&self, name: &str) -> String {
        format!("{}/{}/{name}", super::REJECTS, self.run_id)
    }

    async fn publish_part(&self, part: &StagedPart) -> Result<()> {
        let path = self.table.path(&part.path);
        match &part.staged {
            Staged::File(staged) => self.rename(staged, part.path.clone()).await?,
            Staged::Upload { id, tags } => self.complete_upload(&path, id, tags).await?,
        }
        let found = self.head(&path).await?;
        if found == Some(part.bytes) {
            return Ok(());
        }
        let cause = format!(
            "{} has {found:?} bytes, its task wrote {}",
            part.path, part.bytes
        );
        Err(Error::new(
            Kind::Retryable,
            "commit run",
            &self.run_id,
            cause,
        ))
    }

    async fn complete_upload(&self, path: &Path, id: &String, tags: &[String]) -> Result<()> {
        let uploads = self.table.store().uploads().ok_or_else(|| {
            Error::new(
                Kind::Final,
                "commit run",
                &self.run_id,
                "the store takes no uploads",
            )
        })?;
        let parts = tags
            .iter()
            .map(|tag| PartId {
                content_id: tag.clone(),
            })
            .collect();
        match uploads.complete_multipart(path, id, parts).await {
            Ok(_) => Ok(()),
            // Completed before: by a first try whose answer was lost, or by a repeated step.
            Err(_) if self.head(path).await?.is_some() => Ok(()),
            Err(cause) => Err(failure("publish", path, &cause)),
        }
    }

    async fn head(&self, path: &Path) -> Result<Option<u64>> {
        match self.table.store().objects().head(path).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(cause) => Err(failure("read", path, &cause)),
        }
    }

    /// Gives a staged file its final name. A repeated step finds it moved already.
    async fn rename(&self, staged: &str, name: String) -> Result<()> {
        let (from, to) = (self.table.path(staged), self.table.path(&name));
        match self.table.store().objects().rename(&from, &to).await {
            Ok(()) => Ok(()),
            Err(object_store::Error::NotFound { .. }) if self.head(&to).await?.is_some() => Ok(()),
            Err(cause) => Err(failure("publish", &to, &cause)),
        }
    }

    async fn replace_manifest(&self) -> Result<()> {
        let manifest = &self.content()?.manifest;
        match manifest::replace(&self.table, manifest, self.base.as_ref()).await? {
            PutOutcome::Written(_) => Ok(()),
            PutOutcome::Conflict => Err(self.lost_race().await),
        }
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
        Error::new(Kind::Final, "commit run", &self.run_id, cause)
            .hint("the table holds that run's rows; submit this job again to replace them")
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

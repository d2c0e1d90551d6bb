//! Clearing up after runs that died.
//!
//! Only what can never be committed any more may go. On a disk a driver holds a lock while it
//! lives, and a sweeper holds it while it sweeps. In a bucket a dead driver cannot be told from a
//! slow one for sure: its open uploads are aborted, which a slow one's commit would run into, but
//! files that it made visible go only once its commit has become impossible, when another run has
//! replaced the manifest that its conditional write names.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures::{FutureExt, StreamExt, TryStreamExt};
use object_store::ObjectMeta;

use super::alive::{self, Alive, LOCK_SUFFIX};
use super::intent::{self, Intent};
use super::record::{self, RunState, is_expired};
use super::{SUCCESS, Table};
use crate::error::{Error, Kind, Result};
use crate::sink::spec::staging_folder;
use crate::sink::upload::{UPLOAD_NOTES, UploadNote};

pub(super) const STAGING: &str = "_staging";
/// How many uploads are aborted side by side.
const PARALLEL_ABORTS: usize = 16;
/// How often a staging folder is looked at anew, for what late tasks put there meanwhile.
const ROUNDS: usize = 3;

/// What to take back, and what not.
pub(super) struct Undo<'a> {
    run_id: &'a str,
    /// The intent, by its name, whose driver calls and will not commit it.
    pub given_up: Option<(&'a str, Intent)>,
    /// Rejects of the attempt that was committed, where the caller knows them.
    pub keep: Option<&'a [String]>,
    /// None of the run's attempts so far can commit any more ([`record::give_up`]).
    pub all_over: bool,
}

impl<'a> Undo<'a> {
    pub fn of(run_id: &'a str) -> Self {
        Self {
            run_id,
            given_up: None,
            keep: None,
            all_over: false,
        }
    }
}

impl Table {
    /// Finishes the last commit if its driver died half-way, and clears up after dead runs other
    /// than `own`.
    pub(super) async fn recover(&self, own: &str) -> Result<()> {
        self.finish_commit(own).await?;
        self.sweep_dead_runs(own).await
    }

    /// Does what the driver of the last commit may not have come to.
    pub(super) async fn finish_commit(&self, own: &str) -> Result<()> {
        if let Some(snapshot) = self.current().await? {
            // Also where the record says that the run succeeded: its driver may have been unable
            // to delete.
            self.write_success().await?;
            self.retire_superseded(&snapshot.manifest).await?;
            let committed = &snapshot.manifest.run_id;
            if own != committed && self.is_dead(committed).await? {
                record::settle(self, committed, Some(&snapshot.manifest)).await?;
            }
        }
        Ok(())
    }

    /// Clears up after dead runs. What cannot be cleared up is no failure of the run that tries:
    /// it stays hidden, and the next one tries again.
    pub(super) async fn sweep_dead_runs(&self, own: &str) -> Result<()> {
        for run_id in self.staged_runs().await? {
            if own != run_id
                && self.is_dead(&run_id).await?
                && let Err(error) = self.roll_back(&run_id).await
            {
                tracing::warn!(run = run_id, %error, "could not clear up after a dead run");
            }
        }
        Ok(())
    }

    /// Clears up after a run whose driver died; does nothing while another process drives it.
    ///
    /// In a bucket the caller vouches that the driver is dead.
    pub async fn roll_back(&self, run_id: &str) -> Result<()> {
        // Held to the end, lest a new driver begins meanwhile.
        let Alive::Ours(_lock) = alive::take(self, run_id)? else {
            return Ok(());
        };
        tracing::info!(run = run_id, "clearing up after a run that died");
        if self.undo(Undo::of(run_id)).await? {
            let current = self.current().await?.map(|snapshot| snapshot.manifest);
            record::settle(self, run_id, current.as_ref()).await?;
            alive::unmark(self, run_id).await?;
        }
        Ok(())
    }

    /// Takes back what a run left, except what was or may yet be committed. Tells whether nothing
    /// is left.
    ///
    /// The caller is the run's driver, or holds its lock, or takes it for dead in a bucket.
    pub(super) async fn undo(&self, undo: Undo<'_>) -> Result<bool> {
        let staging = self.path(&staging_folder(undo.run_id));
        let mut kept = Vec::new();
        for _ in 0..ROUNDS {
            let mut found = self.store().list(&staging).await?;
            found.retain(|meta| meta.location != alive::marker(self, undo.run_id));
            if found.len() <= kept.len() {
                break;
            }
            // First, lest one is completed after the published files were deleted.
            self.abort_uploads(&found).await?;
            kept = self.undo_intents(&undo, &found).await?;
            let gone = found.into_iter().map(|meta| meta.location);
            let gone = gone.filter(|path| !kept.contains(path)).collect();
            self.store().delete(gone).await?;
        }
        if let Some((_, intent)) = &undo.given_up {
            let current = self.current().await?.map(|snapshot| snapshot.manifest);
            self.delete_files(intent.strays(current.as_ref(), None))
                .await?;
        }
        if self.location().is_local() {
            self.store().delete_folder(&staging).await?;
        }
        Ok(kept.is_empty())
    }

    /// Deletes what commits made visible that did not happen. The result are the intents of those
    /// that may happen yet.
    async fn undo_intents(
        &self,
        undo: &Undo<'_>,
        found: &[ObjectMeta],
    ) -> Result<Vec<object_store::path::Path>> {
        let mut kept = Vec::new();
        for meta in found.iter().filter(|meta| intent::is_intent(meta)) {
            let Some(intent) = intent::read(self, meta).await? else {
                continue;
            };
            // Read after the intent: a manifest that was replaced later names another base.
            let current = self.current().await?.map(|snapshot| snapshot.manifest);
            let given_up = undo.given_up.as_ref().map(|(name, _)| *name);
            let is_over = self.location().is_local()
                || undo.all_over
                || meta.location.filename() == given_up
                || !intent.is_possible(current.as_ref());
            if is_over {
                self.delete_files(intent.strays(current.as_ref(), undo.keep))
                    .await?;
            } else {
                kept.push(meta.location.clone());
            }
        }
        Ok(kept)
    }

    pub(super) async fn delete_files(&self, files: Vec<String>) -> Result<()> {
        let paths = files.iter().map(|file| self.path(file)).collect();
        self.store().delete(paths).await?;
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        self.remove_empty_folders(&files).await;
        Ok(())
    }

    pub(super) async fn write_success(&self) -> Result<()> {
        self.store().write(&self.path(SUCCESS), Bytes::new()).await
    }

    /// The run ids that have something staged.
    pub(super) async fn staged_runs(&self) -> Result<BTreeSet<String>> {
        let staging = self.path(STAGING);
        // Lock files and empty folders are no objects, so a disk is asked itself.
        if let Some(folder) = self.store().file_path(&staging) {
            let Ok(entries) = std::fs::read_dir(folder) else {
                return Ok(BTreeSet::new());
            };
            let names = entries.flatten().map(|entry| {
                let name = entry.file_name().to_string_lossy().into_owned();
                let run_id = name.strip_suffix(LOCK_SUFFIX).map(str::to_owned);
                let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
                run_id.filter(|_| !is_folder).unwrap_or(name)
            });
            return Ok(names.collect());
        }
        let found = self
            .store()
            .objects()
            .list_with_delimiter(Some(&staging))
            .await;
        let found =
            found.map_err(|cause| self.store().failure("list", self.location().path(), &cause))?;
        let names = found
            .common_prefixes
            .iter()
            .filter_map(|p| p.filename().map(str::to_owned));
        Ok(names.collect())
    }

    /// Whether the driver of a run is known to live no more.
    pub async fn is_dead(&self, run_id: &str) -> Result<bool> {
        if let Some(free) = alive::is_free(self, run_id) {
            return Ok(free);
        }
        let record = self.run_record(run_id).await?;
        Ok(record.is_none_or(|record| record.state != RunState::Running || is_expired(&record)))
    }

    /// Aborts the uploads that notes among the objects tell of.
    async fn abort_uploads(&self, found: &[ObjectMeta]) -> Result<()> {
        let folder = format!("/{UPLOAD_NOTES}/");
        let is_note = |meta: &&ObjectMeta| meta.location.as_ref().contains(&folder);
        let mut aborts = Vec::new();
        for meta in found.iter().filter(is_note) {
            aborts.push(self.abort_upload(meta).boxed());
        }
        futures::stream::iter(aborts)
            .buffer_unordered(PARALLEL_ABORTS)
            .try_collect()
            .await
    }

    async fn abort_upload(&self, meta: &ObjectMeta) -> Result<()> {
        let Some(uploads) = self.store().uploads() else {
            return Ok(());
        };
        let Some((bytes, _)) = self.store().read(&meta.location).await? else {
            return Ok(());
        };
        let note: UploadNote = serde_json::from_slice(&bytes)
            .map_err(|cause| Error::new(Kind::Final, "read", &meta.location, cause))?;
        let path = self.path(&note.path);
        match uploads.abort_multipart(&path, &note.id).await {
            // Completed, or aborted before.
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            // The note stays, and with it the next run's chance.
            Err(cause) => Err(self.store().failure("abort the upload of", &path, &cause)),
        }
    }
}

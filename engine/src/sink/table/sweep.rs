//! Clearing up after runs that died.
//!
//! Only what can never be committed any more may go. On a disk a driver holds a lock while it
//! lives. In a bucket a dead driver cannot be told from a slow one for sure, so its files go only
//! once its commit has become impossible: when another run has replaced the manifest that its
//! conditional write names.

use std::collections::{BTreeSet, HashSet};

use bytes::Bytes;

use super::alive;
use super::commit::{INTENT, Intent};
use super::manifest::Manifest;
use super::record::{RunState, is_expired};
use super::{SUCCESS, Table};
use crate::error::{Error, Kind, Result};
use crate::sink::spec::staging_folder;
use crate::sink::staged::{UPLOAD_NOTES, UploadNote};
use crate::store::failure;

const STAGING: &str = "_staging";

impl Table {
    /// Finishes the last commit if its driver died half-way, and clears up after dead runs other
    /// than `own`.
    pub(super) async fn recover(&self, own: Option<&str>) -> Result<()> {
        let current = self.current().await?.map(|snapshot| snapshot.manifest);
        if let Some(manifest) = &current {
            self.finish_commit(manifest).await?;
        }
        for run_id in self.staged_runs().await? {
            if own == Some(run_id.as_str()) {
                continue;
            }
            if self.is_dead(&run_id).await? && self.cannot_commit(&run_id, current.as_ref()).await?
            {
                tracing::info!(run = run_id, "clearing up after a run that died");
                self.roll_back(&run_id).await?;
            }
        }
        Ok(())
    }

    /// Takes everything back that a run left, except what the manifest lists.
    ///
    /// The caller vouches that the run's driver is dead, or is the driver.
    pub async fn roll_back(&self, run_id: &str) -> Result<()> {
        let listed: HashSet<String> = match self.current().await? {
            None => HashSet::new(),
            Some(s) => s.manifest.files.into_iter().map(|file| file.path).collect(),
        };
        if let Some(intent) = self.intent(run_id).await? {
            let published = intent
                .files
                .into_iter()
                .filter(|file| !listed.contains(file));
            let paths = published.map(|file| self.path(&file)).collect();
            self.store().delete(paths).await?;
            self.remove_empty_folders(run_id).await;
        }
        self.abort_uploads(run_id).await?;
        self.remove_staging(run_id).await
    }

    /// The steps after the manifest, where the driver may not have come to them.
    async fn finish_commit(&self, manifest: &Manifest) -> Result<()> {
        let done = self.run_record(&manifest.run_id).await?;
        if done.is_some_and(|record| record.state == RunState::Succeeded) {
            return Ok(());
        }
        self.store()
            .write(&self.path(SUCCESS), Bytes::new())
            .await?;
        self.remove_superseded(manifest).await
    }

    pub(super) async fn remove_superseded(&self, manifest: &Manifest) -> Result<()> {
        let paths = manifest
            .superseded
            .iter()
            .map(|file| self.path(file))
            .collect();
        self.store().delete(paths).await?;
        self.remove_empty_hive_folders(&manifest.superseded).await;
        Ok(())
    }

    pub(super) async fn remove_staging(&self, run_id: &str) -> Result<()> {
        self.store()
            .delete_folder(&self.path(&staging_folder(run_id)))
            .await?;
        // The last one out removes the common folder; it is not empty while others are at work.
        if let Some(folder) = self.store().file_path(&self.path(STAGING)) {
            let _ = tokio::fs::remove_dir(folder).await;
        }
        Ok(())
    }

    /// The run ids that have something staged.
    async fn staged_runs(&self) -> Result<BTreeSet<String>> {
        let staging = self.path(STAGING);
        // A lock file alone makes no object, so a disk is asked for folders, not for files.
        if let Some(folder) = self.store().file_path(&staging) {
            let Ok(entries) = std::fs::read_dir(folder) else {
                return Ok(BTreeSet::new());
            };
            let names = entries
                .flatten()
                .map(|e| e.file_name().to_string_lossy().into_owned());
            return Ok(names.collect());
        }
        let found = self
            .store()
            .objects()
            .list_with_delimiter(Some(&staging))
            .await;
        let found = found.map_err(|cause| failure("list", self.location(), &cause))?;
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

    /// On a disk a dead driver stays dead. In a bucket, see the head of this file.
    async fn cannot_commit(&self, run_id: &str, current: Option<&Manifest>) -> Result<bool> {
        if self.location().is_local() {
            return Ok(true);
        }
        let Some(intent) = self.intent(run_id).await? else {
            return Ok(true);
        };
        Ok(intent.base.as_deref() != current.map(|manifest| manifest.run_id.as_str()))
    }

    async fn intent(&self, run_id: &str) -> Result<Option<Intent>> {
        let path = self.path(&format!("{}/{INTENT}", staging_folder(run_id)));
        let Some((bytes, _)) = self.store().read(&path).await? else {
            return Ok(None);
        };
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|cause| Error::new(Kind::Final, "read", &path, cause))
    }

    /// Aborts the uploads that a run's tasks noted. Completed ones are no longer there to abort.
    async fn abort_uploads(&self, run_id: &str) -> Result<()> {
        let Some(uploads) = self.store().uploads() else {
            return Ok(());
        };
        let notes = self
            .store()
            .list(&self.path(&staging_folder(run_id)))
            .await?;
        let folder = format!("/{UPLOAD_NOTES}/");
        for meta in notes
            .iter()
            .filter(|meta| meta.location.as_ref().contains(&folder))
        {
            let Some((bytes, _)) = self.store().read(&meta.location).await? else {
                continue;
            };
            let Ok(note) = serde_json::from_slice::<UploadNote>(&bytes) else {
                continue;
            };
            let aborted = uploads
                .abort_multipart(&self.path(&note.path), &note.id)
                .await;
            if let Err(cause) = aborted {
                tracing::debug!(path = note.path, %cause, "the upload is gone already");
            }
        }
        Ok(())
    }

    /// Folders are nothing in a bucket; on a disk empty ones would be left behind.
    async fn remove_empty_folders(&self, run_id: &str) {
        if let Some(folder) = self.store().file_path(self.rejects(run_id).path()) {
            let _ = tokio::fs::remove_dir(&folder).await;
            if let Some(all) = folder.parent() {
                let _ = tokio::fs::remove_dir(all).await;
            }
        }
    }

    async fn remove_empty_hive_folders(&self, files: &[String]) {
        let mut folders: BTreeSet<&str> = BTreeSet::new();
        for file in files {
            let mut rest = file.as_str();
            while let Some((folder, _)) = rest.rsplit_once('/') {
                folders.insert(folder);
                rest = folder;
            }
        }
        // Innermost first.
        for folder in folders.iter().rev() {
            if let Some(path) = self.store().file_path(&self.path(folder)) {
                let _ = tokio::fs::remove_dir(path).await;
            }
        }
    }
}

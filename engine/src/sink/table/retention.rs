//! Snapshots that were replaced and are kept for a while, hidden from readers of the folder.
//!
//! `_snapshots/<run id>/` has the files that left the table with that run's snapshot, under their
//! names, and a copy of its manifest. Files that later snapshots share stay where they are.

use std::collections::{BTreeSet, HashMap, HashSet};

use futures::{FutureExt, StreamExt, TryStreamExt};
use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::manifest::{self, Manifest, ManifestFile};
use super::{MANIFEST, SNAPSHOTS, Table};
use crate::error::Result;
use crate::store::Location;

/// How many files are moved side by side.
const PARALLEL_MOVES: usize = 16;

/// A snapshot, and where its files are now.
#[derive(Debug, Clone)]
pub struct KeptSnapshot {
    pub manifest: Manifest,
    /// Each of the manifest's files with its place, in the manifest's order.
    pub files: Vec<(ManifestFile, Location)>,
}

impl Table {
    /// The snapshot that a run published, if it is the current one or was kept whole.
    ///
    /// # Errors
    /// As the store fails.
    pub async fn kept_snapshot(&self, run_id: &str) -> Result<Option<KeptSnapshot>> {
        let current = self.current().await?.map(|snapshot| snapshot.manifest);
        let copy = format!("{SNAPSHOTS}/{run_id}/{MANIFEST}");
        let manifest = match current.clone().filter(|now| now.run_id == run_id) {
            Some(now) => now,
            None => match manifest::read_at(self, &copy).await? {
                Some(snapshot) => snapshot.manifest,
                None => return Ok(None),
            },
        };
        let kept = self.kept_files().await?;
        let now: HashSet<&str> = current
            .iter()
            .flat_map(|now| now.files.iter().map(|file| file.path.as_str()))
            .collect();
        let place = |file: &ManifestFile| {
            let path = file.path.as_str();
            let here = now.contains(path).then(|| path.to_owned());
            let place = here.or_else(|| kept.get(path).cloned())?;
            Some((file.clone(), self.location().join(&place)))
        };
        let files: Option<Vec<_>> = manifest.files.iter().map(place).collect();
        Ok(files.map(|files| KeptSnapshot { manifest, files }))
    }

    /// The files of kept snapshots: where each is, by its name in the table.
    async fn kept_files(&self) -> Result<HashMap<String, String>> {
        let folder = self.path(SNAPSHOTS);
        let mut files = HashMap::new();
        for meta in self.store().list(&folder).await? {
            let Some((run, file)) = below(&folder, &meta.location) else {
                continue;
            };
            files.insert(file.clone(), format!("{SNAPSHOTS}/{run}/{file}"));
        }
        Ok(files)
    }

    /// Keeps a copy of a manifest that is about to be replaced.
    pub(super) async fn keep_manifest(&self, manifest: &Manifest) -> Result<()> {
        let copy = format!("{SNAPSHOTS}/{}/{MANIFEST}", manifest.run_id);
        manifest::copy_to(self, manifest, &copy).await
    }

    /// Clears away what the manifest replaced: to where kept snapshots are, or for good. May be
    /// repeated.
    pub(super) async fn retire_superseded(&self, manifest: &Manifest) -> Result<()> {
        let kept = manifest.keep_snapshots as usize;
        if let Some(replaced) = manifest.earlier_runs.first().filter(|_| kept > 0) {
            self.keep_files(replaced, &manifest.superseded).await?;
        }
        // Part names are never used twice, so none of them can be a file of a newer snapshot.
        self.delete_files(manifest.superseded.clone()).await?;
        // Of the snapshot that is the table now somebody may be keeping the manifest already.
        let runs = manifest.earlier_runs.iter().take(kept);
        let runs = runs.chain([&manifest.run_id]);
        self.prune_snapshots(&runs.map(String::as_str).collect())
            .await?;
        self.prune_states(manifest.state.as_deref()).await
    }

    async fn keep_files(&self, run_id: &str, files: &[String]) -> Result<()> {
        let folder = format!("{SNAPSHOTS}/{run_id}");
        let found = self.store().list(&self.path(&folder)).await?;
        let there: HashSet<&Path> = found.iter().map(|meta| &meta.location).collect();
        let mut moves = Vec::new();
        for file in files {
            let (from, to) = (self.path(file), self.path(&format!("{folder}/{file}")));
            if !there.contains(&to) {
                moves.push(self.keep_file(from, to).boxed());
            }
        }
        futures::stream::iter(moves)
            .buffer_unordered(PARALLEL_MOVES)
            .try_collect()
            .await
    }

    async fn keep_file(&self, from: Path, to: Path) -> Result<()> {
        match self.store().objects().rename(&from, &to).await {
            // Somebody else was faster, or the snapshot has been pruned since.
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(cause) => Err(self.store().failure("keep", &from, &cause)),
        }
    }

    /// Removes kept snapshots other than those of the runs.
    async fn prune_snapshots(&self, runs: &HashSet<&str>) -> Result<()> {
        let folder = self.path(SNAPSHOTS);
        let listed = self.store().list(&folder).await?;
        let found: BTreeSet<String> = listed
            .iter()
            .filter_map(|meta| Some(below(&folder, &meta.location)?.0))
            .collect();
        for run in found.iter().filter(|run| !runs.contains(run.as_str())) {
            let old = self.path(&format!("{SNAPSHOTS}/{run}"));
            self.store().delete_folder(&old).await?;
        }
        if let Some(empty) = self.store().file_path(&folder) {
            // One that is not empty stays.
            let _ = tokio::fs::remove_dir(empty).await;
        }
        Ok(())
    }
}

/// The run and the file of an object below the folder of kept snapshots.
fn below(folder: &Path, object: &Path) -> Option<(String, String)> {
    let mut parts = object.prefix_match(folder)?;
    let run = parts.next()?.as_ref().to_owned();
    let file: Vec<String> = parts.map(|part| part.as_ref().to_owned()).collect();
    (!file.is_empty()).then(|| (run, file.join("/")))
}

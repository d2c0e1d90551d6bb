//! `cinemill gc`: finds what crashes left, and removes it.
//!
//! It does what the next run with this output would do, and more: it looks at all that is there,
//! not only at what dead runs wrote down. It may run at any time, several times at once, and be
//! killed: nothing that is removed is needed by the table, or by a run that may commit.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt};
use serde::Serialize;

use super::garbage::{Garbage, GarbageKind, Scene};
use super::record::{self, RunState};
use super::sweep::Undo;
use super::{REJECTS, Table, alive};
use crate::error::Result;
use crate::sink::spec::staging_folder;

/// How many uploads are aborted side by side.
const PARALLEL_ABORTS: usize = 16;
/// In a bucket a dead driver's visible files stay for at least as long: a manifest that it sent may
/// be on its way, and S3 refuses requests that were signed longer ago.
const COMMIT_AGE_MAX: Duration = Duration::from_secs(15 * 60);

/// What to remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GcOptions {
    /// Parts and uploads that no dead run is known to have left must be as old as this.
    pub older_than: Duration,
    /// Only look.
    pub dry_run: bool,
}

/// What was found, and, unless it was a dry run, removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GcReport {
    pub dry_run: bool,
    /// Dead runs that had left something.
    pub dead_runs: BTreeSet<String>,
    /// Runs that are going on, of which nothing was touched.
    pub living_runs: BTreeSet<String>,
    pub files: u64,
    pub bytes: u64,
    pub uploads: u64,
    pub garbage: Vec<Garbage>,
}

impl Table {
    /// Removes what crashes left. See `docs/storage.md` for what counts as that.
    ///
    /// # Errors
    /// Where the store refuses or does not answer. What was removed until then is no harm.
    pub async fn gc(&self, options: GcOptions) -> Result<GcReport> {
        let scene = self.look(options.older_than).await?;
        let report = GcReport::of(&scene, scene.garbage(self), options.dry_run);
        if !options.dry_run {
            self.clear(&scene, &report.garbage).await?;
        }
        Ok(report)
    }

    async fn look(&self, older_than: Duration) -> Result<Scene> {
        let root = self.location().path();
        let uploads = self.store().open_uploads(root).await?;
        let objects = self.store().list(root).await?;
        // Only now: what was there before belongs to a run that is seen here, or to none that lives.
        let (mut living, mut dead) = (BTreeSet::new(), BTreeSet::new());
        for run in self.staged_runs().await? {
            match self.is_dead(&run).await? {
                true => dead.insert(run),
                false => living.insert(run),
            };
        }
        let current = self.current().await?.map(|snapshot| snapshot.manifest);
        let mut scene = Scene {
            uploads,
            objects,
            living,
            dead,
            doubtful: BTreeSet::new(),
            committed: HashSet::new(),
            current,
            older_than,
        };
        scene.doubtful = self.doubtful(&scene).await?;
        scene.committed = self.committed(&scene).await?;
        Ok(scene)
    }

    /// The dead runs that are not dead for long enough to be given up.
    async fn doubtful(&self, scene: &Scene) -> Result<BTreeSet<String>> {
        let mut doubtful = BTreeSet::new();
        if self.location().is_local() {
            return Ok(doubtful);
        }
        for run in &scene.dead {
            let staging = self.path(&staging_folder(run));
            let staged = scene.objects.iter();
            let staged = staged.filter(|meta| meta.location.prefix_matches(&staging));
            let record = self.run_record(run).await?;
            let signs = staged.map(|meta| meta.last_modified);
            let last = signs.chain(record.map(|record| record.updated_at)).max();
            if last.is_some_and(|last| !is_over(last, scene.older_than)) {
                doubtful.insert(run.clone());
            }
        }
        Ok(doubtful)
    }

    /// The runs whose rejects are there and to be kept.
    async fn committed(&self, scene: &Scene) -> Result<HashSet<String>> {
        let folder = self.path(REJECTS);
        let runs: HashSet<String> = (scene.objects.iter())
            .filter_map(|meta| {
                Some(
                    meta.location
                        .prefix_match(&folder)?
                        .next()?
                        .as_ref()
                        .to_owned(),
                )
            })
            .collect();
        let mut committed = HashSet::new();
        for run in runs {
            let known = scene.current.as_ref().is_some_and(|now| now.knows(&run));
            let succeeded = RunState::Succeeded;
            let record = self.run_record(&run).await?;
            if known || record.is_some_and(|record| record.state == succeeded) {
                committed.insert(run);
            }
        }
        Ok(committed)
    }

    async fn clear(&self, scene: &Scene, garbage: &[Garbage]) -> Result<()> {
        // First, lest one is completed after its published files were deleted.
        self.abort(scene).await?;
        if scene.current.is_some() {
            self.finish_commit("").await?;
        }
        for run in &scene.dead {
            self.roll_back(run).await?;
            if !self.location().is_local() && !scene.doubtful.contains(run) {
                self.give_up(run).await?;
            }
        }
        let others = [
            GarbageKind::UnlistedPart,
            GarbageKind::Rejects,
            GarbageKind::Temporary,
            GarbageKind::CopyManifest,
        ];
        let files = garbage.iter().filter(|found| others.contains(&found.kind));
        self.delete_files(files.map(|found| found.path.clone()).collect())
            .await
    }

    async fn abort(&self, scene: &Scene) -> Result<()> {
        let Some(uploads) = self.store().uploads() else {
            return Ok(());
        };
        let dead = scene.dead_uploads(self.location().path());
        let aborts: Vec<_> = dead
            .map(|(_, upload)| {
                let (uploads, upload) = (uploads.clone(), upload.clone());
                let store = self.store().clone();
                async move {
                    match uploads.abort_multipart(&upload.path, &upload.id).await {
                        // Completed, or aborted by somebody else.
                        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                        Err(cause) => {
                            Err(store.failure("abort the upload of", &upload.path, &cause))
                        }
                    }
                }
            })
            .collect();
        futures::stream::iter(aborts)
            .buffer_unordered(PARALLEL_ABORTS)
            .try_collect()
            .await
    }

    /// Takes back what a run made visible in a bucket, and may commit no more.
    async fn give_up(&self, run: &str) -> Result<()> {
        if !record::give_up(self, run).await? {
            return Ok(());
        }
        let mut undo = Undo::of(run);
        undo.all_over = true;
        self.undo(undo).await?;
        let current = self.current().await?.map(|snapshot| snapshot.manifest);
        record::settle(self, run, current.as_ref()).await?;
        alive::unmark(self, run).await
    }
}

fn is_over(last_sign: DateTime<Utc>, older_than: Duration) -> bool {
    let age = (Utc::now() - last_sign).to_std().unwrap_or_default();
    age >= older_than.max(COMMIT_AGE_MAX)
}

impl GcReport {
    fn of(scene: &Scene, garbage: Vec<Garbage>, dry_run: bool) -> Self {
        let is_upload = |found: &&Garbage| found.kind == GarbageKind::Upload;
        let uploads = garbage.iter().filter(is_upload).count();
        Self {
            dry_run,
            dead_runs: scene.dead.clone(),
            living_runs: scene.living.clone(),
            files: (garbage.len() - uploads) as u64,
            bytes: garbage.iter().map(|found| found.bytes).sum(),
            uploads: uploads as u64,
            garbage,
        }
    }
}

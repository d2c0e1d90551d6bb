//! Telling what may go from what is needed, in the folder of a table.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use object_store::ObjectMeta;
use object_store::path::Path;
use serde::Serialize;

use super::alive::LOCK_SUFFIX;
use super::manifest::Manifest;
use super::sweep::STAGING;
use super::{COPY_MANIFESTS, MANIFEST, REJECTS, RUNS, Table, intent};
use crate::sink::spec::part_name_rest;
use crate::store::OpenUpload;

/// Why something may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GarbageKind {
    /// An upload that nobody is going to complete.
    Upload,
    /// What a dead run staged, hidden from readers.
    Staged,
    /// A file of the snapshot before, which its successor did not come to delete.
    OldPart,
    /// A visible part that the manifest does not list.
    UnlistedPart,
    /// Rejects of a run that was never committed.
    Rejects,
    /// Half a manifest or record on a disk.
    Temporary,
    /// The manifest of a load that did not come to remove it.
    CopyManifest,
}

/// Something that may go.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Garbage {
    pub kind: GarbageKind,
    /// Relative to the table's folder.
    pub path: String,
    /// 0 for an upload: the store does not tell.
    pub bytes: u64,
}

/// A half-written file may belong to a write that is going on.
const TEMPORARY_AGE_MIN: Duration = Duration::from_secs(60);

/// What was found in the folder of a table, in this order: a run that lives by the end of it may
/// own anything; what is there and belongs to none that lives, nobody will ever commit.
pub(super) struct Scene {
    pub uploads: Vec<OpenUpload>,
    pub objects: Vec<ObjectMeta>,
    /// Runs that have something staged, and a driver.
    pub living: BTreeSet<String>,
    /// Runs that have something staged, and no driver.
    pub dead: BTreeSet<String>,
    /// Those of the dead that may yet wake up and commit: in a bucket, where nothing else than
    /// their silence tells.
    pub doubtful: BTreeSet<String>,
    /// Runs whose rejects are to be kept.
    pub committed: HashSet<String>,
    pub current: Option<Manifest>,
    /// What is younger may belong to anybody.
    pub older_than: Duration,
}

impl Scene {
    /// All that may go, sorted. Nothing where no run ever published or tried to: somebody may have
    /// named the folder above that of a table.
    pub fn garbage(&self, table: &Table) -> Vec<Garbage> {
        let root = table.location().path();
        if !self.is_table(root) {
            return Vec::new();
        }
        let listed = Listed::of(self.current.as_ref(), self.others(root), self.runs(root));
        let objects = self.objects.iter().filter_map(|meta| {
            let path = relative(root, &meta.location)?;
            let kind = self.kind_of(&path, meta, &listed)?;
            let bytes = meta.size;
            Some(Garbage { kind, path, bytes })
        });
        let uploads = self.dead_uploads(root).map(|(path, _)| Garbage {
            kind: GarbageKind::Upload,
            path,
            bytes: 0,
        });
        let mut all: Vec<_> = objects.chain(uploads).collect();
        all.sort();
        all
    }

    /// The tables in folders below: where there is a manifest, or a record of a run.
    fn others(&self, root: &Path) -> BTreeSet<String> {
        let marks = self.objects.iter().filter_map(|meta| {
            let path = relative(root, &meta.location)?;
            let (folder, name) = path.rsplit_once('/')?;
            match folder.strip_suffix(RUNS) {
                Some(table) => Some(table.strip_suffix('/')?.to_owned()),
                None => (name == MANIFEST).then(|| folder.to_owned()),
            }
        });
        marks.collect()
    }

    /// The runs that have a record.
    fn runs(&self, root: &Path) -> BTreeSet<String> {
        let folder = root.clone().join(RUNS);
        let records = self.objects.iter().filter_map(|meta| {
            let mut parts = meta.location.prefix_match(&folder)?;
            Some(parts.next()?.as_ref().strip_suffix(".json")?.to_owned())
        });
        records.collect()
    }

    fn is_table(&self, root: &Path) -> bool {
        let runs = root.clone().join(RUNS);
        let mut objects = self.objects.iter();
        self.current.is_some() || objects.any(|meta| meta.location.prefix_matches(&runs))
    }

    /// The uploads that nobody is going to complete.
    pub fn dead_uploads<'a>(
        &'a self,
        root: &'a Path,
    ) -> impl Iterator<Item = (String, &'a OpenUpload)> {
        let (others, runs) = (self.others(root), self.runs(root));
        let is_table = self.is_table(root);
        let uploads = self.uploads.iter().filter(move |_| is_table);
        uploads.filter_map(move |upload| {
            let path = relative(root, &upload.path)?;
            let rest = part_of_table(&path, &others, &runs)?;
            let is_old = self.is_old(upload.begun_at, Duration::ZERO);
            let gone = owns(&self.dead, rest) || (is_old && !owns(&self.living, rest));
            gone.then_some((path, upload))
        })
    }

    fn kind_of(&self, path: &str, meta: &ObjectMeta, listed: &Listed<'_>) -> Option<GarbageKind> {
        let old = |age_min| self.is_old(meta.last_modified, age_min);
        let name = file_name(path);
        if name.starts_with('.') && name.ends_with(".tmp") {
            return old(TEMPORARY_AGE_MIN).then_some(GarbageKind::Temporary);
        }
        let mut folders = path.split('/');
        let (first, second) = (folders.next()?, folders.next().unwrap_or_default());
        match first {
            STAGING => self.is_staged(second, meta).then_some(GarbageKind::Staged),
            REJECTS => {
                let needed = self.may_commit(second) || self.committed.contains(second);
                (old(Duration::ZERO) && !needed).then_some(GarbageKind::Rejects)
            }
            COPY_MANIFESTS => old(Duration::ZERO).then_some(GarbageKind::CopyManifest),
            _ if first.starts_with('_') => None,
            _ => self.kind_of_visible(path, old(Duration::ZERO), listed),
        }
    }

    fn kind_of_visible(&self, path: &str, old: bool, listed: &Listed<'_>) -> Option<GarbageKind> {
        let rest = part_of_table(path, &listed.others, &listed.runs)?;
        if listed.now.contains(path) {
            None
        } else if listed.before.contains(path) {
            Some(GarbageKind::OldPart)
        } else {
            let needed = owns(&self.living, rest) || owns(&self.doubtful, rest);
            (old && !needed).then_some(GarbageKind::UnlistedPart)
        }
    }

    fn is_staged(&self, run: &str, meta: &ObjectMeta) -> bool {
        let run = run.strip_suffix(LOCK_SUFFIX).unwrap_or(run);
        // What tells of a commit that may yet happen stays with it.
        let kept = self.doubtful.contains(run) && (intent::is_intent(meta) || meta.size == 0);
        self.dead.contains(run) && !kept
    }

    fn may_commit(&self, run: &str) -> bool {
        self.living.contains(run) || self.doubtful.contains(run)
    }

    fn is_old(&self, since: DateTime<Utc>, age_min: Duration) -> bool {
        // A clock that runs ahead makes things look young.
        let age = (Utc::now() - since).to_std().unwrap_or_default();
        age >= self.older_than.max(age_min)
    }
}

/// The files that the manifest speaks of.
struct Listed<'a> {
    now: HashSet<&'a str>,
    before: HashSet<&'a str>,
    /// The folders of tables below this one.
    others: BTreeSet<String>,
    /// All runs that this table knows.
    runs: BTreeSet<String>,
}

impl<'a> Listed<'a> {
    fn of(
        manifest: Option<&'a Manifest>,
        others: BTreeSet<String>,
        runs: BTreeSet<String>,
    ) -> Self {
        let files = manifest.into_iter().flat_map(|manifest| &manifest.files);
        let before = manifest
            .into_iter()
            .flat_map(|manifest| &manifest.superseded);
        Self {
            now: files.map(|file| file.path.as_str()).collect(),
            before: before.map(String::as_str).collect(),
            others,
            runs,
        }
    }
}

/// Whether one of the runs wrote a part, by what its name says behind the partition's number. A run
/// id may begin with another one: then the part counts as both's.
fn owns(runs: &BTreeSet<String>, rest: &str) -> bool {
    let is_of = |run: &String| {
        rest.strip_prefix(run.as_str())
            .is_some_and(|rest| rest.starts_with('-'))
    };
    runs.iter().any(is_of)
}

/// What follows the partition's number in the name of a part that can be the table's; `None` for
/// files of others, and for parts of tables in folders below.
///
/// Where a job has several tables, each has a folder, whose name nobody knows who finds only what a
/// crash left; but the parts in it are named after a run that the table has a record of.
fn part_of_table<'a>(
    path: &'a str,
    others: &BTreeSet<String>,
    runs: &BTreeSet<String>,
) -> Option<&'a str> {
    let mut folders = path.split('/');
    let rest = part_name_rest(folders.next_back()?)?;
    let are_hive = match folders.next() {
        Some(table) if !table.contains('=') && !owns(runs, rest) => false,
        _ => folders.all(|folder| folder.contains('=')),
    };
    let mut above = path.match_indices('/').map(|(end, _)| &path[..end]);
    let is_others = above.any(|folder| others.contains(folder));
    (are_hive && !is_others).then_some(rest)
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

fn relative(root: &Path, path: &Path) -> Option<String> {
    let below = path.as_ref().strip_prefix(root.as_ref())?;
    Some(below.trim_start_matches('/').to_owned()).filter(|below| !below.is_empty())
}

//! The ledger: one file per run in the state folder, so that a scheduler that comes back knows what
//! it was doing.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_jobs::api::Run;
use cinemill_jobs::run::check_run_id;
use serde::{Deserialize, Serialize};

/// A run as written down; an object of its own, so that later versions can add to it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    pub run: Run,
}

/// The state folder of one scheduler.
#[derive(Debug)]
pub struct Ledger {
    folder: PathBuf,
    /// Held, so that no second scheduler writes to the same folder.
    _lock: File,
}

impl Ledger {
    pub fn open(state: &Path) -> Result<Self> {
        let failed = |cause: &dyn std::fmt::Display| {
            Error::new(Kind::Final, "open ledger", state.display(), cause)
                .hint("give a folder that this user may write to with --state-dir")
        };
        let folder = state.join("runs");
        std::fs::create_dir_all(&folder).map_err(|cause| failed(&cause))?;
        let lock = File::options()
            .create(true)
            .append(true)
            .open(state.join("lock"))
            .map_err(|cause| failed(&cause))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                folder,
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => {
                let cause = "another scheduler uses it";
                Err(
                    Error::new(Kind::Final, "open ledger", state.display(), cause)
                        .hint("give each scheduler a --state-dir of its own"),
                )
            }
            Err(TryLockError::Error(cause)) => Err(failed(&cause)),
        }
    }

    /// All entries, oldest first. What cannot be read is logged and left alone.
    pub fn read(&self) -> Vec<Entry> {
        let files = std::fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten();
        let mut entries: Vec<Entry> = files
            .map(|file| file.path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
            .filter_map(|path| read_entry(&path))
            .collect();
        entries.sort_by_key(|entry| entry.run.submitted_at);
        entries
    }

    /// Writes a run's state down; a crash leaves the old entry or the new one.
    pub fn write(&self, run: &Run) -> Result<()> {
        check_run_id(&run.run_id)?;
        let path = self.folder.join(format!("{}.json", run.run_id));
        let failed = |cause: &dyn std::fmt::Display| {
            Error::new(Kind::Retryable, "write ledger", path.display(), cause)
        };
        let entry = Entry { run: run.clone() };
        let json = serde_json::to_vec_pretty(&entry).map_err(|cause| failed(&cause))?;
        let fresh = path.with_extension("tmp");
        std::fs::write(&fresh, json)
            .and_then(|()| File::open(&fresh)?.sync_all())
            .and_then(|()| std::fs::rename(&fresh, &path))
            .map_err(|cause| failed(&cause))
    }
}

fn read_entry(path: &Path) -> Option<Entry> {
    let read = std::fs::read(path).map_err(|cause| cause.to_string());
    let entry = read.and_then(|json| serde_json::from_slice(&json).map_err(|c| c.to_string()));
    entry
        .inspect_err(|cause| tracing::warn!(path = %path.display(), %cause, "ledger entry skipped"))
        .ok()
}

//! On a disk, a locked file in the staging folder shows that a run's driver lives. The kernel lets
//! go of the lock when the process ends, however it ends; a process that only stands still keeps it.

use std::fs::{File, TryLockError};
use std::path::PathBuf;

use super::Table;
use crate::error::Result;
use crate::sink::spec::staging_folder;
use crate::sink::staged::write_failed;

const LOCK: &str = "driver.lock";

/// Whether this process may drive a run.
pub(super) enum Alive {
    /// The file is locked by us for as long as it is open; `None` in a bucket, which has no locks.
    Ours(Option<File>),
    /// A living process holds the lock.
    Theirs,
}

pub(super) fn take(table: &Table, run_id: &str) -> Result<Alive> {
    let Some(path) = lock_path(table, run_id) else {
        return Ok(Alive::Ours(None));
    };
    let object = path.display().to_string();
    let locked = || -> std::io::Result<Alive> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let file = File::options().create(true).append(true).open(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Alive::Ours(Some(file))),
            Err(TryLockError::WouldBlock) => Ok(Alive::Theirs),
            Err(TryLockError::Error(cause)) => Err(cause),
        }
    };
    locked().map_err(|cause| write_failed(&object, &cause))
}

/// Whether the lock is free; `None` in a bucket, which has no locks.
pub(super) fn is_free(table: &Table, run_id: &str) -> Option<bool> {
    let path = lock_path(table, run_id)?;
    let Ok(file) = File::options().append(true).open(path) else {
        return Some(true);
    };
    Some(file.try_lock().is_ok())
}

fn lock_path(table: &Table, run_id: &str) -> Option<PathBuf> {
    let place = table
        .location()
        .join(&format!("{}/{LOCK}", staging_folder(run_id)));
    table.store().file_path(place.path())
}

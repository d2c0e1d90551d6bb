//! On a disk, a locked file beside the run's staging folder shows that the run's driver lives. The
//! kernel lets go of the lock when the process ends, however it ends; a process that only stands
//! still keeps it.
//!
//! Whoever clears up after a dead run holds its lock meanwhile, so that no new driver begins in the
//! midst of that. The file is deleted only by the lock's holder and as the very last thing; one who
//! locked a file that was deleted in the meantime notices, and locks the new one.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use object_store::path::Path as ObjectPath;

use super::Table;
use crate::error::{Error, Kind, Result};
use crate::sink::spec::staging_folder;
use crate::sink::staged::write_failed;

/// Ends the name of a run's lock file, which lies beside the run's staging folder.
pub(super) const LOCK_SUFFIX: &str = ".lock";
/// In a bucket, an object that lets sweepers find a run that has staged nothing yet.
const MARKER: &str = "driver";
/// How often a lock file may vanish between its making and its locking.
const TRIES: usize = 100;

/// The lock of a run; its file goes when it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    path: PathBuf,
}

/// Whether this process may drive a run.
pub(super) enum Alive {
    /// We hold the lock; `None` in a bucket, which has no locks.
    Ours(Option<Lock>),
    /// A living process holds the lock.
    Theirs,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While the lock is held: nobody else's file is deleted.
        let _ = std::fs::remove_file(&self.path);
        if let Some(staging) = self.path.parent() {
            // The last one out removes the common folder; it is not empty while others are at work.
            let _ = std::fs::remove_dir(staging);
        }
        let _ = self.file.unlock();
    }
}

pub(super) fn take(table: &Table, run_id: &str) -> Result<Alive> {
    let Some(path) = lock_path(table, run_id) else {
        return Ok(Alive::Ours(None));
    };
    let object = path.display().to_string();
    for _ in 0..TRIES {
        match try_take(&path) {
            Ok(Some(alive)) => return Ok(alive),
            Ok(None) => {}
            Err(cause) => return Err(write_failed(&object, &cause)),
        }
    }
    let cause = "the file vanishes again and again";
    Err(Error::new(Kind::Retryable, "lock", object, cause))
}

/// `None` where another process deleted the file or its folder in between.
fn try_take(path: &Path) -> std::io::Result<Option<Alive>> {
    if let Some(folder) = path.parent()
        && let Err(cause) = std::fs::create_dir_all(folder)
    {
        // A folder that is removed while it is being made shows as one or the other.
        let raced = matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::AlreadyExists);
        return if raced { Ok(None) } else { Err(cause) };
    }
    let file = match File::options().create(true).append(true).open(path) {
        Ok(file) => file,
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(cause),
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(Some(Alive::Theirs)),
        Err(TryLockError::Error(cause)) => return Err(cause),
    }
    let ours = file.metadata()?;
    let there = std::fs::metadata(path).ok();
    let same = there.is_some_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino()));
    Ok(same.then(|| {
        let path = path.to_owned();
        Alive::Ours(Some(Lock { file, path }))
    }))
}

/// Whether the lock is free; `None` in a bucket, which has no locks.
pub(super) fn is_free(table: &Table, run_id: &str) -> Option<bool> {
    let path = lock_path(table, run_id)?;
    let Ok(file) = File::options().append(true).open(path) else {
        return Some(true);
    };
    Some(file.try_lock_shared().is_ok())
}

fn lock_path(table: &Table, run_id: &str) -> Option<PathBuf> {
    let name = format!("{}{LOCK_SUFFIX}", staging_folder(run_id));
    table.store().file_path(&table.path(&name))
}

pub(super) fn marker(table: &Table, run_id: &str) -> ObjectPath {
    table.path(&format!("{}/{MARKER}", staging_folder(run_id)))
}

/// In a bucket, lets sweepers know of the run. A disk has the lock file for that.
pub(super) async fn mark(table: &Table, run_id: &str) -> Result<()> {
    match table.location().is_local() {
        true => Ok(()),
        false => {
            table
                .store()
                .write(&marker(table, run_id), Bytes::new())
                .await
        }
    }
}

pub(super) async fn unmark(table: &Table, run_id: &str) -> Result<()> {
    match table.location().is_local() {
        true => Ok(()),
        false => table.store().delete(vec![marker(table, run_id)]).await,
    }
}

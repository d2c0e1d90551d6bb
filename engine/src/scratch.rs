//! Folders for files that end with their process, such as what operators spill.
//!
//! Each process has one of its own below a common folder. It is locked, and the kernel lets go of
//! the lock when the process ends, however it ends: so the next process with the same common folder
//! can remove what killed ones left, also those of other containers, whose process ids say nothing.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};

/// In a process's folder: locked while the process lives.
const OWNER: &str = "owner";
/// In the common folder: locked while a folder is made or swept, so that nobody sees half of it.
const COMMON: &str = "cinemill-scratch.lock";

/// A folder that is removed when this value is dropped.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    _owner: File,
}

impl Scratch {
    /// Makes the folder `<name>-<process id>` below `common`, and removes those of the same name
    /// whose processes have ended.
    ///
    /// # Errors
    /// `Final` where this user cannot make it.
    pub fn new(common: &Path, name: &str) -> Result<Self> {
        Self::make(common, name).map_err(|cause| {
            Error::new(
                Kind::Final,
                "make a work folder in",
                common.display(),
                cause,
            )
            .hint("choose a folder that this user may write to")
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    fn make(common: &Path, name: &str) -> io::Result<Self> {
        // Messages name it in full.
        let common = std::path::absolute(common)?;
        std::fs::create_dir_all(&common)?;
        let lock = lock_of(&common)?;
        lock.lock()?;
        sweep(&common, name);
        let path = own_folder(&common, name)?;
        let owner = File::create(path.join(OWNER))?;
        owner.lock()?;
        // `lock` goes with its file handle.
        Ok(Self {
            path,
            _owner: owner,
        })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(cause) = std::fs::remove_dir_all(&self.path) {
            tracing::warn!(folder = %self.path.display(), %cause, "could not remove a work folder");
        }
    }
}

/// Opened without creating where it exists: in a shared folder such as `/tmp` it may be another
/// user's, and then only that is allowed.
fn lock_of(common: &Path) -> io::Result<File> {
    let path = common.join(COMMON);
    match File::open(&path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
            File::options().create(true).append(true).open(path)
        }
        opened => opened,
    }
}

/// Several of one process are numbered.
fn own_folder(common: &Path, name: &str) -> io::Result<PathBuf> {
    let own = format!("{name}-{}", std::process::id());
    let mut path = common.join(&own);
    for number in 2.. {
        match std::fs::create_dir(&path) {
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {
                path = common.join(format!("{own}-{number}"));
            }
            made => return made.map(|()| path),
        }
    }
    Ok(path)
}

/// Removes what processes left that have ended. What cannot be removed is another user's, or stays
/// for the next time.
fn sweep(common: &Path, name: &str) {
    let prefix = format!("{name}-");
    let Ok(entries) = std::fs::read_dir(common) else {
        return;
    };
    for entry in entries.flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(&prefix);
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let folder = entry.path();
        if is_ours && is_folder && is_abandoned(&folder) {
            match std::fs::remove_dir_all(&folder) {
                Ok(()) => {
                    tracing::info!(folder = %folder.display(), "removed what a dead process left")
                }
                Err(cause) => {
                    tracing::warn!(folder = %folder.display(), %cause, "could not remove what a dead process left");
                }
            }
        }
    }
}

/// A folder without a lock file was left half removed: it is made under the common lock.
fn is_abandoned(folder: &Path) -> bool {
    match File::open(folder.join(OWNER)) {
        Ok(owner) => owner.try_lock().is_ok(),
        Err(cause) => cause.kind() == io::ErrorKind::NotFound,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_the_dead_go_and_those_of_the_living_stay() {
        let common = tempfile::tempdir().unwrap();
        let dead = common.path().join("work-1");
        std::fs::create_dir(&dead).unwrap();
        std::fs::write(dead.join(OWNER), "").unwrap();
        std::fs::write(dead.join("shuffle.arrow"), "x").unwrap();
        let other = common.path().join("other-1");
        std::fs::create_dir(&other).unwrap();
        let first = Scratch::new(common.path(), "work").unwrap();
        assert!(!dead.exists() && other.exists());
        let second = Scratch::new(common.path(), "work").unwrap();
        assert!(first.path().exists() && first.path() != second.path());
        let path = first.path().to_owned();
        std::fs::write(path.join("spill"), "x").unwrap();
        drop(first);
        assert!(!path.exists() && second.path().exists());
    }
}

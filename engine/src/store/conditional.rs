//! Writes that happen only when nobody else wrote in between.

use std::fs::File;
use std::hash::{DefaultHasher, Hasher};
use std::io::Write;
use std::path::PathBuf;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, UpdateVersion};

use super::{Backend, Store};
use crate::error::{Error, Kind, Result};
use crate::sink::staged::write_failed;

/// What must be there for a conditional write to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    Absent,
    Version(UpdateVersion),
}

impl Expect {
    /// The state that a read found.
    pub fn found(meta: Option<&ObjectMeta>) -> Self {
        match meta {
            None => Self::Absent,
            Some(meta) => Self::Version(UpdateVersion {
                e_tag: meta.e_tag.clone(),
                version: meta.version.clone(),
            }),
        }
    }
}

/// Whether a conditional write happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutOutcome {
    Written(Expect),
    /// Something else is there than what was expected; nothing was written.
    Conflict,
}

impl Store {
    /// Writes the object when the store still holds what is expected.
    pub async fn write_if(&self, path: &Path, bytes: Bytes, expect: &Expect) -> Result<PutOutcome> {
        match &self.backend {
            Backend::Local(_) => self.write_file(path, bytes, Some(expect)).await,
            Backend::S3(_) => self.put_object_if(path, bytes, expect).await,
        }
    }

    async fn put_object_if(
        &self,
        path: &Path,
        bytes: Bytes,
        expect: &Expect,
    ) -> Result<PutOutcome> {
        let mode = match expect {
            Expect::Absent => PutMode::Create,
            Expect::Version(version) => PutMode::Update(version.clone()),
        };
        match self
            .objects
            .put_opts(path, bytes.clone().into(), PutOptions::from(mode))
            .await
        {
            Ok(put) => Ok(PutOutcome::Written(Expect::Version(UpdateVersion {
                e_tag: put.e_tag,
                version: put.version,
            }))),
            Err(
                object_store::Error::AlreadyExists { .. }
                | object_store::Error::Precondition { .. },
            ) => self.own_write_or_conflict(path, &bytes).await,
            // The object that was to be replaced is gone.
            Err(object_store::Error::NotFound { .. }) if *expect != Expect::Absent => {
                Ok(PutOutcome::Conflict)
            }
            Err(cause) => Err(self.failure("write", path, &cause)),
        }
    }

    /// A refused write may be our own: the first try arrived, its answer was lost, and the client's
    /// second try met what the first had written.
    async fn own_write_or_conflict(&self, path: &Path, bytes: &Bytes) -> Result<PutOutcome> {
        Ok(match self.read(path).await? {
            Some((found, meta)) if found == *bytes => {
                PutOutcome::Written(Expect::found(Some(&meta)))
            }
            _ => PutOutcome::Conflict,
        })
    }

    /// A disk has no conditional write. The lock on the folder makes one of a comparison and a
    /// rename; the kernel lets go of it when its holder dies. Without an expectation, writes
    /// whatever was there.
    pub(super) async fn write_file(
        &self,
        path: &Path,
        bytes: Bytes,
        expect: Option<&Expect>,
    ) -> Result<PutOutcome> {
        let target = self.file_path(path).ok_or_else(|| {
            let cause = "the path does not exist on a disk";
            Error::new(Kind::Final, "write", path, cause)
        })?;
        let failed = |cause: std::io::Error| write_failed(&target.display().to_string(), &cause);
        let folder = target.parent().map(PathBuf::from).unwrap_or_default();
        let lock = tokio::task::spawn_blocking(move || -> std::io::Result<File> {
            std::fs::create_dir_all(&folder)?;
            let folder = File::open(&folder)?;
            folder.lock()?;
            Ok(folder)
        })
        .await
        .map_err(|cause| Error::new(Kind::Final, "lock", target.display(), cause))?
        .map_err(failed)?;
        if let Some(expect) = expect {
            let found = self.read(path).await?;
            let is = Expect::found(found.as_ref().map(|(_, meta)| meta));
            if is != *expect {
                // A repeated write meets its own work.
                let ours = found.is_some_and(|(there, _)| there == bytes);
                return Ok(if ours {
                    PutOutcome::Written(is)
                } else {
                    PutOutcome::Conflict
                });
            }
        }
        replace_file(&target, &bytes).map_err(failed)?;
        // The new name is as durable as the bytes.
        lock.sync_all().map_err(failed)?;
        let found = self.objects.head(path).await;
        let mut meta = found.map_err(|cause| self.failure("write", path, &cause))?;
        meta.version = Some(content_version(&bytes));
        drop(lock);
        Ok(PutOutcome::Written(Expect::found(Some(&meta))))
    }
}

/// What tells two contents of a file apart. The file system's own marks do not always: a disk uses
/// an inode again, and its clock ticks every few milliseconds.
pub(super) fn content_version(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    format!("{:016x}", hasher.finish())
}

/// Replaces a file so that a reader, and a machine that loses power, sees the old or the new one.
fn replace_file(target: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    // One name, which the next write takes again if this one dies: the folder's lock is held.
    let fresh = target.with_file_name(format!(".{name}.tmp"));
    let written = (|| {
        let mut file = File::create(&fresh)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&fresh, target)
    })();
    if written.is_err() {
        // The write's own failure is the one to report.
        let _ = std::fs::remove_file(&fresh);
    }
    written
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::store::{Location, open};

    #[tokio::test]
    async fn one_of_many_racing_writers_wins_on_a_disk() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::parse(folder.path().to_str().unwrap())
            .unwrap()
            .join("x.json");
        let store = open(&location).unwrap();
        let race = |expect: Expect| {
            let writes = (0..8).map(|n| {
                let (store, path, expect) =
                    (store.clone(), location.path().clone(), expect.clone());
                tokio::spawn(async move {
                    store
                        .write_if(&path, Bytes::from(format!("{n}")), &expect)
                        .await
                        .unwrap()
                })
            });
            futures::future::join_all(writes)
        };
        for _ in 0..2 {
            let found = store.read(location.path()).await.unwrap();
            let expect = Expect::found(found.as_ref().map(|(_, meta)| meta));
            let outcomes = race(expect).await;
            let won = outcomes
                .iter()
                .filter(|o| !matches!(o, Ok(PutOutcome::Conflict)))
                .count();
            assert_eq!(won, 1);
        }
    }
}

//! The one door to local disks and object stores.
//!
//! One client per bucket and process, credentials from the standard environment or role, explicit
//! retries. Nothing here is ever part of a session setting, so no secret can travel with a plan.

mod conditional;
mod failure;
mod http;
mod location;
mod patience;
mod registry;
mod requests;
mod s3;
mod uploads;

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use dashmap::DashMap;
use futures::{FutureExt, StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

pub use conditional::{Expect, PutOutcome};
pub use failure::{Refusal, advice, failure, innermost, one_line};
pub use location::Location;
pub use registry::StoreRegistry;
pub use requests::Requests;
pub(crate) use requests::inherited;
pub use uploads::OpenUpload;

use s3::Bucket;

use crate::error::{Error, Kind, Result};

/// How many requests run side by side where many objects are touched at once.
const PARALLEL_REQUESTS: usize = 16;
/// How often a folder is deleted that fills up meanwhile, and the pause before it is tried again.
const DELETE_TRIES: u32 = 100;
const DELETE_PAUSE: Duration = Duration::from_millis(10);

/// One bucket, or the local file system.
#[derive(Debug, Clone)]
pub struct Store {
    /// `file:///` or `s3://bucket/`.
    url: Arc<str>,
    objects: Arc<dyn ObjectStore>,
    backend: Backend,
}

#[derive(Debug, Clone)]
enum Backend {
    Local(Arc<LocalFileSystem>),
    S3(Arc<Bucket>),
}

static STORES: LazyLock<DashMap<String, Store>> = LazyLock::new(DashMap::new);

/// The store of a location, made on first use and shared by the whole process.
pub fn open(location: &Location) -> Result<Store> {
    open_url(location.store_url())
}

/// As [`open`], for the store's own URL (`file:///` or `s3://bucket/`).
pub fn open_url(store_url: &str) -> Result<Store> {
    if let Some(store) = STORES.get(store_url) {
        return Ok(store.clone());
    }
    let store = match store_url.strip_prefix("s3://") {
        Some(bucket) => {
            let bucket = Bucket::open(bucket.trim_end_matches('/'))?;
            Store {
                url: store_url.into(),
                objects: bucket.client.clone(),
                backend: Backend::S3(Arc::new(bucket)),
            }
        }
        None => local(store_url),
    };
    Ok(STORES.entry(store_url.to_owned()).or_insert(store).clone())
}

fn local(store_url: &str) -> Store {
    let files = Arc::new(LocalFileSystem::new());
    Store {
        url: store_url.into(),
        objects: files.clone(),
        backend: Backend::Local(files),
    }
}

impl Store {
    pub fn objects(&self) -> &Arc<dyn ObjectStore> {
        &self.objects
    }

    /// Uploads in parts that become visible only when they are completed; `None` on a local disk.
    pub fn uploads(&self) -> Option<Arc<dyn MultipartStore>> {
        match &self.backend {
            Backend::Local(_) => None,
            Backend::S3(bucket) => Some(bucket.client.clone()),
        }
    }

    /// Where `path` lies on the local disk; `None` in a bucket.
    pub fn file_path(&self, path: &Path) -> Option<PathBuf> {
        match &self.backend {
            Backend::Local(files) => files.path_to_filesystem(path).ok(),
            Backend::S3(_) => None,
        }
    }

    /// The whole object, or `None` where there is none.
    pub async fn read(&self, path: &Path) -> Result<Option<(Bytes, ObjectMeta)>> {
        let read = async {
            let found = self.objects.get(path).await?;
            let mut meta = found.meta.clone();
            let bytes = found.bytes().await?;
            if matches!(self.backend, Backend::Local(_)) {
                meta.version = Some(conditional::content_version(&bytes));
            }
            Ok((bytes, meta))
        };
        match read.await {
            Ok(found) => Ok(Some(found)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(cause) => Err(self.failure("read", path, &cause)),
        }
    }

    /// Writes the object whatever was there.
    pub async fn write(&self, path: &Path, bytes: Bytes) -> Result<()> {
        if matches!(self.backend, Backend::Local(_)) {
            return self.write_file(path, bytes, None).await.map(drop);
        }
        self.objects
            .put(path, bytes.into())
            .await
            .map(|_| ())
            .map_err(|cause| self.failure("write", path, &cause))
    }

    /// Everything below a folder; empty where there is no such folder.
    pub async fn list(&self, folder: &Path) -> Result<Vec<ObjectMeta>> {
        match self.objects.list(Some(folder)).try_collect().await {
            Err(object_store::Error::NotFound { .. }) => Ok(Vec::new()),
            other => other.map_err(|cause| self.failure("list", folder, &cause)),
        }
    }

    /// Deletes objects; those that are gone already do not matter.
    pub async fn delete(&self, paths: Vec<Path>) -> Result<()> {
        let deletions: Vec<_> = paths
            .iter()
            .map(|path| self.delete_one(path).boxed())
            .collect();
        futures::stream::iter(deletions)
            .buffer_unordered(PARALLEL_REQUESTS)
            .try_collect()
            .await
    }

    async fn delete_one(&self, path: &Path) -> Result<()> {
        match self.objects.delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(cause) => Err(self.failure("delete", path, &cause)),
        }
    }

    /// Deletes all below a folder, and on a local disk the folder itself, also while somebody who
    /// is about to stop still puts files there.
    pub async fn delete_folder(&self, folder: &Path) -> Result<()> {
        let Some(local) = self.file_path(folder) else {
            let below = self.list(folder).await?;
            return self
                .delete(below.into_iter().map(|meta| meta.location).collect())
                .await;
        };
        for attempt in 1.. {
            match tokio::fs::remove_dir_all(&local).await {
                Err(cause) if is_filled_meanwhile(&cause) && attempt < DELETE_TRIES => {
                    tokio::time::sleep(DELETE_PAUSE).await;
                }
                Err(cause) if cause.kind() != ErrorKind::NotFound => {
                    return Err(Error::new(
                        Kind::Retryable,
                        "delete",
                        local.display(),
                        cause,
                    ));
                }
                _ => break,
            }
        }
        Ok(())
    }
}

/// Whether a folder could not be removed because a file came into it after it was listed.
fn is_filled_meanwhile(cause: &std::io::Error) -> bool {
    cause.kind() == ErrorKind::DirectoryNotEmpty
}

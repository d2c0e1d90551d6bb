//! The one door to local disks and object stores.
//!
//! One client per bucket and process, credentials from the standard environment or role, explicit
//! retries. Nothing here is ever part of a session setting, so no secret can travel with a plan.

mod conditional;
mod location;
mod registry;

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use dashmap::DashMap;
use futures::{FutureExt, StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::local::LocalFileSystem;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig,
};

pub use conditional::{Expect, PutOutcome};
pub use location::Location;
pub use registry::StoreRegistry;

use crate::error::{Error, Kind, Result};

/// How many requests run side by side where many objects are touched at once.
const PARALLEL_REQUESTS: usize = 16;
/// How often a folder is deleted that fills up meanwhile, and the pause before it is tried again.
const DELETE_TRIES: u32 = 100;
const DELETE_PAUSE: Duration = Duration::from_millis(10);

/// One bucket, or the local file system.
#[derive(Debug, Clone)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    backend: Backend,
}

#[derive(Debug, Clone)]
enum Backend {
    Local(Arc<LocalFileSystem>),
    S3(Arc<AmazonS3>),
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
        Some(bucket) => s3(bucket.trim_end_matches('/'))?,
        None => local(),
    };
    Ok(STORES.entry(store_url.to_owned()).or_insert(store).clone())
}

fn local() -> Store {
    let files = Arc::new(LocalFileSystem::new());
    Store {
        objects: files.clone(),
        backend: Backend::Local(files),
    }
}

fn s3(bucket: &str) -> Result<Store> {
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .with_retry(RetryConfig {
            backoff: BackoffConfig {
                init_backoff: Duration::from_millis(100),
                max_backoff: Duration::from_secs(10),
                base: 2.0,
            },
            max_retries: 8,
            retry_timeout: Duration::from_secs(120),
        });
    // A custom endpoint (an S3-compatible server) may be plain HTTP; AWS itself never is.
    let endpoint = builder
        .get_config_value(&object_store::aws::AmazonS3ConfigKey::Endpoint)
        .unwrap_or_default();
    let options = ClientOptions::new()
        .with_timeout(Duration::from_secs(120))
        .with_connect_timeout(Duration::from_secs(5))
        .with_allow_http(endpoint.starts_with("http://"));
    builder = builder.with_client_options(options);
    let client = builder.build().map_err(|cause| {
        Error::new(
            Kind::Input,
            "open",
            format!("s3://{bucket}"),
            one_line(&cause),
        )
        .hint("check AWS_REGION, AWS_ENDPOINT_URL and the credentials of this process")
    })?;
    let client = Arc::new(client);
    Ok(Store {
        objects: client.clone(),
        backend: Backend::S3(client),
    })
}

impl Store {
    pub fn objects(&self) -> &Arc<dyn ObjectStore> {
        &self.objects
    }

    /// Uploads in parts that become visible only when they are completed; `None` on a local disk.
    pub fn uploads(&self) -> Option<Arc<dyn MultipartStore>> {
        match &self.backend {
            Backend::Local(_) => None,
            Backend::S3(client) => Some(client.clone()),
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
            Err(cause) => Err(failure("read", path, &cause)),
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
            .map_err(|cause| failure("write", path, &cause))
    }

    /// Everything below a folder; empty where there is no such folder.
    pub async fn list(&self, folder: &Path) -> Result<Vec<ObjectMeta>> {
        match self.objects.list(Some(folder)).try_collect().await {
            Err(object_store::Error::NotFound { .. }) => Ok(Vec::new()),
            other => other.map_err(|cause| failure("list", folder, &cause)),
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
            Err(cause) => Err(failure("delete", path, &cause)),
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

/// What a store refuses for good, as opposed to trouble that may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The object, or its bucket.
    Missing,
    Forbidden,
    /// A file stands where a folder is needed.
    InTheWay,
}

/// How stores and file systems say that something is forbidden.
const FORBIDDEN: [&str; 8] = [
    "AccessDenied",
    "SignatureDoesNotMatch",
    "InvalidAccessKeyId",
    "InvalidToken",
    "ExpiredToken",
    "403 Forbidden",
    "ermission denied",
    "Read-only",
];

impl Refusal {
    /// Some answers come as errors of no particular kind; their words tell.
    pub fn of(cause: &object_store::Error) -> Option<Self> {
        use object_store::Error as Cause;
        let text = one_line(cause);
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        match cause {
            Cause::NotFound { .. } => Some(Self::Missing),
            Cause::PermissionDenied { .. } | Cause::Unauthenticated { .. } => Some(Self::Forbidden),
            _ if says(&["NoSuchBucket", "NoSuchKey", "404 Not Found"]) => Some(Self::Missing),
            _ if says(&FORBIDDEN) => Some(Self::Forbidden),
            _ if says(&["Not a directory"]) => Some(Self::InTheWay),
            _ => None,
        }
    }
}

/// The error that a store's failure stands for. Absence and lack of permission are the caller's
/// to mend; anything else may pass.
pub fn failure(verb: &str, object: impl std::fmt::Display, cause: &object_store::Error) -> Error {
    let text = one_line(cause);
    let reads = ["read", "find", "list"]
        .iter()
        .any(|word| verb.starts_with(word));
    // What cannot be read is an input that is missing; what cannot be written will not be.
    let kind = if reads { Kind::Input } else { Kind::Final };
    match Refusal::of(cause) {
        Some(Refusal::Missing) if text.contains("NoSuchBucket") => {
            Error::new(kind, verb, object, "its bucket does not exist")
        }
        Some(Refusal::Missing) => Error::new(kind, verb, object, "it does not exist"),
        Some(Refusal::Forbidden) => Error::new(kind, verb, object, text)
            .hint("check the permissions of this process's role or user"),
        Some(Refusal::InTheWay) => Error::new(Kind::Final, verb, object, text)
            .hint("a file is in the way of this folder; choose another path"),
        None if text.contains("No space left") || text.contains("os error 28") => {
            Error::new(Kind::Retryable, verb, object, text).hint("free some space and run again")
        }
        None => Error::new(Kind::Retryable, verb, object, text),
    }
}

/// The innermost words of a store's failure, without the chain that repeats them, and of an answer
/// in XML only its code and message.
pub fn one_line(cause: &object_store::Error) -> String {
    let mut innermost: &dyn std::error::Error = cause;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let text = innermost.to_string();
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once('<')?.0)
    };
    let short = match (element("Code"), element("Message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => text.clone(),
    };
    short.split_whitespace().collect::<Vec<_>>().join(" ")
}

//! The folder that files are brought to. Each appears there whole, or not at all.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use chrono::Utc;
use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::store::{self, Location, Store};
use object_store::{ObjectMeta, ObjectStoreExt, WriteMultipart};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;
use tokio_util::sync::CancellationToken;

/// The folder's own folder, which no job looks into.
pub const OWN_FOLDER: &str = "_stage";
/// The ending of names that files have before they are whole.
const TEMPORARY: &str = ".tmp";
/// The size of an upload's parts.
const PART_BYTES: usize = 8 << 20;
/// How many of them are on their way at a time.
const PARTS_AT_ONCE: usize = 4;
/// What nobody has finished for so long was left by a process that was killed.
const ABANDONED_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// A file that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// Below the folder.
    pub path: String,
    pub bytes: u64,
    pub e_tag: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Target {
    pub folder: Location,
    pub store: Store,
}

impl Target {
    pub fn open(folder: &str) -> Result<Self> {
        let folder = Location::parse(folder)?;
        let store = store::open(&folder)?;
        Ok(Self { folder, store })
    }

    /// Copies a file of this machine to `name`; what was there before is replaced.
    pub async fn put(&self, from: &Path, name: &str, cancel: &CancellationToken) -> Result<Placed> {
        let placed = match self.folder.is_local() {
            true => cancel.run_until_cancelled(self.copy(from, name)).await,
            false => self.upload(from, name, cancel).await.transpose(),
        };
        placed.unwrap_or_else(|| Err(super::cancelled(name)))
    }

    /// Under another name first: a rename shows it at once, with the marks that it had before.
    async fn copy(&self, from: &Path, name: &str) -> Result<Placed> {
        let unique = uuid::Uuid::new_v4().simple();
        let temporary = self
            .folder
            .join(&format!("{OWN_FOLDER}/{unique}{TEMPORARY}"));
        let (hidden, visible) = (
            self.local(&temporary)?,
            self.local(&self.folder.join(name))?,
        );
        let from = from.to_owned();
        let copied = blocking({
            let hidden = hidden.clone();
            move || copy_durably(&from, &hidden)
        });
        let failed = |cause| self.failed(name, &cause);
        copied.await?.map_err(failed)?;
        let found = self.store.objects().head(temporary.path()).await;
        let found = found.map_err(|cause| self.store.failure("write", temporary.path(), &cause))?;
        blocking(move || rename_durably(&hidden, &visible))
            .await?
            .map_err(failed)?;
        Ok(placed(name, found.size, found.e_tag))
    }

    /// Nothing is to be seen of an upload before its last request; one that fails or is cancelled
    /// goes. `None` where it was cancelled.
    async fn upload(
        &self,
        from: &Path,
        name: &str,
        cancel: &CancellationToken,
    ) -> Result<Option<Placed>> {
        let place = self.folder.join(name);
        let failed = |cause: object_store::Error| self.store.failure("write", place.path(), &cause);
        let unreadable =
            |cause: std::io::Error| Error::new(Kind::Retryable, "read", from.display(), cause);
        let mut file = tokio::fs::File::open(from).await.map_err(unreadable)?;
        let bytes = file.metadata().await.map_err(unreadable)?.len();
        if bytes <= PART_BYTES as u64 {
            let mut content = Vec::new();
            file.read_to_end(&mut content).await.map_err(unreadable)?;
            let put = self.store.objects().put(place.path(), content.into());
            let Some(put) = cancel.run_until_cancelled(put).await else {
                return Ok(None);
            };
            return Ok(Some(placed(name, bytes, put.map_err(failed)?.e_tag)));
        }
        let upload = self.store.objects().put_multipart(place.path()).await;
        let upload = upload.map_err(failed)?;
        let mut upload = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
        let sent = cancel.run_until_cancelled(send(&mut file, &mut upload));
        match sent.await {
            Some(Ok(())) => {
                let put = upload.finish().await.map_err(failed)?;
                Ok(Some(placed(name, bytes, put.e_tag)))
            }
            stopped => {
                // The failure that led here is the one to report.
                let _ = upload.abort().await;
                match stopped {
                    Some(Err(cause)) => Err(failed(cause)),
                    _ => Ok(None),
                }
            }
        }
    }

    /// What is there by that name.
    pub async fn find(&self, name: &str) -> Result<Option<ObjectMeta>> {
        let place = self.folder.join(name);
        match self.store.objects().head(place.path()).await {
            Ok(meta) => Ok(Some(meta)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(cause) => Err(self.store.failure("find", place.path(), &cause)),
        }
    }

    pub async fn is_there(&self, placed: &Placed) -> Result<bool> {
        let found = self.find(&placed.path).await?;
        Ok(found.is_some_and(|meta| meta.size == placed.bytes && meta.e_tag == placed.e_tag))
    }

    pub async fn read(&self, name: &str) -> Result<Option<(Bytes, ObjectMeta)>> {
        self.store.read(self.folder.join(name).path()).await
    }

    pub async fn delete(&self, names: impl IntoIterator<Item = String>) -> Result<()> {
        let paths = names
            .into_iter()
            .map(|name| self.folder.join(&name).path().clone());
        self.store.delete(paths.collect()).await
    }

    /// Removes what killed stagings left, if that is possible.
    pub async fn sweep(&self) {
        if let Err(error) = self.try_sweep().await {
            tracing::warn!(%error, "what earlier stagings left stays where it is");
        }
    }

    async fn try_sweep(&self) -> Result<()> {
        let own = self.store.list(self.folder.join(OWN_FOLDER).path()).await?;
        let is_garbage =
            |meta: &ObjectMeta| meta.location.as_ref().ends_with(TEMPORARY) && is_abandoned(meta);
        let garbage = own.into_iter().filter(is_garbage).map(|meta| meta.location);
        self.store.delete(garbage.collect()).await?;
        let Some(uploads) = self.store.uploads() else {
            return Ok(());
        };
        for open in self.store.open_uploads(self.folder.path()).await? {
            if age(open.begun_at) > ABANDONED_AFTER {
                let aborted = uploads.abort_multipart(&open.path, &open.id).await;
                aborted.map_err(|cause| {
                    self.store
                        .failure("abort the upload of", &open.path, &cause)
                })?;
            }
        }
        Ok(())
    }

    fn local(&self, place: &Location) -> Result<std::path::PathBuf> {
        self.store
            .file_path(place.path())
            .ok_or_else(|| Error::new(Kind::Final, "write", place, "it is no place on a disk"))
    }

    fn failed(&self, name: &str, cause: &std::io::Error) -> Error {
        let kind = match cause.kind() {
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::NotADirectory => Kind::Final,
            _ => Kind::Retryable,
        };
        Error::new(kind, "write", self.folder.join(name), cause)
    }
}

/// Whether an object is so old that nobody is about to finish it.
pub fn is_abandoned(meta: &ObjectMeta) -> bool {
    age(meta.last_modified) > ABANDONED_AFTER
}

fn age(since: chrono::DateTime<Utc>) -> Duration {
    (Utc::now() - since).to_std().unwrap_or_default()
}

fn placed(name: &str, bytes: u64, e_tag: Option<String>) -> Placed {
    Placed {
        path: name.to_owned(),
        bytes,
        e_tag,
    }
}

async fn send(file: &mut tokio::fs::File, upload: &mut WriteMultipart) -> object_store::Result<()> {
    let generic = |cause: std::io::Error| object_store::Error::Generic {
        store: "disk",
        source: Box::new(cause),
    };
    loop {
        let mut piece = Vec::with_capacity(PART_BYTES);
        let limited = (&mut *file).take(PART_BYTES as u64);
        { limited }.read_to_end(&mut piece).await.map_err(generic)?;
        if piece.is_empty() {
            return Ok(());
        }
        upload.wait_for_capacity(PARTS_AT_ONCE).await?;
        upload.put(piece.into());
    }
}

/// Runs what blocks apart from all else.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|cause| Error::new(Kind::Final, "work on", "a file", cause))
}

fn copy_durably(from: &Path, to: &Path) -> std::io::Result<()> {
    let copied = (|| {
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::copy(from, to)?;
        std::fs::File::open(to)?.sync_all()
    })();
    if copied.is_err() {
        // The copy's own failure is the one to report.
        let _ = std::fs::remove_file(to);
    }
    copied
}

/// After a loss of power, too, the name is there.
fn rename_durably(from: &Path, to: &Path) -> std::io::Result<()> {
    let Some(folder) = to.parent() else {
        return std::fs::rename(from, to);
    };
    std::fs::create_dir_all(folder)?;
    std::fs::rename(from, to)?;
    std::fs::File::open(folder)?.sync_all()
}

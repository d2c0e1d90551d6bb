//! The beginning of an upload to a bucket, which leaves nothing behind when its task is stopped.
//!
//! Between the answer that names an upload and the note that lets others find it, nobody but the
//! task knows of it. So this part goes on when the task is stopped, and aborts what nobody wants.

use std::sync::LazyLock;
use std::time::Duration;

use object_store::MultipartId;
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use tokio::sync::{oneshot, watch};

use crate::error::{Error, Kind, Result};
use crate::store::{Store, inherited};

/// Tells a sweeper of an upload that nobody may ever complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadNote {
    /// The final path, relative to the table's folder.
    pub path: String,
    pub id: String,
}

/// Folder of the notes, below an attempt's staging folder.
pub const UPLOAD_NOTES: &str = "uploads";

/// How many uploads are just being begun in this process.
static BEGINNING: LazyLock<watch::Sender<usize>> = LazyLock::new(|| watch::Sender::new(0));

/// How long those are waited for whose tasks were stopped. A store that is down takes about as long.
const SETTLE_WAIT: Duration = Duration::from_secs(10);

/// Where an upload goes, and where its note is to be.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub store: Store,
    pub path: Path,
    /// The path relative to the table's folder.
    pub name: String,
    pub note: Path,
}

/// Begins an upload, and writes it down.
pub(super) async fn begin(target: Target) -> Result<MultipartId> {
    let (begun, waiting) = oneshot::channel();
    let counted = Counted::one();
    let object = target.path.clone();
    tokio::spawn(inherited(async move {
        let _counted = counted;
        let outcome = target.begin().await;
        if let Err(Ok(id)) = begun.send(outcome) {
            target.abandon(&id).await;
        }
    }));
    let stopped = |cause| Error::new(Kind::Retryable, "begin the upload of", object, cause);
    waiting.await.map_err(stopped)?
}

/// Waits until no upload is just being begun for a task that was stopped.
pub(super) async fn settled() {
    let mut beginning = BEGINNING.subscribe();
    let none = beginning.wait_for(|count| *count == 0);
    if tokio::time::timeout(SETTLE_WAIT, none).await.is_err() {
        tracing::warn!("the store does not say what became of an upload; `cinemill gc` finds it");
    }
}

impl Target {
    async fn begin(&self) -> Result<MultipartId> {
        let uploads = self.store.uploads().ok_or_else(|| no_uploads(&self.path))?;
        let id = uploads
            .create_multipart(&self.path)
            .await
            .map_err(|cause| {
                let verb = "begin the upload of";
                self.store.failure(verb, &self.path, &cause)
            })?;
        if let Err(error) = self.write_note(&id).await {
            // Without its note nobody would find the upload.
            self.abandon(&id).await;
            return Err(error);
        }
        Ok(id)
    }

    async fn write_note(&self, id: &MultipartId) -> Result<()> {
        let note = UploadNote {
            path: self.name.clone(),
            id: id.clone(),
        };
        let json = serde_json::to_vec(&note)
            .map_err(|cause| Error::new(Kind::Final, "write", &self.note, cause))?;
        self.store.write(&self.note, json.into()).await
    }

    /// The failure that led here is the one to report.
    async fn abandon(&self, id: &MultipartId) {
        if let Some(uploads) = self.store.uploads() {
            let _ = uploads.abort_multipart(&self.path, id).await;
            let _ = self.store.delete(vec![self.note.clone()]).await;
        }
    }
}

pub(super) fn no_uploads(path: &Path) -> Error {
    let cause = "the store takes no uploads in parts";
    Error::new(Kind::Final, "write", path, cause)
}

/// Counts for as long as it lives.
struct Counted;

impl Counted {
    fn one() -> Self {
        BEGINNING.send_modify(|count| *count += 1);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        BEGINNING.send_modify(|count| *count -= 1);
    }
}

//! A file on its way: written, but not visible before the commit.

use bytes::{Bytes, BytesMut};
use datafusion::common::runtime::SpawnedTask;
use datafusion::parquet::arrow::async_writer::AsyncFileWriter;
use datafusion::parquet::errors::{ParquetError, Result as ParquetResult};
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::path::Path;
use object_store::{MultipartId, PutPayload};
use tokio::io::AsyncWriteExt;

use super::spec::{SinkSpec, Staged};
use super::upload::{self, Target, UPLOAD_NOTES, no_uploads};
use crate::error::{Error, Kind, Result};
use crate::store::{Location, Store, inherited};

/// The size of an upload's parts but the last. All alike, as some stores demand.
const UPLOAD_PART_BYTES: usize = 8 << 20;

/// Writes one file of the table in the way that its store allows.
pub enum StagedFile {
    Local {
        file: tokio::fs::File,
        relative: String,
        object: String,
    },
    Upload(Box<Upload>),
}

/// An upload to the final key, whose parts the store keeps unseen.
pub struct Upload {
    store: Store,
    path: Path,
    id: MultipartId,
    tags: Vec<String>,
    buffer: BytesMut,
    /// The part on its way while the next one is encoded. It ends with its task, lest it arrives
    /// after the upload was aborted.
    in_flight: Option<SpawnedTask<object_store::Result<String>>>,
}

impl StagedFile {
    /// Begins a file that is to become `name` in the table's folder.
    pub async fn create(spec: &SinkSpec, name: &str) -> Result<Self> {
        let table = Location::parse(&spec.table)?;
        let store = crate::store::open(&table)?;
        let unique = uuid::Uuid::new_v4().simple().to_string();
        if store.uploads().is_some() {
            return Upload::begin(spec, &table, store, name, &unique).await;
        }
        let relative = format!("{}/{unique}.parquet", spec.staging());
        let place = table.join(&relative);
        let object = place.to_string();
        let failed = |cause: std::io::Error| write_failed(&object, &cause);
        let path = store.file_path(place.path()).ok_or_else(|| {
            Error::new(
                Kind::Final,
                "write",
                &object,
                "the path does not exist on a disk",
            )
        })?;
        if let Some(folder) = path.parent() {
            tokio::fs::create_dir_all(folder).await.map_err(failed)?;
        }
        let file = tokio::fs::File::create_new(&path).await.map_err(failed)?;
        Ok(Self::Local {
            file,
            relative,
            object,
        })
    }

    /// Where the finished file waits.
    pub fn staged(self) -> Staged {
        match self {
            Self::Local { relative, .. } => Staged::File(relative),
            Self::Upload(upload) => Staged::Upload {
                id: upload.id,
                tags: upload.tags,
            },
        }
    }

    async fn append(&mut self, bytes: Bytes) -> Result<()> {
        match self {
            Self::Local { file, object, .. } => file
                .write_all(&bytes)
                .await
                .map_err(|cause| write_failed(object, &cause)),
            Self::Upload(upload) => upload.append(&bytes).await,
        }
    }

    async fn finish(&mut self) -> Result<()> {
        match self {
            // The commit publishes by a rename; the bytes must be on the disk by then.
            Self::Local { file, object, .. } => {
                let synced = async {
                    file.flush().await?;
                    file.sync_all().await
                };
                synced.await.map_err(|cause| write_failed(object, &cause))
            }
            Self::Upload(upload) => upload.finish().await,
        }
    }
}

impl Upload {
    async fn begin(
        spec: &SinkSpec,
        table: &Location,
        store: Store,
        name: &str,
        unique: &str,
    ) -> Result<StagedFile> {
        let path = table.join(name).path().clone();
        let note = format!("{}/{UPLOAD_NOTES}/{unique}.json", spec.staging());
        let target = Target {
            store: store.clone(),
            path: path.clone(),
            name: name.to_owned(),
            note: table.join(&note).path().clone(),
        };
        let id = upload::begin(target).await?;
        let buffer = BytesMut::with_capacity(UPLOAD_PART_BYTES);
        let upload = Self {
            store,
            path,
            id,
            tags: Vec::new(),
            buffer,
            in_flight: None,
        };
        Ok(StagedFile::Upload(Box::new(upload)))
    }

    async fn append(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let room = UPLOAD_PART_BYTES - self.buffer.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.buffer.extend_from_slice(now);
            bytes = later;
            if self.buffer.len() == UPLOAD_PART_BYTES {
                self.send_part().await?;
            }
        }
        Ok(())
    }

    async fn finish(&mut self) -> Result<()> {
        if !self.buffer.is_empty() {
            self.send_part().await?;
        }
        self.settle().await
    }

    /// Sends the buffered part once the one before has arrived.
    async fn send_part(&mut self) -> Result<()> {
        self.settle().await?;
        let uploads = self.store.uploads().ok_or_else(|| no_uploads(&self.path))?;
        let fresh = BytesMut::with_capacity(UPLOAD_PART_BYTES);
        let part = std::mem::replace(&mut self.buffer, fresh).freeze();
        let (path, id, number) = (self.path.clone(), self.id.clone(), self.tags.len());
        self.in_flight = Some(SpawnedTask::spawn(inherited(async move {
            let sent = uploads
                .put_part(&path, &id, number, PutPayload::from(part))
                .await?;
            Ok(sent.content_id)
        })));
        Ok(())
    }

    async fn settle(&mut self) -> Result<()> {
        let Some(part) = self.in_flight.take() else {
            return Ok(());
        };
        let sent = part
            .await
            .map_err(|cause| Error::new(Kind::Retryable, "write", &self.path, cause))?;
        self.tags
            .push(sent.map_err(|cause| self.store.failure("write", &self.path, &cause))?);
        Ok(())
    }
}

impl AsyncFileWriter for StagedFile {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, ParquetResult<()>> {
        self.append(bytes)
            .map(|done| done.map_err(into_parquet))
            .boxed()
    }

    fn complete(&mut self) -> BoxFuture<'_, ParquetResult<()>> {
        self.finish().map(|done| done.map_err(into_parquet)).boxed()
    }
}

fn into_parquet(error: Error) -> ParquetError {
    ParquetError::External(Box::new(error.into_datafusion()))
}

/// A failed write on a disk: a full one may have room later, a forbidden one will not.
pub fn write_failed(object: &str, cause: &std::io::Error) -> Error {
    use std::io::ErrorKind as Io;
    match cause.kind() {
        Io::PermissionDenied | Io::ReadOnlyFilesystem | Io::NotADirectory => {
            Error::new(Kind::Final, "write", object, cause)
                .hint("check that the output is a folder this user may write to")
        }
        Io::StorageFull | Io::QuotaExceeded => Error::new(Kind::Retryable, "write", object, cause)
            .hint("free some space and run again"),
        _ => Error::new(Kind::Retryable, "write", object, cause),
    }
}

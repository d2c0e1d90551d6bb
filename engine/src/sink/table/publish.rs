//! The parts and the rejects of a commit get their final names.

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt};
use object_store::ObjectStoreExt;
use object_store::multipart::PartId;
use object_store::path::Path;

use super::commit::Commit;
use crate::error::{Error, Kind, Result};
use crate::sink::spec::{Staged, StagedPart};

/// How many files are published side by side.
const PARALLEL_FILES: usize = 16;

impl Commit {
    pub(super) async fn publish(&self) -> Result<()> {
        let content = self.content()?;
        // Boxed one by one: the compiler cannot prove a stream of borrowing futures `Send`.
        let mut moves: Vec<BoxFuture<'_, Result<()>>> = Vec::new();
        for part in &content.parts {
            moves.push(self.publish_part(part).boxed());
        }
        for (staged, name) in &content.rejects {
            moves.push(self.rename(staged, self.reject_path(name)).boxed());
        }
        futures::stream::iter(moves)
            .buffer_unordered(PARALLEL_FILES)
            .try_collect::<()>()
            .await?;
        // The manifest must not outlive the names of its files when the machine loses power.
        let files: Vec<&str> = content
            .parts
            .iter()
            .map(|part| part.path.as_str())
            .collect();
        self.table.sync_folders(&files).await
    }

    pub(super) fn reject_path(&self, name: &str) -> String {
        format!("{}/{}/{name}", super::REJECTS, self.run_id)
    }

    async fn publish_part(&self, part: &StagedPart) -> Result<()> {
        let path = self.table.path(&part.path);
        match &part.staged {
            Staged::File(staged) => self.rename(staged, part.path.clone()).await?,
            Staged::Upload { id, tags } => self.complete_upload(&path, id, tags).await?,
        }
        let found = self.head(&path).await?;
        if found == Some(part.bytes) {
            return Ok(());
        }
        let cause = format!(
            "{} has {found:?} bytes, its task wrote {}",
            part.path, part.bytes
        );
        Err(Error::new(
            Kind::Retryable,
            "commit run",
            &self.run_id,
            cause,
        ))
    }

    async fn complete_upload(&self, path: &Path, id: &String, tags: &[String]) -> Result<()> {
        let uploads = self.table.store().uploads().ok_or_else(|| {
            Error::new(
                Kind::Final,
                "commit run",
                &self.run_id,
                "the store takes no uploads",
            )
        })?;
        let parts = tags
            .iter()
            .map(|tag| PartId {
                content_id: tag.clone(),
            })
            .collect();
        match uploads.complete_multipart(path, id, parts).await {
            Ok(_) => Ok(()),
            // Completed before: by a first try whose answer was lost, or by a repeated step.
            Err(_) if self.head(path).await?.is_some() => Ok(()),
            Err(cause) => Err(self.table.store().failure("publish", path, &cause)),
        }
    }

    async fn head(&self, path: &Path) -> Result<Option<u64>> {
        match self.table.store().objects().head(path).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(cause) => Err(self.table.store().failure("read", path, &cause)),
        }
    }

    /// Gives a staged file its final name. A repeated step finds it moved already.
    async fn rename(&self, staged: &str, name: String) -> Result<()> {
        let (from, to) = (self.table.path(staged), self.table.path(&name));
        match self.table.store().objects().rename(&from, &to).await {
            Ok(()) => Ok(()),
            Err(object_store::Error::NotFound { .. }) if self.head(&to).await?.is_some() => Ok(()),
            Err(cause) => Err(self.table.store().failure("publish", &to, &cause)),
        }
    }
}

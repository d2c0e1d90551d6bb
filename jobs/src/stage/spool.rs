//! A file on the local disk that grows as bytes arrive.

use std::path::{Path, PathBuf};

use cinemill_engine::error::{Error, Kind, Result};
use tokio::fs::File;
use tokio::io::{AsyncSeekExt, AsyncWriteExt};

#[derive(Debug)]
pub struct Spool {
    path: PathBuf,
    file: File,
    bytes: u64,
}

impl Spool {
    pub async fn create(path: &Path) -> Result<Self> {
        let file = File::create(path)
            .await
            .map_err(|cause| failed(path, &cause))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            bytes: 0,
        })
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub async fn append(&mut self, piece: &[u8]) -> Result<()> {
        let written = self.file.write_all(piece).await;
        written.map_err(|cause| failed(&self.path, &cause))?;
        self.bytes += piece.len() as u64;
        Ok(())
    }

    /// Forgets all that arrived.
    pub async fn restart(&mut self) -> Result<()> {
        let emptied = async {
            self.file.set_len(0).await?;
            self.file.rewind().await
        };
        emptied.await.map_err(|cause| failed(&self.path, &cause))?;
        self.bytes = 0;
        Ok(())
    }

    /// Makes sure that readers of the file see all.
    pub async fn finish(&mut self) -> Result<()> {
        let flushed = self.file.flush().await;
        flushed.map_err(|cause| failed(&self.path, &cause))
    }
}

pub fn failed(path: &Path, cause: &std::io::Error) -> Error {
    Error::new(Kind::Retryable, "write", path.display(), cause)
        .hint("free some space there, or name a folder on a larger disk with --work-dir")
}

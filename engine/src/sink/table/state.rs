//! What a run leaves for the next one that adds to the table: a file of its own, named by the
//! manifest.

use bytes::Bytes;

use super::{STATE, Table};
use crate::error::{Error, Kind, Result};

/// Level of zstd's compression; sums of hashes hardly become smaller.
const LEVEL: i32 = 1;

impl Table {
    /// Writes a run's state under a name of its own, which is returned.
    ///
    /// # Errors
    /// As the store fails.
    pub async fn write_state(&self, run_id: &str, state: &[u8]) -> Result<String> {
        let name = format!("{STATE}/{run_id}-{}", uuid::Uuid::new_v4().simple());
        let path = self.path(&name);
        let packed = zstd::bulk::compress(state, LEVEL)
            .map_err(|cause| Error::new(Kind::Final, "write", &path, cause))?;
        self.store().write(&path, Bytes::from(packed)).await?;
        Ok(name)
    }

    /// Reads a state; `None` where it is gone or cannot be understood.
    ///
    /// # Errors
    /// As the store fails.
    pub async fn read_state(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let found = self.store().read(&self.path(name)).await?;
        Ok(found.and_then(|(bytes, _)| zstd::stream::decode_all(bytes.as_ref()).ok()))
    }

    /// Removes the states of snapshots before.
    pub(super) async fn prune_states(&self, keep: Option<&str>) -> Result<()> {
        let keep = keep.map(|name| self.path(name));
        let found = self.store().list(&self.path(STATE)).await?;
        let old = found.into_iter().map(|meta| meta.location);
        let old = old.filter(|path| Some(path) != keep.as_ref()).collect();
        self.store().delete(old).await
    }
}

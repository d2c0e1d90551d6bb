//! The manifest that a `COPY` goes by.
//!
//! The table's own one may be replaced while Redshift reads; so each load has one of its own, which
//! lists the files of the snapshot that the load has looked at.

use bytes::Bytes;
use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::table::COPY_MANIFESTS;
use cinemill_engine::store::{Location, Store};
use serde_json::json;

use crate::warehouse::published::{Published, PublishedTable};

/// A manifest in the store.
pub struct CopyManifest {
    location: Location,
    url: String,
    store: Store,
}

impl CopyManifest {
    /// Writes it beside the snapshot's files, for one of its tables. Loads of the same snapshot
    /// write the same.
    ///
    /// # Errors
    /// As the store fails; `Final` where this process may not write there.
    pub async fn write(published: &Published, rows: &PublishedTable) -> Result<Self> {
        let manifest = &published.manifest;
        let (run, published_at) = (&manifest.run_id, manifest.committed_at.timestamp_micros());
        let unique = uuid::Uuid::new_v4().simple();
        let name = format!("{COPY_MANIFESTS}/{run}-{published_at}-{unique}.json");
        let location = published.table.location().join(&name);
        let store = published.table.store().clone();
        store.write(location.path(), content(rows)?).await?;
        Ok(Self {
            url: location.url(),
            location,
            store,
        })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Removes it; one that a crash leaves goes with `cinemill gc`.
    ///
    /// # Errors
    /// As the store fails.
    pub async fn remove(&self) -> Result<()> {
        self.store.delete(vec![self.location.path().clone()]).await
    }
}

/// Without `content_length` Redshift reads no Parquet, and a file that is not `mandatory` may be
/// missing without a word.
fn content(rows: &PublishedTable) -> Result<Bytes> {
    let folder = rows.place.location();
    let entries = rows.files.iter().map(|file| {
        json!({
            "url": folder.join(&file.path).url(),
            "mandatory": true,
            "meta": { "content_length": file.bytes },
        })
    });
    let document = json!({ "entries": entries.collect::<Vec<_>>() });
    let bytes = serde_json::to_vec_pretty(&document);
    bytes
        .map(Bytes::from)
        .map_err(|cause| Error::new(Kind::Final, "write", "the manifest of a load", cause))
}

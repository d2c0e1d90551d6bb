//! Brings a file from its origin to the local disk.

use std::path::{Path, PathBuf};

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::store::{self, Location};
use futures::TryStreamExt;
use object_store::ObjectStoreExt;
use serde::{Deserialize, Serialize};

use super::events::Told;
use super::http::Download;
use super::origin::Origin;
use super::spool::Spool;

/// By what an origin tells one content of a file from another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub e_tag: Option<String>,
    pub last_modified: Option<String>,
    pub bytes: Option<u64>,
}

impl Mark {
    /// Whether it tells that the content is the same; a size alone does not.
    pub fn is_same(&self, other: &Self) -> bool {
        let tells = self.e_tag.is_some() || self.last_modified.is_some();
        tells && self == other
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// It is what was there before.
    Unchanged,
    /// All of it is on the disk.
    New(Mark),
}

/// What servers are spoken to with.
#[derive(Debug, Clone)]
pub struct Means {
    pub http: reqwest::Client,
    /// Instead of the user's own `ssh_config`.
    pub ssh_config: Option<PathBuf>,
}

/// Fetches a file to `to`, unless it is still the one that `known` tells of.
pub async fn fetch(
    means: &Means,
    origin: &Origin,
    to: &Path,
    known: Option<&Mark>,
    told: &Told<'_>,
) -> Result<Fetched> {
    match origin {
        Origin::Store(location) => copy(location, to, known, told).await,
        Origin::Sftp(file) => file.fetch(to, means.ssh_config.as_deref(), told).await,
        Origin::Http(url) => {
            let download = Download {
                client: &means.http,
                url,
                origin,
                known,
                told,
            };
            download.run(to).await
        }
    }
}

/// The store repeats what fails on its own.
async fn copy(
    location: &Location,
    to: &Path,
    known: Option<&Mark>,
    told: &Told<'_>,
) -> Result<Fetched> {
    let store = store::open(location)?;
    let failed = |cause: object_store::Error| store.failure("read", location.path(), &cause);
    let found = store.objects().get(location.path()).await.map_err(failed)?;
    let mark = Mark {
        e_tag: found.meta.e_tag.clone(),
        last_modified: Some(found.meta.last_modified.to_rfc3339()),
        bytes: Some(found.meta.size),
    };
    if known.is_some_and(|known| mark.is_same(known)) {
        return Ok(Fetched::Unchanged);
    }
    let mut spool = Spool::create(to).await?;
    told.begun(mark.bytes);
    let mut stream = found.into_stream();
    while let Some(piece) = stream.try_next().await.map_err(failed)? {
        spool.append(&piece).await?;
        told.fetched(spool.bytes());
    }
    spool.finish().await?;
    if mark.bytes != Some(spool.bytes()) {
        let cause = "it changed while it was read";
        return Err(Error::new(Kind::Retryable, "read", location, cause).hint("run it again"));
    }
    Ok(Fetched::New(mark))
}

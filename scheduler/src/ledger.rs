//! The ledger: one object per run in a folder or a bucket, so that a scheduler that comes back, on
//! this host or another, knows what it was doing.

use bytes::Bytes;
use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::store::{self, Expect, Location, PutOutcome, Store};
use cinemill_jobs::api::{Run, SubmitRun};
use cinemill_jobs::run::check_run_id;
use dashmap::DashMap;
use futures::{FutureExt, StreamExt, TryStreamExt};
use object_store::ObjectMeta;
use serde::{Deserialize, Serialize};

use crate::claim::Claim;

const RUNS: &str = "runs";
/// How many entries are read side by side.
const PARALLEL_READS: usize = 16;

/// A run as written down. Later versions may add to it, and read what earlier ones wrote.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    pub run: Run,
    /// All that is needed to drive the run; `None` in entries of earlier versions.
    #[serde(default)]
    pub submission: Option<SubmitRun>,
    /// How many vcores the executors had together when it began.
    #[serde(default)]
    pub vcores: u32,
    /// How many schedulers died while it went on.
    #[serde(default)]
    pub crashes: u32,
    /// The scheduler before stopped in an orderly way and left the run to the next one.
    #[serde(default)]
    pub left: bool,
    /// A scheduler took the run up that did not begin it.
    #[serde(default)]
    pub taken_up: bool,
}

/// The ledger of one scheduler.
pub struct Ledger {
    place: Location,
    store: Store,
    /// What this scheduler last wrote or read of each run.
    versions: DashMap<String, Expect>,
    claim: Claim,
}

impl Ledger {
    /// Opens the ledger for this scheduler alone. `address` is where others find it.
    pub async fn open(place: Location, address: &str) -> Result<Self> {
        let store = store::open(&place)?;
        let claim = Claim::take(&place, &store, address).await?;
        Ok(Self {
            place,
            store,
            versions: DashMap::new(),
            claim,
        })
    }

    /// All entries, oldest first. What cannot be understood is logged and left alone.
    ///
    /// # Errors
    /// Where the store does not answer: a run that is overlooked would never go on.
    pub async fn read(&self) -> Result<Vec<Entry>> {
        let folder = self.place.join(RUNS);
        let mut found = self.store.list(folder.path()).await?;
        found.retain(|meta| {
            let name = meta.location.filename().unwrap_or_default();
            !name.starts_with('.') && name.ends_with(".json")
        });
        let reads: Vec<_> = found
            .iter()
            .map(|meta| self.read_entry(meta).boxed())
            .collect();
        let entries: Vec<Option<Entry>> = futures::stream::iter(reads)
            .buffer_unordered(PARALLEL_READS)
            .try_collect()
            .await?;
        let mut entries: Vec<Entry> = entries.into_iter().flatten().collect();
        entries.sort_by_key(|entry| entry.run.submitted_at);
        Ok(entries)
    }

    async fn read_entry(&self, meta: &ObjectMeta) -> Result<Option<Entry>> {
        let Some((bytes, meta)) = self.store.read(&meta.location).await? else {
            return Ok(None);
        };
        let name = meta.location.filename().unwrap_or_default();
        let run_id = name.trim_end_matches(".json").to_owned();
        self.versions.insert(run_id, Expect::found(Some(&meta)));
        let entry = serde_json::from_slice(&bytes);
        Ok(entry
            .inspect_err(|cause| {
                tracing::warn!(entry = %meta.location, %cause, "ledger entry skipped");
            })
            .ok())
    }

    /// Writes a run's state down; a crash leaves the old entry or the new one.
    pub async fn write(&self, entry: &Entry) -> Result<()> {
        let run_id = &entry.run.run_id;
        check_run_id(run_id)?;
        let path = self.place.join(&format!("{RUNS}/{run_id}.json"));
        let lost = || {
            let cause = "another scheduler has taken the ledger over";
            Error::new(Kind::Unreachable, "write ledger", &path, cause)
        };
        let json = serde_json::to_vec_pretty(entry)
            .map_err(|cause| Error::new(Kind::Retryable, "write ledger", &path, cause))?;
        for _ in 0..2 {
            let known = self.versions.get(run_id).map(|version| version.clone());
            let expect = known.unwrap_or(Expect::Absent);
            let write = self
                .store
                .write_if(path.path(), Bytes::from(json.clone()), &expect);
            if let PutOutcome::Written(version) = write.await? {
                self.versions.insert(run_id.clone(), version);
                return Ok(());
            }
            if !self.claim.is_ours().await? {
                return Err(lost());
            }
            // Our own is there: a write to which the store gave no answer.
            let found = self.store.read(path.path()).await?;
            let version = Expect::found(found.as_ref().map(|(_, meta)| meta));
            self.versions.insert(run_id.clone(), version);
        }
        Err(lost())
    }

    /// Returns when another scheduler has taken the ledger over: this one must write no more.
    pub async fn lost(&self) -> Error {
        self.claim.lost().await;
        let cause = "another scheduler has taken it over";
        Error::new(Kind::Final, "keep ledger", &self.place, cause)
            .hint("the runs go on there; give each scheduler a --state-dir of its own")
    }

    /// Gives the ledger back.
    pub async fn close(&self) {
        self.claim.release().await;
    }
}

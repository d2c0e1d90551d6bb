//! The right to use a ledger: one scheduler at a time.
//!
//! On a disk it is a lock, which the kernel frees when the process ends. In a bucket it is an object
//! that the scheduler renews. A newcomer takes it over once it has not changed for
//! [`CLAIM_EXPIRY`]; by the newcomer's own clock, so that clocks need not agree.

use std::fs::{File, TryLockError};
use std::path::Path as FilePath;
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::store::{Expect, Location, PutOutcome, Store};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

/// How often a claim in a bucket is renewed.
const CLAIM_RENEWAL: Duration = Duration::from_secs(5);
/// A claim that was not renewed for so long belongs to a dead scheduler.
const CLAIM_EXPIRY: Duration = Duration::from_secs(20);
/// How often somebody else's claim is looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

const LOCK: &str = "lock";
const CLAIM: &str = "scheduler.json";

/// Held for as long as this scheduler may write to the ledger.
pub enum Claim {
    Locked { _lock: File },
    Leased(Lease),
}

/// A claim in a bucket, and the task that renews it.
pub struct Lease {
    store: Store,
    /// Of the object.
    place: Location,
    id: String,
    lost: CancellationToken,
    stop: CancellationToken,
    stopped: CancellationToken,
}

/// The claim as an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Holder {
    /// A new one with each process.
    id: String,
    /// Where executors reach the scheduler.
    address: String,
    renewed_at: DateTime<Utc>,
    /// Given back by a scheduler that stopped.
    #[serde(default)]
    released: bool,
}

impl Claim {
    /// Takes the ledger, from a dead scheduler if need be.
    ///
    /// # Errors
    /// `Final` where a living scheduler has it; after [`CLAIM_EXPIRY`] at the latest.
    pub async fn take(ledger: &Location, store: &Store, address: &str) -> Result<Self> {
        match store.file_path(ledger.path()) {
            Some(folder) => lock(&folder).map(|lock| Self::Locked { _lock: lock }),
            None => lease(ledger, store, address).await.map(Self::Leased),
        }
    }

    /// Returns when another scheduler has taken the ledger over.
    pub async fn lost(&self) {
        match self {
            Self::Locked { .. } => std::future::pending().await,
            Self::Leased(lease) => lease.lost.cancelled().await,
        }
    }

    /// Whether the ledger is still this scheduler's, by asking the store.
    pub async fn is_ours(&self) -> Result<bool> {
        match self {
            Self::Locked { .. } => Ok(true),
            Self::Leased(lease) => {
                let (found, _) = read(&lease.store, &lease.place).await?;
                Ok(found.is_some_and(|holder| holder.id == lease.id))
            }
        }
    }

    /// Gives the ledger back, so that the next scheduler need not wait.
    pub async fn release(&self) {
        if let Self::Leased(lease) = self {
            lease.stop.cancel();
            lease.stopped.cancelled().await;
        }
    }
}

fn in_use(ledger: impl std::fmt::Display, who: &str) -> Error {
    let cause = format!("{who} uses it");
    Error::new(Kind::Final, "open ledger", ledger, cause)
        .hint("give each scheduler a --state-dir of its own")
}

fn lock(folder: &FilePath) -> Result<File> {
    let failed = |cause: &dyn std::fmt::Display| {
        Error::new(Kind::Final, "open ledger", folder.display(), cause)
            .hint("give a folder that this user may write to with --state-dir")
    };
    std::fs::create_dir_all(folder).map_err(|cause| failed(&cause))?;
    let path = folder.join(LOCK);
    let opened = File::options().create(true).append(true).open(path);
    let lock = opened.map_err(|cause| failed(&cause))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(in_use(folder.display(), "another scheduler")),
        Err(TryLockError::Error(cause)) => Err(failed(&cause)),
    }
}

async fn lease(ledger: &Location, store: &Store, address: &str) -> Result<Lease> {
    let id = uuid::Uuid::new_v4().simple().to_string();
    let place = ledger.join(CLAIM);
    let mut slot = Slot {
        ledger: ledger.clone(),
        store: store.clone(),
        place: place.clone(),
        holder: Holder {
            id: id.clone(),
            address: address.to_owned(),
            renewed_at: Utc::now(),
            released: false,
        },
        version: Expect::Absent,
    };
    slot.win().await?;
    let lease = Lease {
        store: store.clone(),
        place,
        id,
        lost: CancellationToken::new(),
        stop: CancellationToken::new(),
        stopped: CancellationToken::new(),
    };
    let (lost, stop) = (lease.lost.clone(), lease.stop.clone());
    let stopped = lease.stopped.clone().drop_guard();
    tokio::spawn(async move {
        slot.keep(lost, stop).await;
        drop(stopped);
    });
    Ok(lease)
}

/// The object that holds the claim, as this scheduler sees it.
struct Slot {
    ledger: Location,
    store: Store,
    place: Location,
    holder: Holder,
    version: Expect,
}

impl Slot {
    /// Waits until the claim is free or has expired, and takes it.
    async fn win(&mut self) -> Result<()> {
        let mut watched: Option<(Expect, Instant)> = None;
        loop {
            let (found, version) = self.read().await?;
            let held = found.filter(|holder| !holder.released);
            if let Some(holder) = &held {
                match &watched {
                    None => {
                        let (address, renewed_at) = (&holder.address, holder.renewed_at);
                        tracing::warn!(ledger = %self.ledger, scheduler = address, %renewed_at,
                            "another scheduler has this ledger; waiting up to {} s to see whether \
                             it lives", CLAIM_EXPIRY.as_secs());
                        watched = Some((version.clone(), Instant::now()));
                    }
                    Some((seen, _)) if *seen != version => {
                        let who = format!("the scheduler at {}", holder.address);
                        return Err(in_use(&self.ledger, &who));
                    }
                    Some(_) => {}
                }
            }
            let expired = watched
                .as_ref()
                .is_some_and(|(_, since)| since.elapsed() > CLAIM_EXPIRY);
            if held.is_none() || expired {
                self.version = version;
                if self.write().await? {
                    return Ok(());
                }
                // A third scheduler was faster.
                watched = None;
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// Renews the claim until it is to be given back or is lost.
    async fn keep(mut self, lost: CancellationToken, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(CLAIM_RENEWAL) => {}
                () = stop.cancelled() => {
                    self.holder.released = true;
                }
            }
            match self.renew().await {
                Ok(true) => {}
                Ok(false) => {
                    lost.cancel();
                    return;
                }
                Err(error) => tracing::warn!(%error, "could not renew the claim on the ledger"),
            }
            if self.holder.released {
                return;
            }
        }
    }

    /// False where the claim is somebody else's by now.
    async fn renew(&mut self) -> Result<bool> {
        self.holder.renewed_at = Utc::now();
        if self.write().await? {
            return Ok(true);
        }
        // It may be our own that is there: a write to which the store gave no answer.
        let (found, version) = self.read().await?;
        if found.is_none_or(|found| found.id != self.holder.id) {
            return Ok(false);
        }
        self.version = version;
        self.write().await
    }

    async fn read(&self) -> Result<(Option<Holder>, Expect)> {
        read(&self.store, &self.place).await
    }

    /// False where somebody else wrote in between.
    async fn write(&mut self) -> Result<bool> {
        let path = self.place.path();
        let json = serde_json::to_vec_pretty(&self.holder)
            .map_err(|cause| Error::new(Kind::Final, "write", path, cause))?;
        let write = self.store.write_if(path, Bytes::from(json), &self.version);
        match write.await? {
            PutOutcome::Written(version) => {
                self.version = version;
                Ok(true)
            }
            PutOutcome::Conflict => Ok(false),
        }
    }
}

async fn read(store: &Store, place: &Location) -> Result<(Option<Holder>, Expect)> {
    let Some((bytes, meta)) = store.read(place.path()).await? else {
        return Ok((None, Expect::Absent));
    };
    let holder = serde_json::from_slice(&bytes)
        .map_err(|cause| Error::new(Kind::Final, "read", place, cause))?;
    Ok((Some(holder), Expect::found(Some(&meta))))
}

//! Run records (`_runs/<run id>.json`): what became of a run, and who drives it now.
//!
//! The record of a running run is a lease: its driver renews it, so that a second process with the
//! same run id can tell a live driver from a dead one.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::alive::{self, Alive, Lock};
use super::manifest::Manifest;
use super::sweep::Undo;
use super::{RUNS, Table};
use crate::error::{Error, Kind, Result};
use crate::store::{Expect, PutOutcome};

/// How often a driver renews its lease.
pub const LEASE_RENEWAL: Duration = Duration::from_secs(5);
/// A lease this old belongs to a dead driver.
const LEASE_EXPIRY: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

/// One run, as its output remembers it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    pub run_id: String,
    pub job: String,
    pub state: RunState,
    /// How many times a driver took the run up.
    pub attempt: u32,
    /// Attempts up to this one were given up by a clean-up: they may not commit any more.
    #[serde(default)]
    pub given_up: u32,
    /// The driver's own id; changes with each process that takes the run up.
    pub driver: String,
    pub started_at: DateTime<Utc>,
    /// While running: when the driver last said that it lives.
    pub updated_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
    /// Figures of the finished run (rows, files, rejects by file and reason, …).
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub summary: serde_json::Value,
}

/// The right to drive a run.
#[derive(Debug)]
pub struct Lease {
    table: Table,
    record: RunRecord,
    version: Expect,
    /// Held, not read: see [`super::alive`].
    _alive: Option<Lock>,
}

/// What asking for a lease may give.
#[derive(Debug)]
pub enum LeaseOutcome {
    Granted(Lease),
    /// The run was completed before; nothing is left to do.
    Done(RunRecord),
    /// Another driver is at it.
    Busy(RunRecord),
}

impl Table {
    /// The record of a run; `None` for a run that this table never saw.
    pub async fn run_record(&self, run_id: &str) -> Result<Option<RunRecord>> {
        Ok(read(self, run_id).await?.map(|(record, _)| record))
    }

    /// The records of all runs that this table saw, the oldest first.
    pub async fn run_records(&self) -> Result<Vec<RunRecord>> {
        let folder = self.location.join(RUNS);
        let mut records = Vec::new();
        for object in self.store.list(folder.path()).await? {
            let Some((bytes, _)) = self.store.read(&object.location).await? else {
                continue;
            };
            // What is not a record lies there too: locks and leftovers.
            if let Ok(record) = serde_json::from_slice::<RunRecord>(&bytes) {
                records.push(record);
            }
        }
        records.sort_by_key(|record| record.started_at);
        Ok(records)
    }

    /// Asks for the right to drive a run, as a fresh one or after a failed or dead attempt.
    pub async fn lease(&self, run_id: &str, job: &str) -> Result<LeaseOutcome> {
        let found = read(self, run_id).await?;
        if let Some((record, _)) = &found
            && record.state == RunState::Succeeded
        {
            return Ok(LeaseOutcome::Done(record.clone()));
        }
        let fresh = RunRecord {
            run_id: run_id.to_owned(),
            job: job.to_owned(),
            state: RunState::Running,
            attempt: found.as_ref().map_or(1, |(record, _)| record.attempt + 1),
            given_up: found.as_ref().map_or(0, |(record, _)| record.given_up),
            driver: uuid::Uuid::new_v4().simple().to_string(),
            started_at: Utc::now(),
            updated_at: Utc::now(),
            error: None,
            summary: serde_json::Value::Null,
        };
        let before = found.as_ref().map(|(record, _)| record.clone());
        let lock = match alive::take(self, run_id)? {
            Alive::Theirs => return Ok(LeaseOutcome::Busy(before.unwrap_or(fresh))),
            // In a bucket the record's age is all there is to go by.
            Alive::Ours(None) if !self.is_dead(run_id).await? => {
                return Ok(LeaseOutcome::Busy(before.unwrap_or(fresh)));
            }
            Alive::Ours(lock) => lock,
        };
        // Asked only now that no living driver can be between its commit and its record.
        let current = self.current().await?;
        if current.is_some_and(|snapshot| snapshot.manifest.knows(run_id)) {
            // What its driver did not come to.
            self.recover(run_id).await?;
            self.undo(Undo::of(run_id)).await?;
            alive::unmark(self, run_id).await?;
            return self.settle_committed(before.unwrap_or(fresh), found).await;
        }
        let expect = found.map_or(Expect::Absent, |(_, version)| version);
        // A driver that came and went since the record was read shows as a conflict.
        match write(self, &fresh, &expect).await? {
            PutOutcome::Written(version) => {
                alive::mark(self, run_id).await?;
                Ok(LeaseOutcome::Granted(Lease {
                    table: self.clone(),
                    record: fresh,
                    version,
                    _alive: lock,
                }))
            }
            PutOutcome::Conflict => Ok(LeaseOutcome::Busy(before.unwrap_or(fresh))),
        }
    }

    /// The commit happened, but its driver died before it could write so.
    async fn settle_committed(
        &self,
        mut record: RunRecord,
        found: Option<(RunRecord, Expect)>,
    ) -> Result<LeaseOutcome> {
        record.state = RunState::Succeeded;
        record.updated_at = Utc::now();
        record.error = None;
        let expect = found.map_or(Expect::Absent, |(_, version)| version);
        Ok(match write(self, &record, &expect).await? {
            PutOutcome::Written(_) => LeaseOutcome::Done(record),
            // Somebody else settled it; to be asked again.
            PutOutcome::Conflict => LeaseOutcome::Busy(record),
        })
    }
}

impl Lease {
    pub fn attempt(&self) -> u32 {
        self.record.attempt
    }

    /// Says that the driver lives. An error means that it must stop: another driver took over.
    pub async fn renew(&mut self) -> Result<()> {
        self.record.updated_at = Utc::now();
        self.store().await
    }

    /// Writes how the run ended, and gives the lease back.
    pub async fn finish(
        mut self,
        state: RunState,
        error: Option<Error>,
        summary: serde_json::Value,
    ) -> Result<RunRecord> {
        self.record.state = state;
        self.record.updated_at = Utc::now();
        self.record.error = error;
        self.record.summary = summary;
        self.store().await?;
        alive::unmark(&self.table, &self.record.run_id).await?;
        Ok(self.record)
    }

    async fn store(&mut self) -> Result<()> {
        loop {
            match write(&self.table, &self.record, &self.version).await? {
                PutOutcome::Written(version) => {
                    self.version = version;
                    return Ok(());
                }
                PutOutcome::Conflict => self.version = self.own_version().await?,
            }
        }
    }

    /// What is there in place of what was expected may be our own: a write that arrived although
    /// the store gave no answer to it.
    async fn own_version(&self) -> Result<Expect> {
        match read(&self.table, &self.record.run_id).await? {
            Some((there, version))
                if there.driver == self.record.driver && there.state == RunState::Running =>
            {
                Ok(version)
            }
            _ => Err(Error::new(
                Kind::Final,
                "keep driving run",
                &self.record.run_id,
                "another process took it over",
            )),
        }
    }
}

/// Writes what became of a run that still stands as running although its driver is dead.
pub(super) async fn settle(table: &Table, run_id: &str, current: Option<&Manifest>) -> Result<()> {
    let Some((mut record, version)) = read(table, run_id).await? else {
        return Ok(());
    };
    // In a bucket no lock keeps a new driver from taking the run up meanwhile.
    let is_taken_up = !table.location().is_local() && !is_expired(&record);
    if record.state != RunState::Running || is_taken_up {
        return Ok(());
    }
    record.updated_at = Utc::now();
    if current.is_some_and(|manifest| manifest.knows(run_id)) {
        record.state = RunState::Succeeded;
    } else {
        let error = Error::new(Kind::Retryable, "run", &record.job, "its driver died");
        record.state = RunState::Failed;
        record.error = Some(error.hint("submit it again"));
    }
    // A conflict means that somebody else wrote what became of it, or took it up.
    write(table, &record, &version).await?;
    Ok(())
}

/// Keeps what a dead driver began from ever being committed, should it not be dead after all: a
/// driver looks here before it replaces the manifest. False where the run was taken up again.
pub(super) async fn give_up(table: &Table, run_id: &str) -> Result<bool> {
    let Some((mut record, version)) = read(table, run_id).await? else {
        return Ok(true);
    };
    if record.state == RunState::Running && !is_expired(&record) {
        return Ok(false);
    }
    record.given_up = record.attempt;
    let written = write(table, &record, &version).await?;
    Ok(written != PutOutcome::Conflict)
}

pub(super) fn is_expired(record: &RunRecord) -> bool {
    let age = Utc::now() - record.updated_at;
    age.to_std().is_ok_and(|age| age > LEASE_EXPIRY)
}

fn place(table: &Table, run_id: &str) -> object_store::path::Path {
    table.path(&format!("{RUNS}/{run_id}.json"))
}

async fn read(table: &Table, run_id: &str) -> Result<Option<(RunRecord, Expect)>> {
    let path = place(table, run_id);
    let Some((bytes, meta)) = table.store().read(&path).await? else {
        return Ok(None);
    };
    let record = serde_json::from_slice(&bytes)
        .map_err(|cause| Error::new(Kind::Final, "read run record", &path, cause))?;
    Ok(Some((record, Expect::found(Some(&meta)))))
}

async fn write(table: &Table, record: &RunRecord, expect: &Expect) -> Result<PutOutcome> {
    let path = place(table, &record.run_id);
    let json = serde_json::to_vec_pretty(record)
        .map_err(|cause| Error::new(Kind::Final, "write run record", &path, cause))?;
    table
        .store()
        .write_if(&path, Bytes::from(json), expect)
        .await
}

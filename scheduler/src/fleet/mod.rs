//! The executors: how many, what they do, and how they leave.

mod drain;
mod executors;
mod needs;
mod routes;
mod signals;

use std::sync::Arc;

use ballista_core::JobId;
use ballista_scheduler::cluster::JobState;
use dashmap::DashMap;

use crate::server::Scheduler;
use crate::slots::{Departure, Leaving, SlotState};

pub use self::routes::{openapi, routes};

/// The executors of one scheduler. Cheap to clone.
#[derive(Clone)]
pub struct Fleet {
    scheduler: Scheduler,
    slots: Arc<SlotState>,
    jobs: Arc<dyn JobState>,
    /// Jobs whose results are not fetched yet.
    held: Arc<DashMap<JobId, ()>>,
}

/// A job whose results are needed on its executors, for as long as this value lives.
pub struct Held {
    held: Arc<DashMap<JobId, ()>>,
    job: JobId,
}

impl Fleet {
    pub fn new(scheduler: Scheduler, slots: Arc<SlotState>, jobs: Arc<dyn JobState>) -> Self {
        Self {
            scheduler,
            slots,
            jobs,
            held: Arc::default(),
        }
    }

    /// No executor that drains leaves with results of the job until the answer is dropped.
    #[must_use]
    pub fn hold(&self, job: &JobId) -> Held {
        self.held.insert(job.clone(), ());
        Held {
            held: self.held.clone(),
            job: job.clone(),
        }
    }

    /// Whether an executor takes no more tasks.
    pub fn is_leaving(&self, executor: &str) -> bool {
        self.slots.leaving.get(executor).is_some()
    }

    /// Whether an executor that is gone left with nothing that anybody needs, so that its absence
    /// is no loss.
    pub fn left_clean(&self, executor: &str) -> bool {
        let clean = Departure::Clean;
        matches!(self.slots.leaving.get(executor),
            Some(Leaving::Left { departure, .. }) if departure == clean)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.held.remove(&self.job);
    }
}

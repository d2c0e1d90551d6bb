//! What a run used, for whoever pays for it.

use std::sync::{Arc, Mutex};

use cinemill_engine::store::Requests;
use datafusion::physical_plan::ExecutionPlan;
use serde::{Deserialize, Serialize};

/// Machine time and requests of one run, also of what had to be done again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// How long its tasks had task slots, summed up, in seconds. In one process all cores count, for
    /// as long as a plan is executed.
    pub slot_seconds: f64,
    /// GET and HEAD requests to buckets, every try counted.
    pub s3_reads: u64,
    /// PUT, POST and LIST requests.
    pub s3_writes: u64,
}

/// Adds up what the plans of a run use.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Mutex<Usage>>);

impl Meter {
    pub fn add(&self, more: Usage) {
        if let Ok(mut usage) = self.0.lock() {
            usage.slot_seconds += more.slot_seconds;
            usage.s3_reads += more.s3_reads;
            usage.s3_writes += more.s3_writes;
        }
    }

    /// All that was added, and what the driver itself sent.
    pub fn with(&self, driver: &Requests) -> Usage {
        let mut usage = self.0.lock().map(|usage| *usage).unwrap_or_default();
        let (reads, writes) = driver.sent();
        usage.s3_reads += reads;
        usage.s3_writes += writes;
        usage
    }
}

/// Requests that the operators of an executed plan noted, as reads and writes.
pub fn requests_of(plan: &dyn ExecutionPlan) -> (u64, u64) {
    let own = plan.metrics().map(|metrics| Requests::noted(&metrics));
    let below = plan
        .children()
        .into_iter()
        .map(|child| requests_of(child.as_ref()));
    own.into_iter()
        .chain(below)
        .fold((0, 0), |sum, more| (sum.0 + more.0, sum.1 + more.1))
}

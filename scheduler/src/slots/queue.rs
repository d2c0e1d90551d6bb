//! The runs that may want slots: which queue each is in, and since when.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use cinemill_jobs::run::{DEFAULT_QUEUE, RunRequest};
use dashmap::DashMap;

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub queue: String,
    /// Slots that the run may have at most.
    pub max_slots: Option<u32>,
    pub submitted_at: DateTime<Utc>,
}

impl Place {
    pub fn of(request: &RunRequest, submitted_at: DateTime<Utc>) -> Self {
        let options = &request.options;
        Self {
            queue: options
                .queue
                .clone()
                .unwrap_or_else(|| DEFAULT_QUEUE.to_owned()),
            max_slots: options.max_slots,
            submitted_at,
        }
    }

    /// The place of a job that no run of the service submitted.
    pub fn unknown(started_at: DateTime<Utc>) -> Self {
        Self {
            queue: DEFAULT_QUEUE.to_owned(),
            max_slots: None,
            submitted_at: started_at,
        }
    }
}

/// All runs that go on. Ballista's jobs find theirs by name, see [`job_name`].
#[derive(Debug, Default)]
pub struct RunQueue {
    places: DashMap<String, Place>,
}

impl RunQueue {
    /// The run keeps its place until the answer is dropped.
    #[must_use]
    pub fn enter(self: &Arc<Self>, run_id: &str, place: Place) -> Entered {
        self.places.insert(run_id.to_owned(), place);
        Entered {
            queue: self.clone(),
            run_id: run_id.to_owned(),
        }
    }

    /// All runs that go on, with their places.
    pub fn places(&self) -> Vec<(String, Place)> {
        let pair = |entry: dashmap::mapref::multiple::RefMulti<'_, String, Place>| {
            (entry.key().clone(), entry.value().clone())
        };
        self.places.iter().map(pair).collect()
    }
}

/// A run that goes on, for as long as this value lives.
#[derive(Debug)]
pub struct Entered {
    queue: Arc<RunQueue>,
    run_id: String,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.queue.places.remove(&self.run_id);
    }
}

/// The name of a Ballista job, from which the scheduler knows the run that it belongs to.
pub fn job_name(run_id: &str, phase: &str) -> String {
    format!("{run_id}: {phase}")
}

/// The run that a Ballista job belongs to. Run ids hold no colon.
pub fn run_of(job_name: &str) -> &str {
    job_name.split_once(": ").map_or(job_name, |(run, _)| run)
}

//! What runs and what waits, as the graphs of Ballista's jobs say.

use std::collections::HashMap;

use ballista_core::serde::protobuf::task_status::Status;
use ballista_scheduler::state::execution_graph::ExecutionGraph;
use ballista_scheduler::state::execution_stage::{ExecutionStage, RunningStage};
use chrono::{DateTime, Utc};

use super::bind::pending_slots;
use super::fair::Claim;
use super::queue::Place;

/// What one Ballista job has and waits for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Demand {
    /// Slots that run tasks, by executor.
    pub running: HashMap<String, u32>,
    /// Slots that waiting tasks would take.
    pub pending: u32,
    /// Since when the oldest of them waits, in milliseconds of the Unix epoch.
    pub pending_since_ms: Option<u128>,
}

impl Demand {
    pub fn of(graph: &dyn ExecutionGraph) -> Self {
        let mut demand = Self::default();
        for stage in graph.stages().values() {
            if let ExecutionStage::Running(stage) = stage {
                demand.add(stage);
            }
        }
        demand
    }

    fn add(&mut self, stage: &RunningStage) {
        for task in &stage.task_infos {
            if let Status::Running(running) = &task.task_status {
                let slots = self.running.entry(running.executor_id.clone()).or_default();
                *slots += task.vcores_consumed;
            }
        }
        let pending = pending_slots(stage);
        if pending > 0 {
            self.pending += pending;
            let since = stage.stage_running_time;
            let before = self.pending_since_ms.unwrap_or(since);
            self.pending_since_ms = Some(since.min(before));
        }
    }

    pub fn running_slots(&self) -> u32 {
        self.running.values().sum()
    }
}

/// What one run has and waits for, over all of its jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDemand {
    pub run_id: String,
    pub place: Place,
    pub running: u32,
    pub pending: u32,
    /// Since when the oldest waiting task waits.
    pub pending_since: Option<DateTime<Utc>>,
    /// Whether a job of the run is with Ballista.
    pub has_job: bool,
}

impl RunDemand {
    pub fn new(run_id: String, place: Place) -> Self {
        Self {
            run_id,
            place,
            running: 0,
            pending: 0,
            pending_since: None,
            has_job: false,
        }
    }

    pub fn add(&mut self, demand: &Demand) {
        self.has_job = true;
        self.running += demand.running_slots();
        self.pending += demand.pending;
        let since = demand.pending_since_ms.and_then(|since| {
            DateTime::from_timestamp_millis(i64::try_from(since).unwrap_or(i64::MAX))
        });
        self.pending_since = self.pending_since.into_iter().chain(since).min();
    }

    pub fn claim(&self) -> Claim {
        Claim {
            queue: self.place.queue.clone(),
            submitted_at: self.place.submitted_at,
            running: self.running,
            pending: self.pending,
            max_slots: self.place.max_slots,
            served: 0,
            queue_served: 0,
        }
    }

    /// All slots that the run could use now, within its cap.
    pub fn wanted(&self) -> u32 {
        self.claim().wanted()
    }
}

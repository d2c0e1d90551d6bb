//! The documents about executors and slots, shared by the service and its client.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Seconds that a drain may take where nobody says otherwise.
pub const DRAIN_DEADLINE_S: u64 = 120;

/// One executor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Executor {
    pub id: String,
    pub host: String,
    /// Where it serves shuffle files.
    pub port: u16,
    pub state: ExecutorState,
    /// How many tasks it runs side by side.
    pub slots: u32,
    /// How many of them run a task.
    pub slots_busy: u32,
    /// Resident memory of its process at the last sign of life.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
    /// The most that it said so far.
    #[serde(default)]
    pub memory_peak_bytes: Option<u64>,
    /// Seconds since its last sign of life.
    pub heartbeat_age_s: u64,
}

/// What an executor is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExecutorState {
    /// It takes tasks.
    Active,
    /// It takes no more tasks, and leaves when it is not needed any more.
    Draining,
    /// It ends by itself.
    Terminating,
}

impl ExecutorState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Draining => "draining",
            Self::Terminating => "terminating",
        }
    }
}

/// `POST /v1/executors/{id}/drain`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
pub struct DrainRequest {
    /// Seconds until it leaves even if its tasks or files are needed.
    #[serde(default = "default_deadline_s")]
    pub deadline_s: u64,
}

fn default_deadline_s() -> u64 {
    DRAIN_DEADLINE_S
}

/// How far a drain is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Drain {
    pub executor: String,
    pub state: DrainState,
    /// What it still is needed for.
    #[serde(default)]
    pub waits_for: Option<String>,
    /// Seconds until the deadline.
    pub left_s: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DrainState {
    Draining,
    /// It left with nothing that was needed.
    LeftClean,
    /// It left at the deadline, with tasks or files that were needed.
    LeftWithLoss,
}

/// `GET /v1/slots`: what an autoscaler wants to know. The same as the metrics.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Slots {
    /// Task slots of all executors.
    pub total: u64,
    /// Those of draining executors, which take no more tasks.
    pub draining: u64,
    /// Those that run a task.
    pub busy: u64,
    /// Those that could be busy if there were enough: busy ones, and one for each pending task,
    /// within the caps of the runs.
    pub wanted: u64,
    pub tasks_running: u64,
    pub tasks_pending: u64,
    /// How long the oldest pending task has been waiting, in seconds; 0 where none waits.
    pub oldest_pending_age_s: f64,
    /// How many executors are in each state.
    pub executors: BTreeMap<String, u64>,
    /// How many runs are in each state.
    pub runs: BTreeMap<String, u64>,
    /// Queues with runs that go on, by name.
    pub queues: BTreeMap<String, QueueSlots>,
}

/// One queue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueueSlots {
    /// Runs that go on.
    pub runs: u64,
    pub tasks_running: u64,
    pub tasks_pending: u64,
}

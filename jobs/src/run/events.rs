//! What a run tells while it goes on.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum RunEvent {
    /// The driver began with a part of its work: `plan`, `check keys`,
    /// `checkpoint <relation>`, `check`, `write`, `commit`.
    Phase { name: String },
    /// A piece of the run was lost and is executed again.
    Retry {
        phase: String,
        /// Which execution of the piece failed, from 1.
        attempt: u32,
        cause: String,
    },
    /// How far the stages of the current phase are.
    Progress {
        phase: String,
        stages: Vec<StageProgress>,
    },
}

/// One stage of a distributed plan; embedded, a plan is one stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageProgress {
    pub stage: usize,
    pub tasks: usize,
    pub tasks_done: usize,
}

/// Where a driver's events go.
pub type EventSender = Arc<dyn Fn(RunEvent) + Send + Sync>;

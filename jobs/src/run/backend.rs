//! What executes a plan: this process, or a cluster.

use std::sync::Arc;

use async_trait::async_trait;
use cinemill_engine::error::Result;
use cinemill_engine::session::SessionOptions;
use datafusion::arrow::array::RecordBatch;
use datafusion::execution::SessionState;
use datafusion::physical_plan::ExecutionPlan;
use tokio_util::sync::CancellationToken;

use super::events::EventSender;
use super::usage::Meter;

/// A plan to be executed.
pub struct PhysicalJob {
    /// The run's id, for names and messages.
    pub run_id: String,
    /// `check keys`, `check`, `write`, or `checkpoint <relation>`.
    pub phase: String,
    pub state: SessionState,
    pub plan: Arc<dyn ExecutionPlan>,
    /// Takes what the plan uses.
    pub meter: Meter,
}

/// What came of a plan.
#[derive(Debug, Default)]
pub struct Executed {
    pub rows: Vec<RecordBatch>,
    /// How many partitions it had in the end, each of which was executed once.
    pub partitions: usize,
}

/// What a plan is going to need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// Bytes of input, as stored.
    pub input_bytes: u64,
    /// The plan ran out of memory before.
    pub scarce_memory: bool,
}

#[async_trait]
pub trait Backend: Send + Sync {
    /// Where it executes, for the verdict.
    async fn place(&self) -> String;

    /// How a plan is to be cut.
    async fn session(&self, needs: Needs) -> SessionOptions;

    /// How often a piece of a run may be executed before the run fails: more than once where parts
    /// of the place may die while the driver lives on.
    fn attempts_max(&self) -> u32 {
        1
    }

    /// From how many bytes of input on, unpacked, it would cost too much to do the work over them
    /// again, so that its rows are worth a checkpoint; `None` where nothing outlives the driver.
    async fn checkpoint_bytes(&self) -> Option<u64> {
        None
    }

    /// Executes a plan to its end and returns its rows.
    ///
    /// The place may cut the plan otherwise than it was planned: Ballista turns small joins into
    /// others, of which the partitions follow another side.
    ///
    /// # Errors
    /// The task's own error where it had one; `Cancelled` as soon as `cancel` says so, when
    /// nothing of the plan goes on any more.
    async fn execute(
        &self,
        job: PhysicalJob,
        events: &EventSender,
        cancel: &CancellationToken,
    ) -> Result<Executed>;
}

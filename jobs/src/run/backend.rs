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

/// A plan to be executed.
pub struct PhysicalJob {
    /// The run's id, for names and messages.
    pub run_id: String,
    /// `check keys` or `write`.
    pub phase: String,
    pub state: SessionState,
    pub plan: Arc<dyn ExecutionPlan>,
}

#[async_trait]
pub trait Backend: Send + Sync {
    /// Where it executes, for the verdict.
    async fn place(&self) -> String;

    /// How plans over so many bytes of input are to be cut.
    async fn session(&self, input_bytes: u64) -> SessionOptions;

    /// Executes a plan to its end and returns its rows.
    ///
    /// # Errors
    /// The task's own error where it had one; `Cancelled` as soon as `cancel` says so, when
    /// nothing of the plan goes on any more.
    async fn execute(
        &self,
        job: PhysicalJob,
        events: &EventSender,
        cancel: &CancellationToken,
    ) -> Result<Vec<RecordBatch>>;
}

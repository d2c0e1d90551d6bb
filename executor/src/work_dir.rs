//! The folder of shuffle and spill files, and what becomes of a task when its disk is full.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use ballista_core::JobId;
use ballista_core::serde::protobuf::{
    RuntimeStatsReport, ShuffleWritePartition, TaskColumnStats, WindowStateReport,
};
use ballista_executor::execution_engine::{
    DefaultExecutionEngine, ExecutionEngine, QueryStageExecutor,
};
use cinemill_engine::error::{Error, Result};
use cinemill_engine::scratch::Scratch;
use datafusion::error::Result as TaskResult;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::prelude::SessionConfig;

use crate::clients::Clients;
use crate::protection::Tasks;

/// The start of the name of a process's own folder.
const NAME: &str = "cinemill-executor";

/// A folder of this process's own below the given one, or below that for temporary files. It goes
/// when the value is dropped; what killed executors left there goes now.
pub fn make(given: Option<&Path>) -> Result<Scratch> {
    let common = given.map_or_else(std::env::temp_dir, Path::to_owned);
    Scratch::new(&common, NAME)
}

/// Ballista's own engine, whose tasks are counted and tell which folder is full. Ballista repeats a task that fails
/// with an I/O error; on a full disk that would only fill it again, so here the job fails.
pub struct Engine {
    inner: DefaultExecutionEngine,
    work_dir: PathBuf,
    tasks: Tasks,
}

impl Engine {
    pub fn new(work_dir: PathBuf, tasks: Tasks) -> Self {
        Self {
            inner: DefaultExecutionEngine::with_client_pool(Arc::new(Clients::default())),
            work_dir,
            tasks,
        }
    }
}

impl ExecutionEngine for Engine {
    fn create_query_stage_exec(
        &self,
        job_id: JobId,
        stage_id: usize,
        task_id: usize,
        partitions: Vec<usize>,
        plan: Arc<dyn ExecutionPlan>,
        work_dir: &str,
        config: &SessionConfig,
    ) -> TaskResult<Arc<dyn QueryStageExecutor>> {
        let name = format!("stage {stage_id} of job {job_id}");
        let inner = self.inner.create_query_stage_exec(
            job_id, stage_id, task_id, partitions, plan, work_dir, config,
        )?;
        Ok(Arc::new(Stage {
            inner,
            name,
            work_dir: self.work_dir.clone(),
            tasks: self.tasks.clone(),
        }))
    }
}

#[derive(Debug)]
struct Stage {
    inner: Arc<dyn QueryStageExecutor>,
    name: String,
    work_dir: PathBuf,
    tasks: Tasks,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl QueryStageExecutor for Stage {
    async fn execute_query_stage(
        &self,
        task_id: usize,
        context: Arc<TaskContext>,
    ) -> TaskResult<Vec<ShuffleWritePartition>> {
        let _running = self.tasks.begin();
        let executed = self.inner.execute_query_stage(task_id, context).await;
        executed.map_err(|cause| {
            let action = ("run", self.name.as_str());
            match Error::of_full_disk(&cause, action, &self.work_dir, "--work-dir") {
                Some(full) => full.into_datafusion(),
                None => cause,
            }
        })
    }

    fn collect_plan_metrics(&self) -> Vec<MetricsSet> {
        self.inner.collect_plan_metrics()
    }

    fn collect_runtime_stats_reports(&self) -> Vec<RuntimeStatsReport> {
        self.inner.collect_runtime_stats_reports()
    }

    fn collect_window_state_reports(&self) -> TaskResult<Vec<WindowStateReport>> {
        self.inner.collect_window_state_reports()
    }

    fn collect_column_stats(&self) -> Vec<TaskColumnStats> {
        self.inner.collect_column_stats()
    }
}

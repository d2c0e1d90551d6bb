//! Executes a run's plans as Ballista jobs.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ballista_core::JobId;
use ballista_core::execution_plans::ShuffleReaderExec;
use ballista_core::serde::protobuf::{self, job_status};
use ballista_core::serde::scheduler::PartitionLocation;
use ballista_scheduler::state::execution_stage::ExecutionStage;
use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::session::SessionOptions;
use cinemill_jobs::run::{Backend, EventSender, PhysicalJob, RunEvent, StageProgress};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::physical_plan::{ExecutionPlan, Partitioning};
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;
use tokio_util::sync::CancellationToken;

use crate::fleet::Fleet;
use crate::server::Scheduler;
use crate::slots::job_name;

/// A folder that holds no shuffle files.
const NO_WORK_DIR: &str = "/nonexistent";
/// How often a job is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// How long a run waits for the first executor.
const EXECUTOR_WAIT: Duration = Duration::from_secs(30);
/// How long a task may go on after it was told to stop.
const TASK_STOP_WAIT: Duration = Duration::from_secs(1);
/// How long a cancelled job may take to stop its tasks.
const CANCEL_WAIT: Duration = Duration::from_secs(15);
/// Input bytes per partition of joins and aggregations.
const PARTITION_BYTES: u64 = 64 << 20;
/// More partitions than this cost more in bookkeeping than they gain.
const PARTITIONS_MAX: usize = 4096;

/// The executors that are registered with this process's scheduler.
pub struct ClusterBackend {
    scheduler: Scheduler,
    fleet: Fleet,
    /// How long a job may go on without any task of it ending.
    stall_timeout: Duration,
}

impl ClusterBackend {
    pub fn new(scheduler: Scheduler, fleet: Fleet, stall_timeout: Duration) -> Self {
        Self {
            scheduler,
            fleet,
            stall_timeout,
        }
    }

    /// Ids of the executors that are alive, and how many tasks they run side by side.
    async fn executors(&self) -> (BTreeSet<String>, usize) {
        let state = self
            .scheduler
            .state
            .executor_manager
            .get_executors_state()
            .await;
        let metadata: Vec<_> = state
            .unwrap_or_default()
            .into_iter()
            .map(|(m, ..)| m)
            .collect();
        let vcores = metadata
            .iter()
            .map(|m| m.specification.vcores as usize)
            .sum();
        (metadata.into_iter().map(|m| m.id).collect(), vcores)
    }

    async fn wait_for_executors(&self, cancel: &CancellationToken) -> Result<BTreeSet<String>> {
        let started = Instant::now();
        loop {
            let (executors, _) = self.executors().await;
            if !executors.is_empty() {
                return Ok(executors);
            }
            if started.elapsed() > EXECUTOR_WAIT {
                return Err(Error::new(
                    Kind::Retryable,
                    "run",
                    "the job",
                    "no executor is registered",
                )
                .hint("start executors: `cinemill-executor --scheduler <host:port>`"));
            }
            tokio::select! {
                () = cancel.cancelled() => return Err(cancelled("the job")),
                () = tokio::time::sleep(POLL_INTERVAL) => {}
            }
        }
    }

    async fn status(&self, job: &JobId) -> Result<Option<job_status::Status>> {
        let status = self.scheduler.state.task_manager.get_job_status(job).await;
        let status =
            status.map_err(|cause| Error::new(Kind::Retryable, "watch job", job, cause))?;
        Ok(status.and_then(|status| status.status))
    }

    /// Stops a job and waits until its tasks have stopped, as far as can be seen from here.
    async fn stop(&self, job: &JobId) {
        if let Err(cause) = self.scheduler.cancel_job(job.clone()).await {
            tracing::warn!(%job, %cause, "could not cancel");
            return;
        }
        let started = Instant::now();
        while started.elapsed() < CANCEL_WAIT && self.is_going_on(job).await {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        // Executors are told and do not answer; a task on the way stops at its next await.
        tokio::time::sleep(TASK_STOP_WAIT).await;
    }

    async fn is_going_on(&self, job: &JobId) -> bool {
        use job_status::Status;
        matches!(
            self.status(job).await,
            Ok(Some(Status::Running(_) | Status::Queued(_)))
        )
    }

    async fn progress(&self, job: &JobId) -> Vec<StageProgress> {
        let jobs = self.scheduler.state.task_manager.get_running_job_cache();
        let Some(info) = jobs.get(job) else {
            return Vec::new();
        };
        let graph = info.execution_graph.read().await;
        let mut stages: Vec<_> = graph
            .stages()
            .iter()
            .map(|(id, stage)| stage_progress(*id, stage))
            .collect();
        stages.sort_by_key(|stage| stage.stage);
        stages
    }

    /// Reads the rows that a finished job left on its executors.
    async fn fetch(
        &self,
        job: &PhysicalJob,
        locations: Vec<protobuf::PartitionLocation>,
        schema: SchemaRef,
    ) -> Result<Vec<RecordBatch>> {
        let failed = |cause: &dyn std::fmt::Display| {
            Error::new(
                Kind::Retryable,
                "read the results of run",
                &job.run_id,
                cause,
            )
        };
        let locations: Vec<PartitionLocation> = locations
            .into_iter()
            .map(TryInto::try_into)
            .collect::<Result<_, ballista_core::error::BallistaError>>()
            .map_err(|cause| failed(&cause))?;
        let partitioning = Partitioning::UnknownPartitioning(1);
        let reader = ShuffleReaderExec::try_new(0, vec![locations], schema, partitioning)
            .map_err(|cause| failed(&cause))?;
        let rows = reader
            .with_work_dir(NO_WORK_DIR.to_owned())
            .execute(0, job.state.task_ctx())
            .map_err(|cause| failed(&cause))?;
        rows.try_collect().await.map_err(|cause| failed(&cause))
    }

    /// Submits the plan and waits for its end.
    async fn run(
        &self,
        job: &PhysicalJob,
        events: &EventSender,
        cancel: &CancellationToken,
    ) -> Result<Vec<RecordBatch>> {
        let executors = self.wait_for_executors(cancel).await?;
        let context = Arc::new(SessionContext::new_with_state(job.state.clone()));
        let name = job_name(&job.run_id, &job.phase);
        let id = self
            .scheduler
            .submit_physical_plan(&name, context, job.plan.clone(), None)
            .await
            .map_err(|cause| Error::new(Kind::Retryable, "submit run", &job.run_id, cause))?;
        tracing::info!(run = job.run_id, phase = job.phase, job = %id, "submitted to Ballista");
        let _held = self.fleet.hold(&id);
        let watch = self.watch(job, &id, &executors, events);
        let locations = tokio::select! {
            () = cancel.cancelled() => Err(cancelled(&job.run_id)),
            ended = watch => ended,
        };
        if locations.is_err() {
            self.stop(&id).await;
        }
        self.fetch(job, locations?, job.plan.schema()).await
    }

    /// Waits for a job's end, or for a reason not to wait any longer.
    async fn watch(
        &self,
        job: &PhysicalJob,
        id: &JobId,
        executors: &BTreeSet<String>,
        events: &EventSender,
    ) -> Result<Vec<protobuf::PartitionLocation>> {
        let gave_up = |cause: String| Error::new(Kind::Retryable, "run", &job.run_id, cause);
        let mut seen = Vec::new();
        let mut moved_at = Instant::now();
        loop {
            tokio::time::sleep(POLL_INTERVAL).await;
            match self.status(id).await? {
                Some(job_status::Status::Successful(done)) => return Ok(done.partition_location),
                Some(job_status::Status::Failed(failed)) => {
                    return Err(job_failure(&job.run_id, &failed.error));
                }
                _ => {}
            }
            // Ballista would run the lost tasks again, and may then read rows twice or never end:
            // nothing that its recovery had a part in is published.
            let registered = self.executors().await.0;
            let mut gone = executors.difference(&registered);
            if let Some(lost) = gone.find(|executor| !self.fleet.left_clean(executor)) {
                return Err(gave_up(format!("executor {lost} was lost"))
                    .hint("run it again once the executors are up"));
            }
            let stages = self.progress(id).await;
            if stages != seen {
                moved_at = Instant::now();
                seen.clone_from(&stages);
                events(RunEvent::Progress {
                    phase: job.phase.clone(),
                    stages,
                });
            }
            if moved_at.elapsed() > self.stall_timeout {
                let waited = self.stall_timeout.as_secs();
                return Err(gave_up(format!("no task ended for {waited} seconds"))
                    .hint("look at the executors; --stall-timeout-s sets how long is too long"));
            }
        }
    }
}

#[async_trait]
impl Backend for ClusterBackend {
    async fn place(&self) -> String {
        let executors = self.executors().await.0.len();
        format!(
            "cluster of {executors} {}",
            if executors == 1 {
                "executor"
            } else {
                "executors"
            }
        )
    }

    async fn session(&self, input_bytes: u64) -> SessionOptions {
        let vcores = self.executors().await.1;
        let by_size =
            usize::try_from(input_bytes.div_ceil(PARTITION_BYTES)).unwrap_or(PARTITIONS_MAX);
        SessionOptions {
            partitions: by_size.max(vcores).clamp(1, PARTITIONS_MAX),
            distributed: true,
            memory_bytes: None,
            spill_folder: None,
        }
    }

    async fn execute(
        &self,
        job: PhysicalJob,
        events: &EventSender,
        cancel: &CancellationToken,
    ) -> Result<Vec<RecordBatch>> {
        self.run(&job, events, cancel).await
    }
}

fn cancelled(object: &str) -> Error {
    Error::new(Kind::Cancelled, "run", object, "it was cancelled")
}

/// The error of a job that Ballista gave up.
fn job_failure(run_id: &str, text: &str) -> Error {
    if let Some(error) = Error::from_text(text) {
        return error;
    }
    let passing = [
        "IoError",
        "ObjectStore",
        "ResourcesExhausted",
        "xecutor",
        "transport",
        "timed out",
    ];
    let kind = match passing.iter().any(|word| text.contains(word)) {
        true => Kind::Retryable,
        false => Kind::Final,
    };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    Error::new(kind, "run", run_id, line)
}

fn stage_progress(id: usize, stage: &ExecutionStage) -> StageProgress {
    let (tasks, tasks_done) = match stage {
        ExecutionStage::UnResolved(_) | ExecutionStage::Failed(_) => (0, 0),
        ExecutionStage::Resolved(stage) => (stage.partitions, 0),
        ExecutionStage::Running(stage) => (stage.partitions, stage.successful_tasks()),
        ExecutionStage::Successful(stage) => (stage.partitions, stage.partitions),
    };
    StageProgress {
        stage: id,
        tasks,
        tasks_done,
    }
}

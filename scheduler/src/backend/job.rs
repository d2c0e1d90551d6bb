//! One plan as a Ballista job, from its submission to its end.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ballista_core::JobId;
use ballista_core::serde::protobuf::{self, job_status};
use ballista_scheduler::state::execution_graph::ExecutionGraph;
use ballista_scheduler::state::execution_stage::ExecutionStage;
use cinemill_engine::error::{Error, Kind, Result};
use cinemill_jobs::run::{EventSender, PhysicalJob, RunEvent, StageProgress, Usage};
use datafusion::prelude::SessionContext;

use super::{ClusterBackend, POLL_INTERVAL, books, holders, usage};
use crate::fleet::Held;
use crate::slots::job_name;

/// How long a task may go on after it was told to stop.
const TASK_STOP_WAIT: Duration = Duration::from_secs(1);
/// How long a cancelled job may take to stop its tasks.
const CANCEL_WAIT: Duration = Duration::from_secs(15);
/// How long Ballista may take to write down how a job ended.
const END_WAIT: Duration = Duration::from_secs(10);

pub struct Job<'a> {
    backend: &'a ClusterBackend,
    plan: &'a PhysicalJob,
    id: JobId,
    /// Executors that drain stay while they have its results.
    _held: Held,
}

/// What was seen of a job at one moment.
#[derive(Default)]
struct Look {
    stages: Vec<StageProgress>,
    holders: BTreeSet<String>,
    /// A stage that Ballista has begun to run again.
    again: Option<usize>,
}

impl<'a> Job<'a> {
    pub async fn submit(backend: &'a ClusterBackend, plan: &'a PhysicalJob) -> Result<Self> {
        let context = Arc::new(SessionContext::new_with_state(plan.state.clone()));
        let name = job_name(&plan.run_id, &plan.phase);
        let id = backend
            .scheduler
            .submit_physical_plan(&name, context, plan.plan.clone(), None)
            .await
            .map_err(|cause| Error::new(Kind::Retryable, "submit run", &plan.run_id, cause))?;
        tracing::info!(run = plan.run_id, phase = plan.phase, job = %id, "submitted to Ballista");
        let held = backend.fleet.hold(&id);
        Ok(Self {
            backend,
            plan,
            id,
            _held: held,
        })
    }

    /// Waits for the job's end, or for a reason not to wait any longer; the result is where the
    /// rows lie.
    ///
    /// Ballista 55 runs lost tasks again, and may then read rows twice or never end: nothing that
    /// its recovery had a part in is taken.
    pub async fn watch(&self, events: &EventSender) -> Result<Vec<protobuf::PartitionLocation>> {
        let stall_timeout = self.backend.limits.stall_timeout;
        let mut seen = Look::default();
        let mut moved_at = Instant::now();
        loop {
            tokio::time::sleep(POLL_INTERVAL).await;
            let status = self.status().await?;
            if let Some(job_status::Status::Failed(failed)) = status {
                return Err(failure(&self.plan.run_id, &failed.error));
            }
            // Before success is believed: a lost task may have been done again since the last look.
            let alive = self.backend.executors().await.0;
            // One that drained may have left since the last look, when it was not needed any more.
            let is_lost = |id: &&String| !alive.contains(id) && !self.backend.fleet.left_clean(id);
            if let Some(lost) = seen.holders.iter().find(is_lost) {
                return Err(self.given_up(format!("executor {lost} was lost")));
            }
            if let Some(job_status::Status::Successful(done)) = status {
                self.balance().await?;
                return Ok(done.partition_location);
            }
            let Some(look) = self.look().await else {
                continue;
            };
            if let Some(stage) = look.again {
                return Err(self.given_up(format!("stage {stage} lost rows")));
            }
            if look.stages != seen.stages {
                moved_at = Instant::now();
                events(RunEvent::Progress {
                    phase: self.plan.phase.clone(),
                    stages: look.stages.clone(),
                });
            }
            seen = look;
            if moved_at.elapsed() > stall_timeout {
                let waited = stall_timeout.as_secs();
                return Err(self
                    .given_up(format!("no task ended for {waited} seconds"))
                    .hint("look at the executors; --stall-timeout-s sets how long is too long"));
            }
        }
    }

    fn given_up(&self, cause: String) -> Error {
        Error::new(Kind::Retryable, "run", &self.plan.run_id, cause)
            .hint("run it again once the executors are up")
    }

    async fn status(&self) -> Result<Option<job_status::Status>> {
        let manager = &self.backend.scheduler.state.task_manager;
        let status = manager.get_job_status(&self.id).await;
        let status =
            status.map_err(|cause| Error::new(Kind::Retryable, "watch job", &self.id, cause))?;
        Ok(status.and_then(|status| status.status))
    }

    /// `None` once the job is over.
    async fn look(&self) -> Option<Look> {
        let jobs = self
            .backend
            .scheduler
            .state
            .task_manager
            .get_running_job_cache();
        let graph = jobs.get(&self.id)?.execution_graph.read().await;
        let stages = graph.stages();
        let mut progress: Vec<_> = stages
            .iter()
            .map(|(id, stage)| stage_progress(*id, stage))
            .collect();
        progress.sort_by_key(|stage| stage.stage);
        let again = stages.iter().find(|(_, stage)| attempts(stage) > 0);
        Some(Look {
            stages: progress,
            holders: holders::holders(graph.as_ref()),
            again: again.map(|(id, _)| *id),
        })
    }

    /// Fails where the rows of the ended job do not add up.
    async fn balance(&self) -> Result<()> {
        let graph = self.ended_graph().await?;
        let checked = books::check(graph.as_ref());
        checked.map_err(|cause| {
            let (run, phase) = (&self.plan.run_id, &self.plan.phase);
            tracing::error!(run, phase, job = %self.id, cause, "the books do not balance");
            self.given_up(format!("the books do not balance: {cause}"))
        })
    }

    /// What the job has used so far, as far as Ballista still knows.
    pub async fn usage(&self) -> Usage {
        let tasks = &self.backend.scheduler.state.task_manager;
        let running = tasks
            .get_running_job_cache()
            .get(&self.id)
            .map(|job| job.execution_graph.clone());
        if let Some(graph) = running {
            return usage::of(graph.read().await.as_ref());
        }
        match self.backend.jobs.get_execution_graph(&self.id).await {
            Ok(Some(graph)) => usage::of(graph.as_ref()),
            _ => Usage::default(),
        }
    }

    async fn ended_graph(&self) -> Result<Box<dyn ExecutionGraph + Send + Sync>> {
        let started = Instant::now();
        loop {
            let graph = self.backend.jobs.get_execution_graph(&self.id).await;
            match graph {
                Ok(Some(graph)) => return Ok(graph),
                Ok(None) if started.elapsed() < END_WAIT => {
                    tokio::time::sleep(POLL_INTERVAL).await;
                }
                Ok(None) => return Err(self.given_up("its stages are not known".to_owned())),
                Err(cause) => return Err(self.given_up(cause.to_string())),
            }
        }
    }

    /// Stops the job and waits until its tasks have stopped, as far as can be seen from here.
    pub async fn stop(&self) {
        if let Err(cause) = self.backend.scheduler.cancel_job(self.id.clone()).await {
            tracing::warn!(job = %self.id, %cause, "could not cancel");
            return;
        }
        let started = Instant::now();
        while started.elapsed() < CANCEL_WAIT && self.is_going_on().await {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        // Executors are told and do not answer; a task on the way stops at its next await.
        tokio::time::sleep(TASK_STOP_WAIT).await;
    }

    async fn is_going_on(&self) -> bool {
        use job_status::Status;
        matches!(
            self.status().await,
            Ok(Some(Status::Running(_) | Status::Queued(_)))
        )
    }
}

/// The error of a job that Ballista gave up.
fn failure(run_id: &str, text: &str) -> Error {
    if let Some(error) = Error::from_text(text) {
        return error;
    }
    let passing = [
        // Shuffle files that could not be read, or a task that met passing trouble too often.
        "most recent failure reason",
        "IoError",
        "ObjectStore",
        "FetchPartition",
        "xecutor",
        "transport",
        "timed out",
        // A peer that dies amid its answer; nothing else breaks the format of shuffled rows.
        "IpcError",
        "hyper::Error",
    ];
    let kind = if text.contains("ResourcesExhausted") || text.contains("Resources exhausted") {
        Kind::Memory
    } else if passing.iter().any(|word| text.contains(word)) {
        Kind::Retryable
    } else {
        Kind::Final
    };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    Error::new(kind, "run", run_id, line)
}

/// How often a stage was begun before.
fn attempts(stage: &ExecutionStage) -> usize {
    match stage {
        ExecutionStage::UnResolved(stage) => stage.stage_attempt_num,
        ExecutionStage::Resolved(stage) => stage.stage_attempt_num,
        ExecutionStage::Running(stage) => stage.stage_attempt_num,
        ExecutionStage::Successful(stage) => stage.stage_attempt_num,
        ExecutionStage::Failed(stage) => stage.stage_attempt_num,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ballista_says_tells_whether_another_execution_may_help() {
        let lost = "Job failed due to stage 13 failed: Stage 13 has failed 1 times, most recent \
                    failure reason: \"Failed to open file: No such file or directory\"";
        assert_eq!(failure("r", lost).kind, Kind::Retryable);
        let memory = "Task failed: DataFusionError(ResourcesExhausted(\"Failed to allocate\"))";
        assert_eq!(failure("r", memory).kind, Kind::Memory);
        let wrong = "Task failed: DataFusionError(ArrowError(DivideByZero))";
        assert_eq!(failure("r", wrong).kind, Kind::Final);
        let ours = Error::new(Kind::Input, "read", "a.tsv", "line 3").into_datafusion();
        assert_eq!(
            failure("r", &format!("Job failed: {ours}")).kind,
            Kind::Input
        );
    }

    #[test]
    fn what_a_connection_breaks_is_worth_another_try() {
        let broken = "Job failed due to stage 8 failed: Task failed due to runtime execution error: \
            DataFusionError(Shared(External(ArrowError(IpcError(\"Arrow error: Ipc error: code: \
            'Unknown error', message: \\\"h2 protocol error: error reading a body from \
            connection\\\", source: hyper::Error(Body, Error { kind: Io(Custom { kind: \
            BrokenPipe })\")))))";
        assert_eq!(failure("run", broken).kind, Kind::Retryable);
        assert_eq!(failure("run", "Divide by zero").kind, Kind::Final);
    }
}

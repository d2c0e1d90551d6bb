//! What of an executor is still needed.

use std::fmt;

use ballista_core::JobId;
use ballista_core::serde::protobuf::job_status;
use ballista_scheduler::state::execution_graph::ExecutionGraph;

use super::Fleet;
use crate::backend::holders::holders;

/// What an executor cannot leave without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// Tasks run there.
    Tasks(usize),
    /// A job that goes on has yet to read shuffle files there.
    Files { job: String },
    /// The results of a job that is over may be there, and were not read yet.
    Results { job: String },
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tasks(1) => write!(f, "1 task"),
            Self::Tasks(count) => write!(f, "{count} tasks"),
            Self::Files { job } => write!(f, "shuffle files of job {job}"),
            Self::Results { job } => write!(f, "results of job {job}"),
        }
    }
}

impl Fleet {
    /// The first thing found that the executor is needed for; `None` where it may leave. Only a
    /// draining executor stays in this state, for it gets no more tasks.
    pub async fn needs(&self, executor: &str) -> Option<Need> {
        let _pause = self.slots.pause().await;
        let running = self.scheduler.state.task_manager.get_running_job_cache();
        for (job, info) in running.iter() {
            let graph = info.execution_graph.read().await;
            if let Some(need) = need_of(job, graph.as_ref(), executor) {
                return Some(need);
            }
        }
        let held: Vec<JobId> = self.held.iter().map(|job| job.key().clone()).collect();
        for job in held.iter().filter(|job| !running.contains_key(*job)) {
            if self.holds_results(job, executor).await {
                return Some(Need::Results {
                    job: job.to_string(),
                });
            }
        }
        None
    }

    /// Whether a job that is over has results there. In doubt, as while a job changes its state,
    /// it has.
    async fn holds_results(&self, job: &JobId, executor: &str) -> bool {
        use job_status::Status;
        if let Ok(Some(graph)) = self.jobs.get_execution_graph(job).await {
            let locations = graph.output_locations();
            return graph.is_successful()
                && locations.iter().any(|at| at.executor_meta.id == executor);
        }
        let status = self.jobs.get_job_status(job).await.ok().flatten();
        !matches!(
            status.and_then(|status| status.status),
            Some(Status::Queued(_) | Status::Failed(_))
        )
    }
}

fn need_of(job: &JobId, graph: &dyn ExecutionGraph, executor: &str) -> Option<Need> {
    let running = graph.running_tasks();
    let tasks = running.iter().filter(|task| task.executor_id == executor);
    match tasks.count() {
        0 if holders(graph).contains(executor) => Some(Need::Files {
            job: job.to_string(),
        }),
        0 => None,
        tasks => Some(Need::Tasks(tasks)),
    }
}

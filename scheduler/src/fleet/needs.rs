//! What of an executor is still needed.

use std::collections::HashMap;
use std::fmt;

use ballista_core::JobId;
use ballista_core::serde::protobuf::job_status;
use ballista_core::serde::protobuf::task_status::Status;
use ballista_scheduler::state::execution_stage::ExecutionStage;

use super::Fleet;

/// What an executor cannot leave without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// Tasks run there.
    Tasks(usize),
    /// A stage that is not done reads shuffle files there.
    ShuffleFiles { job: String, stage: usize },
    /// The results of a job that were not fetched yet may be there.
    Results { job: String },
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tasks(1) => write!(f, "1 task"),
            Self::Tasks(count) => write!(f, "{count} tasks"),
            Self::ShuffleFiles { job, stage } => {
                write!(f, "shuffle files of job {job}, stage {stage}")
            }
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
            if let Some(need) = need_of_stages(job, graph.stages(), executor) {
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

fn need_of_stages(
    job: &JobId,
    stages: &HashMap<usize, ExecutionStage>,
    executor: &str,
) -> Option<Need> {
    let running = stages.values().filter_map(|stage| match stage {
        ExecutionStage::Running(stage) => Some(stage.running_tasks()),
        _ => None,
    });
    let tasks = running.flatten().filter(|(.., on)| on == executor).count();
    if tasks > 0 {
        return Some(Need::Tasks(tasks));
    }
    for (id, stage) in stages {
        if !has_output_on(stage, executor) {
            continue;
        }
        let job = job.to_string();
        if stage.output_links().is_empty() {
            return Some(Need::Results { job });
        }
        let is_done = |id: &usize| matches!(stages.get(id), Some(ExecutionStage::Successful(_)));
        if !stage.output_links().iter().all(is_done) {
            return Some(Need::ShuffleFiles { job, stage: *id });
        }
    }
    None
}

fn has_output_on(stage: &ExecutionStage, executor: &str) -> bool {
    let tasks = match stage {
        ExecutionStage::Failed(_) => return false,
        _ => stage.task_infos().unwrap_or_default(),
    };
    tasks.iter().any(|task| {
        matches!(&task.task_status, Status::Successful(done) if done.executor_id == executor)
    })
}

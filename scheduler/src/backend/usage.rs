//! What a Ballista job used.

use ballista_scheduler::state::execution_graph::ExecutionGraph;
use ballista_scheduler::state::execution_stage::{ExecutionStage, TaskInfo};
use cinemill_engine::store::Requests;
use cinemill_jobs::run::Usage;

const MS_PER_S: f64 = 1000.0;

/// Of all tasks that have ended, and of the requests of stages that have.
pub fn of(graph: &dyn ExecutionGraph) -> Usage {
    let stages = || graph.stages().values();
    let tasks = stages().filter_map(ExecutionStage::task_infos).flatten();
    let requests = stages().filter_map(|stage| match stage {
        ExecutionStage::Successful(stage) => Some(&stage.stage_metrics),
        _ => None,
    });
    let mut usage = Usage {
        slot_seconds: tasks.map(slot_seconds).sum(),
        ..Usage::default()
    };
    for metrics in requests.flatten() {
        let (reads, writes) = Requests::noted(metrics);
        usage.s3_reads += reads;
        usage.s3_writes += writes;
    }
    usage
}

/// 0 for a task that has not ended.
fn slot_seconds(task: &TaskInfo) -> f64 {
    let ms = task.end_exec_time.saturating_sub(task.start_exec_time);
    ms as f64 / MS_PER_S * f64::from(task.vcores_consumed)
}

//! Which executors a job cannot do without.

use std::collections::BTreeSet;

use ballista_core::serde::protobuf::task_status;
use ballista_scheduler::state::execution_graph::ExecutionGraph;
use ballista_scheduler::state::execution_stage::{ExecutionStage, TaskInfo};

/// The executors that work on a task of the job, or hold rows that it has yet to read. Should one
/// of them go, Ballista would run tasks again.
pub fn holders(graph: &dyn ExecutionGraph) -> BTreeSet<String> {
    let stages = graph.stages();
    let is_read = |links: &[usize]| {
        let is_done = |id| matches!(stages.get(id), Some(ExecutionStage::Successful(_)));
        !links.is_empty() && links.iter().all(is_done)
    };
    let mut found = BTreeSet::new();
    for stage in stages.values() {
        let tasks = match stage {
            ExecutionStage::Running(stage) => &stage.task_infos,
            ExecutionStage::Successful(stage) if !is_read(&stage.output_links) => &stage.task_infos,
            _ => continue,
        };
        found.extend(tasks.iter().filter_map(holder).map(str::to_owned));
    }
    found
}

fn holder(task: &TaskInfo) -> Option<&str> {
    match &task.task_status {
        task_status::Status::Running(task) => Some(&task.executor_id),
        task_status::Status::Successful(task) => Some(&task.executor_id),
        task_status::Status::Failed(_) => None,
    }
}

//! Gives one task of a stage to an executor, as Ballista's own policies do.

use ballista_core::JobId;
use ballista_core::config::BallistaConfig;
use ballista_core::execution_plans::{RangeShuffleReaderExec, ShuffleReaderExec};
use ballista_core::serde::scheduler::TaskKey;
use ballista_scheduler::cluster::BoundTask;
use ballista_scheduler::state::execution_graph::{TaskDescription, create_task_info};
use ballista_scheduler::state::execution_stage::RunningStage;
use datafusion::physical_plan::ExecutionPlan;

/// Binds the stage's next task, and tells how many of the free slots it takes; `None` where no
/// task waits.
pub fn bind(
    stage: &mut RunningStage,
    session_id: &str,
    job_id: &JobId,
    executor_id: &str,
    free: u32,
) -> Option<(BoundTask, u32)> {
    let collapses = collapses_input(stage.plan.as_ref());
    let partitions_max = match collapses {
        true => usize::MAX,
        false => partitions_per_task(stage).min(free as usize),
    };
    let partitions = stage.pending.next_slice(partitions_max);
    if partitions.is_empty() {
        return None;
    }
    let slots = match collapses {
        true => 1,
        false => u32::try_from(partitions.len()).unwrap_or(u32::MAX),
    };
    let failures = partitions.iter().map(|at| stage.task_failure_numbers[*at]);
    let task_attempt = failures.max().unwrap_or(0);
    // Ballista finds a task by its position.
    let task_id = stage.task_infos.len();
    let mut info = create_task_info(executor_id.to_owned(), task_id);
    info.global_input_partition_ids.clone_from(&partitions);
    info.vcores_consumed = slots;
    stage.task_infos.push(info);
    let task = TaskDescription {
        session_id: session_id.to_owned(),
        key: TaskKey {
            job_id: job_id.clone(),
            stage_id: stage.stage_id,
            task_id,
        },
        stage_attempt_num: stage.stage_attempt_num,
        task_attempt,
        global_input_partition_ids: partitions,
        vcores_consumed: slots,
        plan: stage.plan.clone(),
        session_config: stage.session_config.clone(),
    };
    Some(((executor_id.to_owned(), task), slots))
}

/// Slots that the stage's waiting tasks would take.
pub fn pending_slots(stage: &RunningStage) -> u32 {
    let waiting = stage.pending.remaining();
    match waiting > 0 && collapses_input(stage.plan.as_ref()) {
        true => 1,
        false => u32::try_from(waiting).unwrap_or(u32::MAX),
    }
}

fn partitions_per_task(stage: &RunningStage) -> usize {
    let options = stage.session_config.options();
    let ballista = options.extensions.get::<BallistaConfig>();
    let set = ballista.map(BallistaConfig::max_partitions_per_task);
    set.filter(|partitions| *partitions > 0)
        .unwrap_or(usize::MAX)
}

/// Whether the stage makes one partition of all its input, as a global aggregate or a merge does.
/// Then one task must get all partitions: several would each give a part of the answer as if it
/// were the whole. Such a task keeps one slot busy, for one stream drives it.
fn collapses_input(stage: &dyn ExecutionPlan) -> bool {
    let mut node = match stage.children().as_slice() {
        [child] => *child,
        _ => return false,
    };
    loop {
        let reads_stage = node.downcast_ref::<ShuffleReaderExec>().is_some()
            || node.downcast_ref::<RangeShuffleReaderExec>().is_some();
        if reads_stage {
            return false;
        }
        if node.properties().output_partitioning().partition_count() == 1 {
            return true;
        }
        node = match node.children().as_slice() {
            [child] => *child,
            _ => return false,
        };
    }
}

//! Whether the rows of a finished Ballista job add up.
//!
//! Each exchange writes rows on its map side and reads them on its reduce side, and both are
//! counted by the tasks themselves. Ballista 55 can end a job "successfully" although rows were
//! read twice or not at all; then the two differ.

use std::collections::BTreeMap;
use std::sync::Arc;

use ballista_core::execution_plans::ShuffleReaderExec;
use ballista_core::serde::protobuf::task_status;
use ballista_core::utils::collect_plan_metrics;
use ballista_scheduler::state::execution_graph::ExecutionGraph;
use ballista_scheduler::state::execution_stage::{ExecutionStage, SuccessfulStage};
use datafusion::common::JoinType;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::HashJoinExec;

/// Checks a job that has ended well.
///
/// # Errors
/// What does not add up, in words.
pub fn check(graph: &dyn ExecutionGraph) -> Result<(), String> {
    let mut stages = BTreeMap::new();
    for (id, stage) in graph.stages() {
        match stage {
            ExecutionStage::Successful(stage) => stages.insert(*id, stage),
            _ => return Err(format!("stage {id} has not ended")),
        };
    }
    for (id, stage) in &stages {
        ran_once(stage).map_err(|cause| format!("stage {id}: {cause}"))?;
    }
    let written = stages.iter().map(|(id, stage)| (*id, rows_written(stage)));
    let written: BTreeMap<usize, u64> = written.collect();
    for (id, stage) in &stages {
        for reader in readers(stage).map_err(|cause| format!("stage {id}: {cause}"))? {
            reader.balance(*id, &written)?;
        }
    }
    Ok(())
}

/// Every partition was worked on to its end by one task, in the stage's first attempt.
fn ran_once(stage: &SuccessfulStage) -> Result<(), String> {
    if stage.stage_attempt_num > 0 {
        return Err("it was started anew".to_owned());
    }
    let done = successful_tasks(stage).flat_map(|(partitions, _)| partitions.iter().copied());
    done_once(stage.partitions, done.collect())
}

fn done_once(partitions: usize, mut done: Vec<usize>) -> Result<(), String> {
    done.sort_unstable();
    if done.iter().copied().eq(0..partitions) {
        return Ok(());
    }
    Err(format!(
        "its {partitions} partitions were to be done once each, but these were: {done:?}"
    ))
}

/// The partitions of each task that ended well, and the rows that it wrote.
fn successful_tasks(stage: &SuccessfulStage) -> impl Iterator<Item = (&[usize], u64)> {
    stage.task_infos.iter().filter_map(|task| {
        let task_status::Status::Successful(done) = &task.task_status else {
            return None;
        };
        let rows = done.partitions.iter().map(|written| written.num_rows).sum();
        Some((task.global_input_partition_ids.as_slice(), rows))
    })
}

fn rows_written(stage: &SuccessfulStage) -> u64 {
    successful_tasks(stage).map(|(_, rows)| rows).sum()
}

/// The reduce side of an exchange.
#[derive(Debug, PartialEq, Eq)]
struct Reader {
    /// The stage whose rows it reads.
    stage: usize,
    rows: u64,
    /// How often each row is to be read: once, or once by every task.
    times: u64,
    /// It may stop before the last row, and be right.
    may_stop: bool,
}

impl Reader {
    fn balance(&self, reading: usize, written: &BTreeMap<usize, u64>) -> Result<(), String> {
        let written = written.get(&self.stage).copied().unwrap_or_default();
        let expected = written * self.times;
        if self.rows == expected || (self.may_stop && self.rows < expected) {
            return Ok(());
        }
        Err(format!(
            "stage {} wrote {written} rows, of which stage {reading} should have read {expected} \
             but read {}",
            self.stage, self.rows
        ))
    }
}

fn readers(stage: &SuccessfulStage) -> Result<Vec<Reader>, String> {
    // As the metrics arrive: in the order of a walk through the plan, one set for each operator
    // that keeps any.
    let operators = collect_plan_metrics(stage.plan.as_ref()).len();
    if operators != stage.stage_metrics.len() {
        return Err(format!(
            "its {operators} operators sent {} sets of metrics",
            stage.stage_metrics.len()
        ));
    }
    let mut walk = Walk {
        stage,
        next: 0,
        found: Vec::new(),
    };
    walk.visit(&stage.plan, false);
    Ok(walk.found)
}

struct Walk<'a> {
    stage: &'a SuccessfulStage,
    /// Where the metrics of the next operator are.
    next: usize,
    found: Vec<Reader>,
}

impl Walk<'_> {
    fn visit(&mut self, plan: &Arc<dyn ExecutionPlan>, may_stop: bool) {
        if plan.metrics().is_some() {
            if let Some(reader) = plan.downcast_ref::<ShuffleReaderExec>() {
                let metrics = &self.stage.stage_metrics[self.next];
                let times = if reader.broadcast {
                    successful_tasks(self.stage).count() as u64
                } else {
                    1
                };
                self.found.push(Reader {
                    stage: reader.stage_id,
                    rows: metrics.output_rows().unwrap_or_default() as u64,
                    times,
                    may_stop,
                });
            }
            self.next += 1;
        }
        for (index, child) in plan.children().into_iter().enumerate() {
            self.visit(child, may_stop || may_leave_rows(plan, index));
        }
    }
}

/// Whether an operator may be done before it has read all rows of a child.
fn may_leave_rows(plan: &Arc<dyn ExecutionPlan>, child: usize) -> bool {
    if plan.fetch().is_some() {
        return true;
    }
    if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
        // Without rows on the build side, the probe side's rows may not matter.
        let needs_build = !matches!(
            join.join_type(),
            JoinType::Right | JoinType::Full | JoinType::RightAnti | JoinType::RightMark
        );
        return child == 1 && needs_build;
    }
    // A join of two sorted sides, and one of nested loops, ends with the first that ends.
    plan.name().ends_with("JoinExec")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn balance(rows: u64, times: u64, may_stop: bool) -> Result<(), String> {
        let reader = Reader {
            stage: 1,
            rows,
            times,
            may_stop,
        };
        reader.balance(2, &BTreeMap::from([(1, 100)]))
    }

    #[test]
    fn what_was_written_is_read_once() {
        assert_eq!(balance(100, 1, false), Ok(()));
        let lost = "stage 1 wrote 100 rows, of which stage 2 should have read 100 but read 99";
        assert_eq!(balance(99, 1, false), Err(lost.to_owned()));
        assert!(balance(200, 1, false).is_err(), "doubled rows");
    }

    #[test]
    fn every_task_reads_all_of_a_broadcast() {
        assert_eq!(balance(300, 3, false), Ok(()));
        assert!(balance(100, 3, false).is_err());
    }

    #[test]
    fn a_limit_may_leave_rows_and_never_double_them() {
        assert_eq!(balance(7, 1, true), Ok(()));
        assert!(balance(101, 1, true).is_err());
    }

    #[test]
    fn every_partition_is_done_once() {
        assert_eq!(done_once(3, vec![2, 0, 1]), Ok(()));
        assert!(done_once(3, vec![0, 1]).is_err(), "one is missing");
        assert!(
            done_once(3, vec![0, 1, 2, 1]).is_err(),
            "one was done twice"
        );
    }
}

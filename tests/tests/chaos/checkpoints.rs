//! Runs that keep a relation's rows in a checkpoint, and lose what comes after it or before.

use cinemill_tests::gate::Hold;

use crate::case::{Case, OF_ROWS};

const CHECKPOINT: &str = "checkpoint credited";
/// Part of the path of requests that send the rows of the output.
const OF_OUTPUT: &str = "/lake/out/part-";

#[test]
fn a_run_with_a_checkpoint_publishes_the_same_rows() {
    let case = Case::with_checkpoints(2);
    let story = case.fleet.story("kept").unwrap();
    let run = case.submit("kept", &[]);
    case.ends_right(run);
    assert_eq!(story.times(CHECKPOINT).unwrap(), 1);
}

/// What the checkpoint holds is not done again.
#[test]
fn an_executor_is_killed_after_the_checkpoint() {
    let mut case = Case::with_checkpoints(3);
    case.gate(0).hold(Hold::before("PUT", OF_OUTPUT));
    let story = case.fleet.story("after-checkpoint").unwrap();
    let run = case.submit("after-checkpoint", &[]);
    case.gate(0).wait_for_held().unwrap();
    case.fleet.executors[0].kill().unwrap();
    case.ends_right(run);
    assert_eq!(story.times(CHECKPOINT).unwrap(), 1);
    assert_eq!(story.times("write").unwrap(), 2);
}

#[test]
fn an_executor_is_killed_while_it_writes_a_checkpoint() {
    let mut case = Case::with_checkpoints(3);
    case.gate(0).hold(Hold::before("PUT", OF_ROWS));
    let story = case.fleet.story("in-checkpoint").unwrap();
    let run = case.submit("in-checkpoint", &[]);
    case.gate(0).wait_for_held().unwrap();
    case.fleet.executors[0].kill().unwrap();
    case.ends_right(run);
    assert_eq!(story.times(CHECKPOINT).unwrap(), 2);
    assert_eq!(story.times("write").unwrap(), 1);
}

/// The scheduler that comes after it finds the checkpoint.
#[test]
fn the_scheduler_is_killed_after_the_checkpoint() {
    let mut case = Case::with_checkpoints(2);
    case.gate(0).hold(Hold::before("PUT", OF_OUTPUT));
    let story = case.fleet.story("found").unwrap();
    let run = case.submit("found", &[]);
    case.gate(0).wait_for_held().unwrap();
    case.fleet.scheduler.kill().unwrap();
    case.gate(0).release();
    case.fleet.start_scheduler().unwrap();
    case.ends_right_in_the_end(run);
    assert_eq!(story.times(CHECKPOINT).unwrap(), 1);
    assert_eq!(story.times("write").unwrap(), 2);
}

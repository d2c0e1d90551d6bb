//! Executors that stop without dying, and come back after their work was given away.

use cinemill_tests::gate::Hold;
use rustix::process::Signal;

use crate::case::{Case, OF_INPUT, OF_MANIFEST, OF_ROWS};

/// It wakes up before the commit, sends its rows to an upload that nobody wants any more, and
/// reports a task that another one has done.
#[test]
fn a_frozen_executor_wakes_up_before_the_commit() {
    let case = Case::new(3);
    let commit = case.fleet.scheduler.gate().unwrap();
    commit.hold(Hold::before("PUT", OF_MANIFEST));
    case.gate(0).hold(Hold::before("PUT", OF_ROWS));
    let run = case.submit("frozen", &[]);
    case.gate(0).wait_for_held().unwrap();
    case.fleet.executors[0].signal(Signal::STOP);
    case.fleet.wait_for_executors(2).unwrap();
    commit.wait_for_held().unwrap();
    case.gate(0).release();
    case.fleet.executors[0].signal(Signal::CONT);
    case.fleet.wait_for_executors(3).unwrap();
    commit.release();
    case.ends_right_in_the_end(run);
    case.works_after();
}

/// It wakes up when the table has been published.
#[test]
fn a_frozen_executor_wakes_up_after_the_commit() {
    let case = Case::new(2);
    case.gate(0).hold(Hold::before("PUT", OF_ROWS));
    let run = case.submit("frozen", &[]);
    case.gate(0).wait_for_held().unwrap();
    case.fleet.executors[0].signal(Signal::STOP);
    case.ends_right_in_the_end(run);
    case.gate(0).release();
    case.fleet.executors[0].signal(Signal::CONT);
    case.fleet.wait_for_executors(2).unwrap();
    case.works_after();
}

/// It wakes up as soon as it counts as lost, amid what is done in its place.
#[test]
fn a_frozen_executor_wakes_up_while_its_work_is_done_again() {
    let case = Case::new(2);
    case.gate(0).hold(Hold::before("GET", OF_INPUT));
    let run = case.submit("frozen", &[]);
    case.gate(0).wait_for_held().unwrap();
    case.fleet.executors[0].signal(Signal::STOP);
    case.fleet.wait_for_executors(1).unwrap();
    case.gate(0).release();
    case.fleet.executors[0].signal(Signal::CONT);
    case.ends_right_in_the_end(run);
    case.works_after();
}

/// Shorter than it takes to count as lost.
#[test]
fn a_short_pause_of_an_executor_is_no_loss() {
    let case = Case::new(2);
    case.gate(0).hold(Hold::before("PUT", OF_ROWS));
    let run = case.submit("paused", &[]);
    case.gate(0).wait_for_held().unwrap();
    case.fleet.executors[0].signal(Signal::STOP);
    case.gate(0).release();
    case.fleet.executors[0].signal(Signal::CONT);
    let retries = run.story.retries();
    case.ends_right(run);
    assert_eq!(retries, 0);
}

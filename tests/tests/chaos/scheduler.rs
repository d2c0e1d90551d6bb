//! `kill -9` of the scheduler, and another one in its place. The ledger tells it what went on.

use cinemill_tests::gate::Hold;

use crate::case::{Case, OF_INPUT, OF_MANIFEST, OF_ROWS};

/// Kills the scheduler at a moment of a run, starts another one, and sees the run end right, under
/// its own id, with the client that began it still waiting.
fn is_survived(mut case: Case, run_id: &str, more: &[&str], moment: impl Fn(&Case)) {
    let run = case.submit(run_id, more);
    moment(&case);
    case.fleet.scheduler.kill().unwrap();
    for member in [&case.fleet.scheduler, &case.fleet.executors[0]] {
        member.gate().unwrap().release();
    }
    case.fleet.start_scheduler().unwrap();
    case.ends_right_in_the_end(run);
    case.fleet.wait_for_executors(2).unwrap();
    case.works_after();
}

fn at_executor(hold: Hold) -> Case {
    let case = Case::new(2);
    case.gate(0).hold(hold);
    case
}

fn at_scheduler(hold: Hold) -> Case {
    let case = Case::new(2);
    case.fleet.scheduler.gate().unwrap().hold(hold);
    case
}

fn executor_waits(case: &Case) {
    case.gate(0).wait_for_held().unwrap();
}

fn scheduler_waits(case: &Case) {
    let gate = case.fleet.scheduler.gate().unwrap();
    gate.wait_for_held().unwrap();
}

#[test]
fn the_scheduler_is_killed_while_executors_scan() {
    let case = at_executor(Hold::before("GET", OF_INPUT));
    is_survived(case, "scans", &[], executor_waits);
}

#[test]
fn the_scheduler_is_killed_while_executors_write() {
    let case = at_executor(Hold::before("PUT", OF_ROWS));
    is_survived(case, "writes", &[], executor_waits);
}

/// All parts are there, and the manifest is not.
#[test]
fn the_scheduler_is_killed_before_it_publishes() {
    let case = at_scheduler(Hold::before("PUT", OF_MANIFEST));
    is_survived(case, "before", &[], scheduler_waits);
}

/// The manifest is there, and the ledger does not know.
#[test]
fn the_scheduler_is_killed_when_it_has_published() {
    let case = at_scheduler(Hold::after("PUT", OF_MANIFEST));
    is_survived(case, "after", &[], scheduler_waits);
}

#[test]
fn a_detached_run_outlives_its_scheduler() {
    let mut case = at_executor(Hold::before("PUT", OF_ROWS));
    let submitted = case.submit("detached", &["--detach"]);
    assert_eq!(submitted.client.wait().unwrap().code(), Some(0));
    executor_waits(&case);
    case.fleet.scheduler.kill().unwrap();
    case.gate(0).release();
    case.fleet.start_scheduler().unwrap();
    case.ends_right_in_the_end(case.wait("detached"));
}

//! `kill -9` of executors.

use cinemill_tests::gate::Hold;

use crate::case::{Case, OF_AUDIT, OF_INPUT, OF_MANIFEST, OF_ROWS, left};

#[test]
fn an_executor_is_killed_while_it_scans() {
    let mut case = Case::new(3);
    case.gate(0).hold(Hold::before("GET", OF_INPUT));
    let run = case.submit("scans", &[]);
    case.gate(0).wait_for_held().unwrap();
    case.fleet.executors[0].kill().unwrap();
    case.ends_right(run);
    case.works_after();
}

/// The scan has all of its records, and nothing of it is known to anybody else.
#[test]
fn an_executor_is_killed_when_its_scan_is_about_to_end() {
    let mut case = Case::new(3);
    case.gate(0).hold(Hold::before("PUT", OF_AUDIT));
    let run = case.submit("ends-scan", &[]);
    case.gate(0).wait_for_held().unwrap();
    case.fleet.executors[0].kill().unwrap();
    case.ends_right(run);
}

/// The stock scheduler runs the map tasks again, and may then read rows twice or never end.
#[test]
fn an_executor_is_killed_whose_shuffle_files_are_needed() {
    let mut case = Case::new(3);
    // One scan goes on, so that nobody has read what the others left.
    case.gate(0).hold(Hold::before("PUT", OF_AUDIT));
    let run = case.submit("shuffles", &[]);
    case.gate(0).wait_for_held().unwrap();
    run.story
        .wait_for_stages("write", "the end of all scans but one", left(1))
        .unwrap();
    assert!(!case.fleet.executors[1].shuffle_files().is_empty());
    case.fleet.executors[1].kill().unwrap();
    case.gate(0).release();
    case.ends_right(run);
    case.works_after();
}

#[test]
fn an_executor_is_killed_while_it_writes() {
    let mut case = Case::new(3);
    case.gate(0).hold(Hold::before("PUT", OF_ROWS));
    let run = case.submit("writes", &[]);
    case.gate(0).wait_for_held().unwrap();
    case.fleet.executors[0].kill().unwrap();
    case.ends_right(run);
}

/// Its part is in the store, and nobody has been told.
#[test]
fn an_executor_is_killed_when_its_rows_have_arrived() {
    let mut case = Case::new(3);
    case.gate(0).hold(Hold::after("PUT", OF_ROWS));
    let run = case.submit("arrived", &[]);
    case.gate(0).wait_for_held().unwrap();
    case.fleet.executors[0].kill().unwrap();
    case.ends_right(run);
}

/// Its task is done; that of another one is not.
#[test]
fn an_executor_is_killed_right_after_it_wrote() {
    let mut case = Case::new(3);
    case.gate(0).hold(Hold::before("PUT", OF_ROWS));
    let run = case.submit("wrote", &[]);
    case.gate(0).wait_for_held().unwrap();
    run.story
        .wait_for_stages("write", "the end of all tasks but one", left(1))
        .unwrap();
    case.fleet.executors[1].kill().unwrap();
    case.gate(0).release();
    case.ends_right(run);
    case.works_after();
}

/// All tasks are done; nothing is lost, so nothing is done again.
#[test]
fn an_executor_is_killed_during_the_commit() {
    let mut case = Case::new(2);
    let commit = case.fleet.scheduler.gate().unwrap();
    commit.hold(Hold::before("PUT", OF_MANIFEST));
    let run = case.submit("commits", &[]);
    commit.wait_for_held().unwrap();
    case.fleet.executors[0].kill().unwrap();
    case.fleet.wait_for_executors(1).unwrap();
    assert_eq!(run.story.retries(), 0);
    case.fleet.scheduler.gate().unwrap().release();
    case.ends_right(run);
}

#[test]
fn all_executors_are_killed_and_return() {
    let mut case = Case::new(2);
    for executor in 0..2 {
        case.gate(executor).hold(Hold::before("GET", OF_INPUT));
    }
    let run = case.submit("all", &[]);
    for executor in 0..2 {
        case.gate(executor).wait_for_held().unwrap();
        case.fleet.executors[executor].kill().unwrap();
        case.gate(executor).release();
    }
    for executor in 0..2 {
        case.fleet.start_executor(executor).unwrap();
    }
    case.ends_right(run);
    case.works_after();
}

/// There is nobody at all for a while.
#[test]
fn all_executors_are_killed_and_others_come_later() {
    let mut case = Case::new(2);
    case.gate(0).hold(Hold::before("PUT", OF_ROWS));
    let run = case.submit("later", &[]);
    case.gate(0).wait_for_held().unwrap();
    case.fleet.executors[0].kill().unwrap();
    case.fleet.executors[1].kill().unwrap();
    case.fleet.wait_for_executors(0).unwrap();
    case.fleet.add_executor().unwrap();
    case.ends_right(run);
}

//! Executors that come while a run goes on.

use cinemill_tests::gate::Hold;
use cinemill_tests::processes::poll;

use crate::case::{Case, OF_INPUT};

/// The one executor that there is cannot go on; the other one takes up the next tasks.
#[test]
fn an_executor_that_joins_takes_up_the_next_tasks() {
    let mut case = Case::new(1);
    case.gate(0).hold(Hold::before("GET", OF_INPUT));
    let run = case.submit("joins", &[]);
    case.gate(0).wait_for_held().unwrap();
    let other = case.fleet.add_executor().unwrap();
    poll("a task of the one that joined", || {
        (!case.gate(other).requests().is_empty()).then_some(())
    })
    .unwrap();
    case.gate(0).release();
    let retries = run.story.retries();
    case.ends_right(run);
    assert_eq!(retries, 0);
}

/// A run that finds no executor waits for the first.
#[test]
fn a_run_waits_for_the_first_executor() {
    let mut case = Case::new(0);
    let run = case.submit("waits", &[]);
    run.story.wait_for_phase("plan").unwrap();
    case.fleet.add_executor().unwrap();
    case.ends_right(run);
}

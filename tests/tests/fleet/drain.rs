//! Executors that leave while a run needs them.

use cinemill_tests::processes::{poll, send};
use rustix::process::Signal;

use crate::fixture::{Executor, Site, wait_for_held};

/// Both executors are about to write: each runs a task, and each has shuffle files that the other
/// one reads. One is made to leave; it stays until the run is done with it.
fn leaves_with_nothing_lost(leave: impl Fn(&Site, &Executor)) {
    let site = Site::start(1);
    let leaving = site.executor(&[], &[]);
    let hold = site.hold("table");
    let run = site.submit("table", &[]);
    wait_for_held(&hold, 2);
    leave(&site, &leaving);
    let slots = site.wait_for_slots("a draining slot", |slots| slots["draining"] == 1);
    assert_eq!((&slots["busy"], &slots["total"]), (&2.into(), &2.into()));
    assert_eq!(slots["executors"]["draining"], 1);
    let listed = site.executor_named(&leaving.id).unwrap();
    assert_eq!(listed["state"], "draining");
    assert_eq!(listed["slots_busy"], 1);
    hold.release();
    site.assert_done_at_once(run, "table");
    assert_eq!(leaving.code(), Some(0));
    assert_eq!(site.executors().len(), 1);
    let left = "departure=Clean";
    assert!(site.cluster.logs().contains(left), "no executor left clean");
}

#[test]
fn a_drained_executor_ends_its_tasks_and_serves_its_files_to_the_end() {
    leaves_with_nothing_lost(|site, leaving| {
        let ended = site.cluster.run(&["drain", &leaving.id]).unwrap();
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
        assert!(ended.says("waits for 1 task"), "{}", ended.stdout);
    });
}

#[test]
fn sigterm_is_a_drain() {
    leaves_with_nothing_lost(|_, leaving| leaving.signal(Signal::TERM));
}

#[test]
fn a_draining_executor_gets_no_more_tasks() {
    let site = Site::start(1);
    let leaving = site.executor(&[], &[]);
    let hold = site.hold("held");
    let held = site.submit("held", &[]);
    wait_for_held(&hold, 2);
    leaving.signal(Signal::TERM);
    site.wait_for_slots("a draining slot", |slots| slots["draining"] == 1);
    let other_hold = site.hold("other");
    let other = site.submit("other", &[]);
    site.wait_for_slots("waiting tasks", |slots| {
        slots["tasks_pending"].as_u64() > Some(1)
    });
    hold.release();
    site.assert_done_at_once(held, "held");
    // With a task of the other run it could not.
    assert_eq!(leaving.code(), Some(0));
    wait_for_held(&other_hold, 1);
    other_hold.release();
    site.assert_done_at_once(other, "other");
}

#[test]
fn a_draining_executor_serves_its_files_while_others_need_them() {
    let site = Site::start(1);
    let leaving = site.executor(&[], &[]);
    let hold = site.hold("table");
    let run = site.submit("table", &[]);
    wait_for_held(&hold, 2);
    // The other one comes no further for a while, in the middle of a task.
    let other = site.cluster.executor_pids()[0];
    send(other, Signal::STOP);
    hold.release();
    let drain = ["drain", &leaving.id];
    poll("files to be all that is needed", || {
        let ended = site.cluster.run(&drain).unwrap();
        ended.says("waits for shuffle files of job").then_some(())
    })
    .unwrap();
    send(other, Signal::CONT);
    site.assert_done_at_once(run, "table");
    assert_eq!(leaving.code(), Some(0));
}

/// The deadline ends while a task runs: what was lost is seen at once and done again, long before
/// any heartbeat is missed.
#[test]
fn at_its_deadline_an_executor_leaves_and_its_work_is_done_again() {
    let site = Site::start(1);
    let leaving = site.executor(&[], &[]);
    let hold = site.hold("table");
    let mut run = site.submit("table", &[]);
    wait_for_held(&hold, 2);
    let arguments = ["drain", &leaving.id, "--deadline-s", "1", "--wait"];
    let ended = site.cluster.run(&arguments).unwrap();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    assert!(ended.says("left at its deadline"), "{}", ended.stdout);
    poll("the loss", || {
        run.said()
            .unwrap()
            .contains("executing it again")
            .then_some(())
    })
    .unwrap();
    assert_eq!(leaving.code(), Some(0));
    hold.release();
    site.assert_done(run, "table");
}

#[test]
fn a_second_sigterm_ends_at_once() {
    let site = Site::start(1);
    let leaving = site.executor(&[], &[]);
    let hold = site.hold("table");
    let mut run = site.submit("table", &[]);
    wait_for_held(&hold, 2);
    leaving.signal(Signal::TERM);
    site.wait_for_slots("a draining slot", |slots| slots["draining"] == 1);
    leaving.signal(Signal::TERM);
    assert_eq!(leaving.code(), Some(128 + 15));
    poll("the loss", || {
        run.said()
            .unwrap()
            .contains("executing it again")
            .then_some(())
    })
    .unwrap();
    hold.release();
    site.assert_done(run, "table");
}

#[test]
fn sigint_ends_at_once() {
    let site = Site::start(1);
    let leaving = site.executor(&[], &[]);
    let hold = site.hold("table");
    let mut run = site.submit("table", &[]);
    wait_for_held(&hold, 2);
    leaving.signal(Signal::INT);
    assert_eq!(leaving.code(), Some(128 + 2));
    assert_eq!(site.executors().len(), 1);
    poll("the loss", || {
        run.said()
            .unwrap()
            .contains("executing it again")
            .then_some(())
    })
    .unwrap();
    hold.release();
    site.assert_done(run, "table");
}

#[test]
fn an_executor_leaves_by_itself_where_its_scheduler_is_gone() {
    let mut site = Site::start(1);
    let leaving = site.executor(&[], &[]);
    site.cluster.kill_scheduler().unwrap();
    leaving.signal(Signal::TERM);
    assert_eq!(leaving.code(), Some(0));
}

#[test]
fn an_executor_whose_scheduler_died_comes_again() {
    let mut site = Site::start(0);
    let executor = site.executor(&["--heartbeat-interval-s", "1"], &[]);
    site.cluster.kill_scheduler().unwrap();
    // Ballista's executor gives up after some heartbeats without an answer.
    let mut process = executor.process;
    poll("a new beginning", || {
        process
            .said()
            .unwrap()
            .contains("beginning again")
            .then_some(())
    })
    .unwrap();
    site.cluster.restart_scheduler().unwrap();
    poll("the executor", || {
        (site.executors().len() == 1).then_some(())
    })
    .unwrap();
    let run = site.submit("table", &[]);
    site.assert_done(run, "table");
}

#[test]
fn nobody_drains_what_is_not_there() {
    let site = Site::start(1);
    let ended = site.cluster.run(&["drain", "nobody"]).unwrap();
    assert_eq!(ended.code(), Some(2), "{}", ended.stderr);
    assert!(ended.says("no such executor"), "{}", ended.stderr);
}

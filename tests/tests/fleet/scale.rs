//! More and fewer executors under load.

use std::fs;

use cinemill_tests::processes::{is_alive, poll};

use crate::fixture::{Site, wait_for_held};

#[test]
fn an_executor_that_joins_takes_up_the_next_tasks_of_a_run_that_goes_on() {
    let site = Site::start(2);
    let hold = site.hold("held");
    let held = site.submit("held", &[]);
    wait_for_held(&hold, 2);
    // There is no slot for it.
    let waiting = site.submit("waiting", &[]);
    let slots = site.wait_for_slots("waiting tasks", |slots| {
        slots["tasks_pending"].as_u64() > Some(0)
    });
    assert_eq!((&slots["busy"], &slots["total"]), (&2.into(), &2.into()));
    assert!(slots["wanted"].as_u64() > Some(2), "{slots}");
    let joined = site.executor(&[], &[]);
    // All of its tasks, as the others are held up.
    site.assert_done_at_once(waiting, "waiting");
    assert_eq!(hold.waiting(), 2);
    hold.release();
    site.assert_done_at_once(held, "held");
    drop(joined);
}

#[test]
fn a_local_cluster_grows_and_shrinks_under_a_run() {
    let site = Site::start(1);
    let state_dir = site.cluster.state_dir();
    let state_dir = state_dir.to_str().unwrap();
    let scale = |executors: &'static str| {
        let arguments = ["scale", "--executors", executors, "--state-dir", state_dir];
        site.cluster.cinemill().start(&arguments).unwrap()
    };
    let grown = scale("3").wait().unwrap();
    assert_eq!(grown.code(), Some(0), "{}", grown.stderr);
    assert!(grown.says("2 started, 0 drained"), "{}", grown.stdout);
    assert_eq!(site.executors().len(), 3);

    let hold = site.hold("table");
    let run = site.submit("table", &[]);
    wait_for_held(&hold, 3);
    let pids = site.cluster.executor_pids();
    let shrinking = scale("1");
    site.wait_for_slots("two draining slots", |slots| slots["draining"] == 2);
    hold.release();
    site.assert_done_at_once(run, "table");
    let shrunk = shrinking.wait().unwrap();
    assert_eq!(shrunk.code(), Some(0), "{}", shrunk.stderr);
    assert!(
        shrunk.says("0 started, 2 drained, 0 cut off"),
        "{}",
        shrunk.stdout
    );
    let alive: Vec<bool> = pids.into_iter().map(is_alive).collect();
    assert_eq!(alive, [true, false, false], "the newest leave");
    let work = fs::read_dir(site.cluster.state_dir().join("work")).unwrap();
    assert_eq!(work.count(), 1, "work folders of those that left");

    let again = scale("2").wait().unwrap();
    assert_eq!(again.code(), Some(0), "{}", again.stderr);
    let ended = site
        .cluster
        .run(&["cluster", "stop", "--state-dir", state_dir])
        .unwrap();
    assert!(ended.says("stopped"), "{}", ended.stderr);
    let pids = site.cluster.executor_pids();
    assert!(pids.is_empty(), "of a cluster that was stopped: {pids:?}");
}

#[test]
fn an_executor_that_died_is_replaced() {
    let site = Site::start(2);
    site.cluster.kill_executor(0).unwrap();
    let dead = site.cluster.executor_pids()[0];
    poll("its end", || (!is_alive(dead)).then_some(())).unwrap();
    let state_dir = site.cluster.state_dir();
    let arguments = [
        "scale",
        "--executors",
        "2",
        "--state-dir",
        state_dir.to_str().unwrap(),
    ];
    let ended = site.cluster.run(&arguments).unwrap();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    assert!(ended.says("1 started"), "{}", ended.stdout);
}

#[test]
fn where_no_cluster_is_there_is_nothing_to_scale() {
    let folder = tempfile::TempDir::new().unwrap();
    let state_dir = folder.path().to_str().unwrap();
    let arguments = ["scale", "--executors", "2", "--state-dir", state_dir];
    let ended = cinemill_tests::processes::Cinemill::default()
        .run(&arguments)
        .unwrap();
    assert_eq!(ended.code(), Some(2), "{}", ended.stderr);
    assert!(ended.says("no cluster runs there"), "{}", ended.stderr);
}

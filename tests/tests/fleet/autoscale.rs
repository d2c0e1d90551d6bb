//! Executors that come when runs want slots, and go when none does.

use cinemill_tests::processes::{Running, poll};
use rustix::process::Signal;

use crate::fixture::{Site, wait_for_held};

fn autoscale(site: &Site, more: &[&str]) -> Running {
    let state_dir = site.cluster.state_dir();
    let state_dir = state_dir.to_str().unwrap();
    let always = ["autoscale", "--state-dir", state_dir, "--interval-s", "1"];
    let patience = ["--out-cooldown-s", "1", "--scale-in-after-s", "2"];
    let arguments = [&always[..], &patience, more].concat();
    site.cluster.cinemill().start(&arguments).unwrap()
}

fn wait_until_it_says(controller: &mut Running, words: &str) {
    let mut says = || controller.said().unwrap().contains(words).then_some(());
    poll(&format!("a controller to say `{words}`"), &mut says).unwrap();
}

#[test]
fn an_idle_cluster_shrinks_to_nothing_and_comes_back_for_a_run() {
    let site = Site::start(2);
    let marker = site.cluster.state_dir().join("isbusy");
    let controller = autoscale(
        &site,
        &["--max", "3", "--busy-marker", marker.to_str().unwrap()],
    );
    site.wait_for_slots("no executors", |slots| slots["total"] == 0);
    assert!(!marker.exists(), "nothing went on yet");

    let hold = site.hold("table");
    let run = site.submit("table", &[]);
    // The first executor plans the run; its tasks then want more.
    wait_for_held(&hold, 1);
    assert!(marker.exists(), "a run goes on");
    hold.release();
    site.assert_done(run, "table");
    site.wait_for_slots("no executors again", |slots| slots["total"] == 0);

    controller.signal(Signal::TERM);
    let ended = controller.wait().unwrap();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    assert!(ended.says("2 → 0 executors"), "{}", ended.stdout);
    assert!(ended.says("0 → 1 executors"), "{}", ended.stdout);
    assert!(!ended.says("failed to"), "{}", ended.stdout);
}

#[test]
fn a_cluster_grows_with_what_runs_want_up_to_its_limit() {
    let site = Site::start(1);
    let hold = site.hold("first");
    let first = site.submit("first", &[]);
    wait_for_held(&hold, 1);
    let second = site.submit("second", &[]);
    site.wait_for_slots("waiting tasks", |slots| {
        slots["tasks_pending"].as_u64() > Some(1)
    });

    let controller = autoscale(&site, &["--min", "1", "--max", "2"]);
    site.wait_for_slots("two executors", |slots| slots["total"] == 2);
    site.assert_done(second, "second");
    hold.release();
    site.assert_done(first, "first");
    site.wait_for_slots("one executor", |slots| slots["total"] == 1);
    controller.signal(Signal::TERM);
    let ended = controller.wait().unwrap();
    assert!(ended.says("1 → 2 executors"), "{}", ended.stdout);
    assert!(ended.says("2 → 1 executors"), "{}", ended.stdout);
}

#[test]
fn a_controller_outlives_its_scheduler() {
    let mut site = Site::start(1);
    let mut controller = autoscale(&site, &["--min", "1", "--max", "2"]);
    wait_until_it_says(&mut controller, "following");
    site.cluster.kill_scheduler().unwrap();
    wait_until_it_says(&mut controller, "failed to");
    assert!(!controller.is_over());
    site.cluster.restart_scheduler().unwrap();
    site.wait_for_slots("one executor", |slots| slots["total"] == 1);
    assert!(!controller.is_over());
}

#[test]
fn two_controllers_do_not_share_a_cluster() {
    let site = Site::start(1);
    let mut first = autoscale(&site, &["--min", "1", "--max", "2"]);
    wait_until_it_says(&mut first, "following");
    let second = autoscale(&site, &["--min", "1", "--max", "2"]);
    let second = second.wait().unwrap();
    assert_eq!(second.code(), Some(20), "{}", second.stderr);
    assert!(
        second.says("another process resizes it"),
        "{}",
        second.stderr
    );
    assert!(!first.is_over());
}

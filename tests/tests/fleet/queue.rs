//! Several runs at once.

use cinemill_tests::processes::poll;

use crate::fixture::{Site, wait_for_held};

#[test]
fn a_capped_run_leaves_slots_to_others() {
    let site = Site::start(2);
    let hold = site.hold("capped");
    let capped = site.submit("capped", &["--max-slots", "1", "--queue", "nightly"]);
    wait_for_held(&hold, 1);
    let slots = site.wait_for_slots("a waiting task", |slots| slots["tasks_pending"] == 1);
    assert_eq!((&slots["busy"], &slots["wanted"]), (&1.into(), &1.into()));
    assert_eq!(slots["queues"]["nightly"]["tasks_pending"], 1);
    assert_eq!(slots["queues"]["nightly"]["tasks_running"], 1);
    // One that came later, and needs no more than what is left.
    let small = site.submit("small", &[]);
    site.assert_done_at_once(small, "small");
    assert_eq!(hold.waiting(), 1);
    hold.release();
    site.assert_done_at_once(capped, "capped");
}

/// With slots counted up and down, each of the cancelled runs might take one with it, for there is
/// never a moment at which nothing runs and all could be counted anew.
#[test]
fn slots_of_cancelled_runs_are_free_again_while_others_go_on() {
    let site = Site::start(2);
    let hold = site.hold("long");
    let long = site.submit("long", &["--max-slots", "1"]);
    wait_for_held(&hold, 1);
    for number in 0..4 {
        let table = format!("cancelled-{number}");
        let held = site.hold(&table);
        let run = site.submit(&table, &[]);
        poll("a task to cancel", || (held.waiting() > 0).then_some(())).unwrap();
        let ended = site.cluster.run(&["cancel", &table]).unwrap();
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
        held.release();
        assert_eq!(run.wait().unwrap().code(), Some(22));
    }
    let slots = site.wait_for_slots("a free slot", |slots| slots["busy"] == 1);
    assert_eq!(slots["total"], 2);
    let last = site.submit("last", &[]);
    site.assert_done_at_once(last, "last");
    hold.release();
    site.assert_done_at_once(long, "long");
}

#[test]
fn queues_and_caps_that_make_no_sense_are_refused() {
    let site = Site::start(0);
    for arguments in [["--queue", "a b"], ["--max-slots", "0"]] {
        let ended = site.submit("table", &arguments).wait().unwrap();
        assert_eq!(ended.code(), Some(2), "{arguments:?}: {}", ended.stderr);
    }
}

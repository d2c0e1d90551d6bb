//! Spot instances that are taken away.

use crate::fake_metadata::FakeMetadata;
use crate::fixture::{Site, wait_for_held};

#[test]
fn an_executor_leaves_before_its_spot_instance_does() {
    let site = Site::start(1);
    let metadata = FakeMetadata::start();
    let leaving = site.executor(&["--spot-notice"], &metadata.environment());
    let hold = site.hold("table");
    let run = site.submit("table", &[]);
    wait_for_held(&hold, 2);
    assert_eq!(site.executor_named(&leaving.id).unwrap()["state"], "active");
    metadata.give_notice("2126-01-01T00:00:00Z");
    site.wait_for_slots("a draining slot", |slots| slots["draining"] == 1);
    hold.release();
    site.assert_done_at_once(run, "table");
    assert_eq!(leaving.code(), Some(0));
}

#[test]
fn a_notice_that_comes_too_late_loses_what_runs_and_no_more() {
    let site = Site::start(1);
    let metadata = FakeMetadata::start();
    let leaving = site.executor(&["--spot-notice"], &metadata.environment());
    let hold = site.hold("table");
    let run = site.submit("table", &[]);
    wait_for_held(&hold, 2);
    metadata.give_notice("2026-01-01T00:00:00Z");
    assert_eq!(leaving.code(), Some(0));
    hold.release();
    site.assert_done(run, "table");
}

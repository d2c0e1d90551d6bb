//! Runs that fail in the middle of writing to a bucket leave no upload.

use std::thread;
use std::time::Duration;

use cinemill_tests::cluster::Cluster;
use cinemill_tests::processes::poll;
use cinemill_tests::s3::Moment;

use crate::fixture::{Lake, assert_code, run};

/// One of the parts is refused once the others are on their way.
fn refuse_one_part(lake: &Lake) {
    lake.server().faults().deny_prefix(Some("out/part-00001"));
}

#[test]
fn a_failed_run_leaves_no_upload() {
    let lake = Lake::new();
    refuse_one_part(&lake);
    let ended = lake.run("s3://lake/out", "r1");
    assert_code(&ended, 21, &["s3://lake/out/part-00001", "hint:"]);
    lake.assert_nothing_is_left("out");
}

/// The task of another part is stopped while it waits for the id of its upload.
#[test]
fn a_run_that_fails_while_an_upload_begins_leaves_none() {
    let lake = Lake::new();
    refuse_one_part(&lake);
    let faults = lake.server().faults();
    let hold = faults.hold(
        Some("POST"),
        "part-00000-r1-c000.snappy.parquet?uploads",
        Moment::After,
    );
    let running = lake
        .cinemill()
        .start(&run("run", "s3://lake/out", "r1"))
        .unwrap();
    poll("an upload", || (hold.waiting() > 0).then_some(())).unwrap();
    // Long enough for the other part to be refused, and for this task to be stopped; but a run that
    // is slower than that must leave nothing either.
    thread::sleep(Duration::from_millis(500));
    hold.release();
    assert_code(&running.wait().unwrap(), 21, &["s3://lake/out/part-00001"]);
    lake.assert_nothing_is_left("out");
}

#[test]
fn a_failed_run_on_a_cluster_leaves_no_upload() {
    let lake = Lake::new();
    let cluster = Cluster::start_with(2, lake.environment()).unwrap();
    refuse_one_part(&lake);
    let ended = cluster.run(&run("submit", "s3://lake/out", "r1")).unwrap();
    assert_code(&ended, 21, &["s3://lake/out/part-00001", "hint:"]);
    lake.assert_nothing_is_left("out");
}

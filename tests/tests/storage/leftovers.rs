//! Runs that fail in the middle of writing to a bucket leave no upload.

use cinemill_tests::cluster::Cluster;

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

#[test]
fn a_failed_run_on_a_cluster_leaves_no_upload() {
    let lake = Lake::new();
    let cluster = Cluster::start_with(2, lake.environment()).unwrap();
    refuse_one_part(&lake);
    let ended = cluster.run(&run("submit", "s3://lake/out", "r1")).unwrap();
    assert_code(&ended, 21, &["s3://lake/out/part-00001", "hint:"]);
    lake.assert_nothing_is_left("out");
}

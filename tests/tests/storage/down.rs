//! A store that gives no answer at all.

use cinemill_tests::cluster::Cluster;
use cinemill_tests::processes::poll;
use cinemill_tests::s3::Moment;

use crate::fixture::{Lake, assert_code, run};

#[test]
fn a_store_that_is_down_before_the_run_is_named() {
    let mut lake = Lake::new();
    lake.stop();
    let ended = lake.run("s3://lake/out", "r1");
    let endpoint = lake.endpoint();
    assert_code(
        &ended,
        20,
        &["error: failed to", &endpoint, "cannot be reached", "hint:"],
    );
    lake.start();
    assert_code(&lake.run("s3://lake/out", "r1"), 0, &[]);
    lake.table("out");
}

/// It takes requests and answers none.
#[test]
fn a_store_that_hangs_is_named() {
    let lake = Lake::new();
    let hold = lake.server().faults().hold(None, "", Moment::Before);
    let ended = lake.run("s3://lake/out", "r1");
    let endpoint = lake.endpoint();
    assert_code(
        &ended,
        20,
        &["error: failed to", &endpoint, "does not answer", "hint:"],
    );
    hold.release();
    assert_code(&lake.run("s3://lake/out", "r1"), 0, &[]);
    lake.table("out");
}

/// It goes while the first part is on its way.
#[test]
fn a_store_that_goes_down_in_the_middle_is_named() {
    let mut lake = Lake::new();
    let hold = lake
        .server()
        .faults()
        .hold(Some("PUT"), "partNumber=", Moment::Before);
    let running = lake
        .cinemill()
        .start(&run("run", "s3://lake/out", "r1"))
        .unwrap();
    poll("a part", || (hold.waiting() > 0).then_some(())).unwrap();
    lake.stop();
    let ended = running.wait().unwrap();
    let endpoint = lake.endpoint();
    assert_code(&ended, 20, &["error: failed to", &endpoint, "hint:"]);
    drop(hold);
    lake.start();
    // Its lease has not run out yet, perhaps; another run id need not wait for that.
    assert_code(&lake.run("s3://lake/out", "r2"), 0, &[]);
    lake.table("out");
}

#[test]
fn a_store_that_goes_down_under_a_cluster_is_named() {
    let mut lake = Lake::new();
    let cluster = Cluster::start_with(2, lake.environment()).unwrap();
    let hold = lake
        .server()
        .faults()
        .hold(Some("PUT"), "partNumber=", Moment::Before);
    let submit = run("submit", "s3://lake/out", "r1");
    let running = cluster.cinemill().start(&submit).unwrap();
    poll("a part", || (hold.waiting() > 0).then_some(())).unwrap();
    lake.stop();
    let ended = running.wait().unwrap();
    let endpoint = lake.endpoint();
    assert_code(&ended, 20, &["error: failed to", &endpoint, "hint:"]);
    drop(hold);
    lake.start();
    let again = cluster.run(&run("submit", "s3://lake/out", "r2")).unwrap();
    assert_code(&again, 0, &[]);
    lake.table("out");
}

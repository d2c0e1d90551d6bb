//! A ledger in a bucket, which outlives the scheduler's host.

use rustix::process::Signal;
use tempfile::TempDir;

use crate::fixture::{assert_code, assert_published, lake, sample};
use crate::site::{Site, free_port, until_said};

/// The new scheduler waits until the old one's claims on the ledger and on the run have expired.
#[test]
fn a_replaced_scheduler_finds_the_runs() {
    let folder = TempDir::new().unwrap();
    let server = lake(&folder);
    let (input, expected) = sample(100_000);
    let mut site = Site::start_on_s3(2, &server, &[]);
    let mut client = site.submit(&input, "s3://lake/out", "moved", &[]);
    until_said(&mut client, "phase: write");
    site.kill_scheduler();
    site.start_scheduler();
    assert_code(&client.wait().unwrap(), 0, &["is back", "100000 rows"]);
    assert_published(&server.object_path("lake", "out"), "moved", &expected);
    assert!(server.open_uploads("lake").unwrap().is_empty());
    let log = site.scheduler().said().unwrap();
    assert!(log.contains("another scheduler has this ledger"), "{log}");
}

#[test]
fn a_ledger_in_a_bucket_is_for_one_scheduler() {
    let folder = TempDir::new().unwrap();
    let server = lake(&folder);
    let mut site = Site::start_on_s3(0, &server, &[]);
    // The first is alive.
    let second = site.another_scheduler(free_port()).wait().unwrap();
    let first = format!("the scheduler at {} uses it", site.address());
    assert_code(&second, 21, &[&first, "--state-dir"]);

    // The first stands still for so long that it counts as dead; then it must write no more.
    site.scheduler().signal(Signal::STOP);
    let mut third = site.another_scheduler(free_port());
    until_said(&mut third, "serving");
    site.scheduler().signal(Signal::CONT);
    let thawed = site.wait_for_scheduler();
    assert_code(&thawed, 21, &["another scheduler has taken it over"]);
    assert!(!third.is_over());

    // An orderly end gives the ledger back; nobody has to wait for anything.
    third.signal(Signal::TERM);
    assert_code(&third.wait().unwrap(), 0, &[]);
    site.start_scheduler();
    let log = site.scheduler().said().unwrap();
    assert!(!log.contains("another scheduler"), "{log}");
}

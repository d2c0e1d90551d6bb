//! Clients that die.

use cinemill_tests::processes::poll;
use cinemill_tests::published::Published;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::fixture::{assert_code, assert_published, lake, sample};
use crate::site::{Site, until_said};

#[test]
fn a_run_whose_client_is_killed_is_cancelled_with_its_uploads() {
    let folder = TempDir::new().unwrap();
    let server = lake(&folder);
    let (small, expected) = sample(2_000);
    let (large, _) = sample(100_000);
    let mut site = Site::start_on_s3(1, &server, &["--client-absence-s", "1"]);
    let output = server.object_path("lake", "out");
    let before = site.submit(&small, "s3://lake/out", "before", &[]);
    assert_code(&before.wait().unwrap(), 0, &[]);

    let mut client = site.submit(&large, "s3://lake/out", "lost", &[]);
    until_said(&mut client, "phase: write");
    poll("an upload", || {
        (!server.open_uploads("lake").unwrap().is_empty()).then_some(())
    })
    .unwrap();
    // So that the run is not done before its client is missed.
    site.signal_executors(Signal::STOP);
    assert_eq!(Published::read(&output).unwrap().unwrap().run_id, "before");
    client.kill().unwrap();
    until_said(site.scheduler(), "its client went away");
    site.signal_executors(Signal::CONT);
    assert_eq!(site.until_over("lost")["state"], "cancelled");
    assert_published(&output, "before", &expected);
    let open = server.open_uploads("lake").unwrap();
    assert!(open.is_empty(), "open uploads: {open:?}");
}

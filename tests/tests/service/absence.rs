//! Clients that die.

use cinemill_tests::processes::poll;
use tempfile::TempDir;

use crate::fixture::{assert_nothing_published, lake, sample};
use crate::site::{Site, until_said};

/// Long enough not to be done before the service misses its client.
const TITLES: u64 = 400_000;

#[test]
fn a_run_whose_client_is_killed_is_cancelled_with_its_uploads() {
    let folder = TempDir::new().unwrap();
    let server = lake(&folder);
    let (input, _) = sample(TITLES);
    let site = Site::start_on_s3(1, &server, &["--client-absence-s", "1"]);
    let mut client = site.submit(&input, "s3://lake/out", "lost", &[]);
    until_said(&mut client, "phase: write");
    poll("an upload", || {
        (!server.open_uploads("lake").unwrap().is_empty()).then_some(())
    })
    .unwrap();
    client.kill().unwrap();
    assert_eq!(site.until_over("lost")["state"], "cancelled");
    assert_nothing_published(&server.object_path("lake", "out"));
    let open = server.open_uploads("lake").unwrap();
    assert!(open.is_empty(), "open uploads: {open:?}");
}

//! Runs that must be done by a certain time.

use std::thread;
use std::time::Duration;

use cinemill_tests::processes::{Cinemill, poll};
use tempfile::TempDir;

use crate::fixture::{JOB, assert_code, assert_nothing_published, assert_published, sample, text};
use crate::site::{Site, until_said};

const LARGE: u64 = 400_000;

#[test]
fn an_embedded_run_that_is_late_fails() {
    let output = TempDir::new().unwrap();
    let (input, _) = sample(LARGE);
    let run = ["run", JOB, "--input", text(&input), "--output"];
    let run = [&run[..], &[text(output.path()), "--deadline", "1s"]].concat();
    let ended = Cinemill::default().run(&run).unwrap();
    assert_code(
        &ended,
        23,
        &["error: failed to run imdb_titles: its deadline", "hint:"],
    );
    assert_nothing_published(output.path());
}

#[test]
fn a_run_with_time_enough_is_done() {
    let output = TempDir::new().unwrap();
    let (input, expected) = sample(2_000);
    let run = [
        "run",
        JOB,
        "--input",
        text(&input),
        "--output",
        text(output.path()),
    ];
    let run = [&run[..], &["--run-id", "r", "--deadline", "1h"]].concat();
    assert_code(&Cinemill::default().run(&run).unwrap(), 0, &[]);
    assert_published(output.path(), "r", &expected);
}

/// The time counts from the submission, over a restart of the scheduler.
#[test]
fn a_submitted_run_that_is_late_fails() {
    let (input, _) = sample(LARGE);
    let mut site = Site::start(1, &[]);
    let output = site.path("out");

    let late = ["--deadline", "2"];
    let ended = site
        .submit(&input, text(&output), "late", &late)
        .wait()
        .unwrap();
    assert_code(&ended, 23, &["deadline", "hint:"]);
    assert_eq!(site.status("late")["state"], "failed");
    assert_nothing_published(&output);

    let late = ["--deadline", "8s"];
    let mut client = site.submit(&input, text(&output), "later", &late);
    until_said(&mut client, "submitted");
    site.kill_scheduler();
    // Until the deadline has passed while nobody was there.
    thread::sleep(Duration::from_secs(8));
    site.start_scheduler();
    assert_code(&client.wait().unwrap(), 23, &["is back", "deadline"]);
    poll("late tasks' files to go", || {
        let left = cinemill_tests::published::staged(&output).unwrap();
        left.is_empty().then_some(())
    })
    .unwrap();
    assert_nothing_published(&output);
}

#[test]
fn a_deadline_is_a_time() {
    for bad in ["0", "soon", "1d", "-5"] {
        let given = format!("--deadline={bad}");
        let run = ["run", JOB, "--input", "in", "--output", "out", &given];
        assert_code(&Cinemill::default().run(&run).unwrap(), 2, &["10m"]);
    }
}

//! `kill -9` at any moment leaves the old table or the new one, whole.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use cinemill_tests::cluster::Cluster;
use cinemill_tests::processes::{Cinemill, poll};
use cinemill_tests::published::{Published, staged, visible_files};
use cinemill_tests::s3::S3Server;
use tempfile::TempDir;

use crate::fixture::{JOB, assert_code, assert_same, readable, sample, text, whole};

const MOMENTS: u32 = 12;

/// The table is one of the two that it may be.
#[track_caller]
fn assert_either(found: &Published, old: &Published, new: &Published) {
    let expected = if found.run_id == old.run_id { old } else { new };
    assert_same(found, expected);
}

fn run_to(cinemill: &Cinemill, input: &Path, output: &str, more: &[&str]) -> Duration {
    let began = Instant::now();
    let mut arguments = vec!["run", JOB, "--input", text(input), "--output", output];
    arguments.extend(more);
    assert_code(&cinemill.run(&arguments).unwrap(), 0, &[]);
    began.elapsed()
}

/// Kills runs over a table at moments spread over their length.
///
/// Gives an input, and the table that comes of it.
fn kill_embedded_runs(
    cinemill: &Cinemill,
    output: &str,
    folder: &Path,
    moments: u32,
) -> (PathBuf, Published) {
    let (old_input, new_input) = (sample(20_000), sample(200_000));
    run_to(cinemill, &old_input, output, &[]);
    let old = whole(folder);
    let length = run_to(cinemill, &new_input, output, &["--run-id", "whole"]);
    let new = whole(folder);
    let mut old_seen = 0;
    for moment in 1..=moments {
        run_to(
            cinemill,
            &old_input,
            output,
            &["--run-id", &format!("old-{moment}")],
        );
        let run_id = format!("new-{moment}");
        let arguments = [
            "run",
            JOB,
            "--input",
            text(&new_input),
            "--output",
            output,
            "--run-id",
            &run_id,
            "--partition-by",
            "release_year",
        ];
        let running = cinemill.start(&arguments).unwrap();
        // The last of them fall into the commit and after it.
        thread::sleep(length * (moment + 1) / (moments - 1));
        running.kill().unwrap();
        let found = readable(folder);
        assert_either(&found, &with_id(&old, &format!("old-{moment}")), &new);
        old_seen += u32::from(found.run_id != run_id);
    }
    assert!(old_seen > 0, "every run was done before it was killed");
    (old_input, old)
}

fn with_id(table: &Published, run_id: &str) -> Published {
    Published {
        run_id: run_id.to_owned(),
        ..table.clone()
    }
}

#[test]
fn embedded_runs_may_be_killed_at_any_moment() {
    let output = TempDir::new().unwrap();
    let (cinemill, folder) = (Cinemill::default(), output.path());
    let (input, old) = kill_embedded_runs(&cinemill, text(folder), folder, MOMENTS);
    run_to(&cinemill, &input, text(folder), &["--run-id", "last"]);
    assert_same(&whole(folder), &old);
}

/// A bucket's driver counts as dead once its lease has run out.
#[test]
fn embedded_runs_to_s3_may_be_killed_at_any_moment() {
    let folder = TempDir::new().unwrap();
    let server = S3Server::start_blocking(folder.path()).unwrap();
    server.create_bucket("lake").unwrap();
    let cinemill = Cinemill::default().with_s3(&server);
    let folder = server.object_path("lake", "out");
    let (input, old) = kill_embedded_runs(&cinemill, "s3://lake/out", &folder, 5);
    poll("a run after the leases of the killed ones", || {
        run_to(&cinemill, &input, "s3://lake/out", &[]);
        let files = readable(&folder).files;
        let clean = visible_files(&folder).unwrap() == files && staged(&folder).unwrap().is_empty();
        clean.then_some(())
    })
    .unwrap();
    assert_same(&whole(&folder), &old);
    // Each task of each killed run may have begun an upload that it had no time to note.
    let tasks = std::thread::available_parallelism().unwrap().get();
    let open = server.open_uploads("lake").unwrap();
    assert!(open.len() <= 5 * tasks, "open uploads: {open:?}");
}

#[test]
fn a_killed_run_is_taken_up_under_its_id() {
    let output = TempDir::new().unwrap();
    let input = sample(200_000);
    let arguments = [
        "run",
        JOB,
        "--input",
        text(&input),
        "--output",
        text(output.path()),
        "--run-id",
        "again",
    ];
    let mut running = Cinemill::default().start(&arguments).unwrap();
    poll("the write", || {
        running
            .said()
            .unwrap()
            .contains("phase: write")
            .then_some(())
    })
    .unwrap();
    running.kill().unwrap();
    assert!(Published::read(output.path()).unwrap().is_none());
    let ended = Cinemill::default().run(&arguments).unwrap();
    assert_code(&ended, 0, &["200000 rows"]);
    assert_eq!(whole(output.path()).run_id, "again");
}

#[test]
fn a_run_outlives_an_executor() {
    let cluster = Cluster::start(2).unwrap();
    let folder = TempDir::new().unwrap();
    let output = folder.path().join("out");
    let submit = |titles: u64, run_id: &str| {
        let input = sample(titles);
        let (input, output) = (text(&input), text(&output));
        let arguments = [
            "submit", JOB, "--input", input, "--output", output, "--run-id", run_id,
        ];
        cluster.cinemill().start(&arguments).unwrap()
    };
    assert_code(&submit(20_000, "first").wait().unwrap(), 0, &[]);
    let mut running = submit(200_000, "lost");
    poll("the write", || {
        running
            .said()
            .unwrap()
            .contains("phase: write")
            .then_some(())
    })
    .unwrap();
    cluster.kill_executor(1).unwrap();
    let ended = running.wait().unwrap();
    assert_code(&ended, 0, &["cluster of 1 executor,"]);
    assert_eq!(whole(&output).rows.rows.len(), 200_000);
}

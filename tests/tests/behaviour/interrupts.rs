//! Ctrl-C, SIGTERM, and clients that vanish.

use std::path::Path;
use std::thread;
use std::time::Duration;

use cinemill_tests::cluster::Cluster;
use cinemill_tests::processes::{Cinemill, Running, poll};
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::fixture::{
    JOB, assert_code, assert_fails, assert_nothing_published, sample, text, whole,
};

const LARGE: u64 = 200_000;

fn start(cinemill: &Cinemill, verb: &str, output: &Path, run_id: &str) -> Running {
    let input = sample(LARGE);
    let (input, output) = (text(&input), text(output));
    cinemill
        .start(&[
            verb, JOB, "--input", input, "--output", output, "--run-id", run_id,
        ])
        .unwrap()
}

/// Waits until a run has said a thing, and is still at it.
fn until_said(running: &mut Running, word: &str) {
    poll(word, || {
        running.said().unwrap().contains(word).then_some(())
    })
    .unwrap();
    assert!(!running.is_over(), "too fast to be interrupted");
}

#[test]
fn an_embedded_run_is_cancelled_by_signals() {
    for signal in [Signal::INT, Signal::TERM] {
        for phase in ["phase: check keys", "phase: write"] {
            let output = TempDir::new().unwrap();
            let mut running = start(&Cinemill::default(), "run", output.path(), "r");
            until_said(&mut running, phase);
            running.signal(signal);
            assert_fails(&running.wait().unwrap(), 22, &["cancelled"]);
            assert_nothing_published(output.path());
        }
    }
}

#[test]
fn a_submitted_run_is_cancelled_with_its_client_unless_detached() {
    let cluster = Cluster::start(2).unwrap();
    let folder = TempDir::new().unwrap();
    let state = |run_id: &str| {
        let ended = cluster.run(&["status", run_id, "--json"]).unwrap();
        let run: Value = serde_json::from_str(&ended.stdout).unwrap();
        run["state"].as_str().unwrap().to_owned()
    };

    // At several moments of the write: tasks may outlive the run that they belong to.
    for moment in 0..10 {
        let signal = [Signal::INT, Signal::TERM][moment % 2];
        let run_id = format!("cancelled-{moment}");
        let output = folder.path().join(&run_id);
        let mut running = start(&cluster.cinemill(), "submit", &output, &run_id);
        until_said(&mut running, "phase: write");
        thread::sleep(Duration::from_millis(40) * moment as u32);
        running.signal(signal);
        let ended = running.wait().unwrap();
        if ended.code() == Some(0) {
            whole(&output);
            continue;
        }
        assert_fails(&ended, 22, &["cancelled"]);
        assert_eq!(state(&run_id), "cancelled");
        assert_nothing_published(&output);
    }

    // A detached run goes on when who waits for it is interrupted.
    let output = folder.path().join("detached");
    let input = sample(LARGE);
    let submit = [
        "submit",
        JOB,
        "--input",
        text(&input),
        "--output",
        text(&output),
    ];
    let mut arguments = submit.to_vec();
    arguments.extend(["--detach", "--run-id", "detached"]);
    assert_code(&cluster.run(&arguments).unwrap(), 0, &[]);
    let mut waiting = cluster.cinemill().start(&["wait", "detached"]).unwrap();
    until_said(&mut waiting, "phase: ");
    waiting.signal(Signal::INT);
    assert_fails(&waiting.wait().unwrap(), 22, &["the run goes on"]);
    assert_code(
        &cluster.run(&["wait", "detached"]).unwrap(),
        0,
        &["200000 rows"],
    );
    let table = whole(&output);
    assert_eq!(table.rows.rows.len(), 200_000);
}

//! Clients whose scheduler goes away.

use cinemill_tests::processes::Cinemill;

use crate::fixture::{JOB, assert_code, assert_published, sample, text};
use crate::proxy::Proxy;
use crate::site::{Site, until_said};

const TITLES: u64 = 100_000;

#[test]
fn a_client_waits_no_longer_than_it_was_told() {
    let (input, expected) = sample(TITLES);
    let mut site = Site::start(1, &["--client-absence-s", "60"]);
    let output = site.path("out");
    let patience = ["--wait-for-scheduler", "2"];
    let mut client = site.submit(&input, text(&output), "r", &patience);
    until_said(&mut client, "phase: check keys");
    site.kill_scheduler();
    let ended = client.wait().unwrap();
    assert_code(
        &ended,
        30,
        &["waiting up to 2 s", "for 2 s", "--run-id is safe"],
    );

    // What the message promises.
    site.start_scheduler();
    let client = site.submit(&input, text(&output), "r", &[]);
    assert_code(&client.wait().unwrap(), 0, &["attached to run r"]);
    assert_published(&output, "r", &expected);
}

#[test]
fn a_scheduler_that_is_not_there_yet_is_waited_for_when_told_so() {
    let (input, _) = sample(TITLES);
    let mut site = Site::planned(&[]);
    let output = site.path("out");
    // Unless told, a client ends at once.
    let submit = [
        "submit",
        JOB,
        "--input",
        text(&input),
        "--output",
        text(&output),
    ];
    let ended = site.run(&submit);
    assert_code(&ended, 30, &["hint:"]);
    assert!(!ended.says("waiting"), "{}", ended.stderr);

    let patient = ["--wait-for-scheduler", "100", "--detach"];
    let mut client = site.submit(&input, text(&output), "early", &patient);
    until_said(&mut client, "waiting up to 100 s");
    site.start_scheduler();
    assert_code(&client.wait().unwrap(), 0, &["early"]);
    assert_eq!(site.status("early")["state"], "running");
}

/// A run that is over at once, so that a second one would be begun if the client asked for it.
#[test]
fn a_submission_whose_answer_is_lost_begins_one_run() {
    let mut site = Site::start(0, &[]);
    let empty = site.path("empty");
    std::fs::create_dir(&empty).unwrap();
    let proxy = Proxy::losing_an_answer_to("POST /v1/runs ", &site.address());
    let cinemill = Cinemill::default().with("CINEMILL_SCHEDULER", proxy.address());
    let (input, output) = (text(&empty), site.path("out"));
    let submit = ["submit", JOB, "--input", input, "--output", text(&output)];
    let ended = cinemill
        .run(&[&submit[..], &["--run-id", "once"]].concat())
        .unwrap();
    assert_code(
        &ended,
        12,
        &["is away", "submitted run once", "title.crew.tsv"],
    );
    assert!(proxy.has_lost(), "the answer was not lost");
    let log = site.scheduler().said().unwrap();
    assert_eq!(log.matches("run submitted").count(), 1, "{log}");
    // Another submission is another try.
    let ended = cinemill
        .run(&[&submit[..], &["--run-id", "once"]].concat())
        .unwrap();
    assert_code(&ended, 12, &[]);
    let log = site.scheduler().said().unwrap();
    assert_eq!(log.matches("run submitted").count(), 2, "{log}");
}

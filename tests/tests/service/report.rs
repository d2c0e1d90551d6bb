//! `--report`: what somebody sees who can read a file or bucket, but not a command's output.

use std::fs;
use std::path::Path;

use cinemill_tests::processes::{Cinemill, Ended, poll};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{JOB, assert_code, assert_nothing_published, lake, sample, text};
use crate::site::{Site, free_port, until_said};

const LARGE: u64 = 400_000;

/// The lines of a report as it is now, in order and without a gap.
fn lines(path: &Path) -> Vec<Value> {
    let report = fs::read_to_string(path).unwrap();
    assert!(report.ends_with('\n'), "{report}");
    let lines = report
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<Value> = lines.collect();
    for (number, line) in lines.iter().enumerate() {
        assert_eq!(line["seq"], number + 1, "{report}");
        let at = line["at"].as_str().unwrap();
        assert!(chrono::DateTime::parse_from_rfc3339(at).is_ok(), "{at}");
    }
    lines
}

/// The report of a command that has ended: one `end`, last, that tells what the process told.
#[track_caller]
fn end(path: &Path, ended: &Ended, run_id: &str) -> Value {
    let mut lines = lines(path);
    let end = lines.pop().unwrap();
    assert_eq!(end["kind"], "end");
    assert_eq!(end["run_id"], run_id);
    assert_eq!(end["exit_code"], ended.code().unwrap());
    if let Some(error) = end.get("error") {
        let (action, cause) = (&error["action"], &error["cause"]);
        let told = format!(
            "error: failed to {}: {}\n",
            action.as_str().unwrap(),
            cause.as_str().unwrap()
        );
        assert!(ended.stderr.contains(&told), "{told}{}", ended.stderr);
    }
    let told = lines.iter().map(|line| {
        assert_eq!(line["kind"], "progress");
        line["text"].as_str().unwrap()
    });
    let said = ended.stderr.lines();
    let other = ["error: ", "hint: ", "rejects: "];
    let is_progress = |line: &&str| !other.iter().any(|word| line.starts_with(word));
    assert!(told.eq(said.filter(is_progress)), "{}", ended.stderr);
    end
}

#[test]
fn a_run_is_reported_while_it_goes_on_and_as_it_ended() {
    let (folder, (input, expected)) = (TempDir::new().unwrap(), sample(LARGE));
    let server = lake(&folder);
    let site = Site::start_on_s3(1, &server, &[]);
    let report = server.object_path("lake", "reports/r.jsonl");
    let flags = ["--report", "s3://lake/reports/r.jsonl"];

    let mut client = site.submit(&input, "s3://lake/out", "r", &flags);
    poll("a report", || report.is_file().then_some(())).unwrap();
    let meanwhile = lines(&report);
    assert!(!client.is_over());
    assert!(meanwhile.iter().all(|line| line["kind"] == "progress"));
    let ended = client.wait().unwrap();
    assert_code(&ended, 0, &[]);
    let last = end(&report, &ended, "r");
    assert_eq!(last["verdict"]["rows"], expected.rows.rows.len());
    assert_eq!(last.get("already_done"), None);
    // What was told stays told.
    assert_eq!(lines(&report)[..meanwhile.len()], meanwhile);

    // Told again, the run is found to be done.
    let again = site.submit(&input, "s3://lake/out", "r", &flags);
    let ended = again.wait().unwrap();
    assert_code(&ended, 0, &["was finished before"]);
    let last = end(&report, &ended, "r");
    assert_eq!(last["already_done"], json!(true));
    assert_eq!(last["verdict"]["rows"], expected.rows.rows.len());

    let waited = site.run(&["wait", "r", "--report", "s3://lake/reports/w.jsonl"]);
    let report = server.object_path("lake", "reports/w.jsonl");
    assert_eq!(end(&report, &waited, "r")["verdict"], last["verdict"]);
}

#[test]
fn a_cancelled_run_is_reported() {
    let (input, _) = sample(LARGE);
    let site = Site::start(1, &[]);
    let (report, output) = (site.path("report.jsonl"), site.path("out"));
    let flags = ["--report", text(&report)];
    let mut client = site.submit(&input, text(&output), "r", &flags);
    until_said(&mut client, "phase: ");
    client.signal(Signal::TERM);
    let ended = client.wait().unwrap();
    assert_code(&ended, 22, &["cancelling run r"]);
    let last = end(&report, &ended, "r");
    assert_eq!(last["error"]["kind"], "cancelled");
    assert_eq!(last.get("verdict"), None);
    assert_nothing_published(&output);

    // The same, embedded.
    let run = [
        "run",
        JOB,
        "--input",
        text(&input),
        "--output",
        text(&output),
    ];
    let run = [&run[..], &["--run-id", "e"], &flags].concat();
    let mut running = Cinemill::default().start(&run).unwrap();
    until_said(&mut running, "phase: ");
    running.signal(Signal::INT);
    let ended = running.wait().unwrap();
    assert_code(&ended, 22, &["again to leave at once"]);
    end(&report, &ended, "e");
}

#[test]
fn what_never_began_is_reported() {
    let (folder, (input, _)) = (TempDir::new().unwrap(), sample(2_000));
    let (report, output) = (
        folder.path().join("report.jsonl"),
        folder.path().join("out"),
    );
    let nobody =
        Cinemill::default().with("CINEMILL_SCHEDULER", format!("127.0.0.1:{}", free_port()));
    let submit = |job: &str, run_id: &str, more: &[&str]| {
        let submit = [
            "submit",
            job,
            "--input",
            text(&input),
            "--output",
            text(&output),
        ];
        let more = [&["--run-id", run_id, "--report", text(&report)], more].concat();
        nobody.start(&[&submit[..], &more].concat()).unwrap()
    };
    for (job, run_id, code) in [(JOB, "r", 30), ("nothing", "r", 10), (JOB, "a/b", 2)] {
        let ended = submit(job, run_id, &[]).wait().unwrap();
        assert_code(&ended, code, &[]);
        end(&report, &ended, run_id);
    }

    // It waits for a scheduler when it is stopped.
    let mut waiting = submit(JOB, "w", &["--wait-for-scheduler", "100"]);
    until_said(&mut waiting, "is away");
    waiting.signal(Signal::TERM);
    let ended = waiting.wait().unwrap();
    assert_code(&ended, 22, &["interrupted before"]);
    end(&report, &ended, "w");

    let ended = submit(JOB, "r", &["--detach"]).wait().unwrap();
    assert_code(&ended, 2, &["--detach", "--report"]);
}

#[test]
fn a_report_that_cannot_be_written_harms_nothing() {
    let (folder, (input, expected)) = (TempDir::new().unwrap(), sample(2_000));
    let server = lake(&folder);
    let cinemill = Cinemill::default().with_s3(&server);
    let run = [
        "run",
        JOB,
        "--input",
        text(&input),
        "--output",
        "s3://lake/out",
    ];
    let run = [&run[..], &["--report", "s3://nothing/report.jsonl"]].concat();
    let ended = cinemill.run(&run).unwrap();
    let rows = format!("{} rows", expected.rows.rows.len());
    assert_code(&ended, 0, &[&rows]);
    assert_eq!(ended.stderr.matches("warning: no report").count(), 1);

    for nowhere in ["gs://a/b", "s3://bucket", ""] {
        let run = [
            "run", JOB, "--input", "in", "--output", "out", "--report", nowhere,
        ];
        assert_code(&cinemill.run(&run).unwrap(), 2, &["--report"]);
    }
}

//! What a scheduler does with what it finds in its ledger.

use serde_json::{Value, json};

use crate::fixture::{JOB, assert_code, assert_published, sample, text};
use crate::site::{Site, free_port};

const TITLES: u64 = 2_000;

/// As if the scheduler had died a moment before.
fn unfinished(entry: &mut Value) {
    entry["run"]["state"] = json!("running");
    entry["run"]["finished_at"] = Value::Null;
    entry["run"]["verdict"] = Value::Null;
}

#[test]
fn unfinished_runs_are_ended_as_their_tables_tell() {
    let (input, expected) = sample(TITLES);
    let mut site = Site::start(1, &[]);
    let output = site.path("out");
    for run_id in ["poisonous", "old", "committed"] {
        site.detach(&input, text(&output), run_id, &[]);
        assert_eq!(site.until_over(run_id)["state"], "succeeded");
    }
    assert_published(&output, "committed", &expected);
    site.kill_scheduler();

    // Its scheduler died after the commit, before it could say so here or there.
    site.change_entry("committed", unfinished);
    let record = output.join("_runs/committed.json");
    let told: Value = serde_json::from_slice(&std::fs::read(&record).unwrap()).unwrap();
    let mut running = told.clone();
    running["state"] = json!("running");
    std::fs::write(&record, running.to_string()).unwrap();
    // Schedulers died of it again and again.
    site.change_entry("poisonous", |entry| {
        unfinished(entry);
        entry["crashes"] = json!(10);
    });
    // Earlier versions wrote no more than this.
    site.change_entry("old", |entry| {
        unfinished(entry);
        *entry = json!({"run": entry["run"]});
    });
    site.start_scheduler();

    let run = site.until_over("committed");
    assert_eq!(
        (&run["state"], &run["already_done"]),
        (&json!("succeeded"), &json!(false))
    );
    assert_published(&output, "committed", &expected);
    let record: Value = serde_json::from_slice(&std::fs::read(&record).unwrap()).unwrap();
    assert_eq!(
        (&record["state"], &record["attempt"]),
        (&json!("succeeded"), &told["attempt"])
    );
    assert_eq!(site.until_over("poisonous")["error"]["kind"], "final");
    assert_code(
        &site.run(&["wait", "poisonous"]),
        21,
        &["11 schedulers died", "hint:"],
    );
    assert_eq!(site.until_over("old")["error"]["kind"], "retryable");
}

#[test]
fn a_ledger_is_for_one_scheduler() {
    let site = Site::start(0, &[]);
    let ended = site.another_scheduler(free_port()).wait().unwrap();
    assert_code(&ended, 21, &["another scheduler uses it", "--state-dir"]);
}

/// Nothing goes on by surprise when a cluster is started again.
#[test]
fn stopping_a_cluster_cancels_its_runs() {
    let (input, _) = sample(100_000);
    let site = Site::planned(&[]);
    let (state, output) = (site.path("cluster"), site.path("out"));
    let port = free_port().to_string();
    let address = format!("127.0.0.1:{port}");
    let start = ["cluster", "local", "--executors", "1", "--port", &port];
    let start = [&start[..], &["--state-dir", text(&state)]].concat();
    let stop = ["cluster", "stop", "--state-dir", text(&state)];
    assert_code(&site.run(&start), 0, &[]);
    let cinemill = site.cinemill().with("CINEMILL_SCHEDULER", &address);
    let submit = [
        "submit",
        JOB,
        "--input",
        text(&input),
        "--output",
        text(&output),
    ];
    let submit = [&submit[..], &["--run-id", "r", "--detach"]].concat();
    assert_code(&cinemill.run(&submit).unwrap(), 0, &[]);
    assert_code(&site.run(&stop), 0, &["stopped"]);
    let entry = std::fs::read(state.join("runs/r.json")).unwrap();
    let entry: Value = serde_json::from_slice(&entry).unwrap();
    assert_eq!(entry["run"]["state"], "cancelled");
}

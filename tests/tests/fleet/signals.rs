//! What autoscalers see.

use std::collections::BTreeSet;

use crate::fixture::Site;

#[test]
fn a_run_without_executors_wants_one() {
    let site = Site::start(0);
    let run = site.submit("table", &["--queue", "nightly"]);
    let slots = site.wait_for_slots("a wanted slot", |slots| slots["wanted"] == 1);
    assert_eq!((&slots["total"], &slots["busy"]), (&0.into(), &0.into()));
    assert_eq!(slots["tasks_pending"], 1);
    assert_eq!(slots["runs"]["running"], 1);
    assert_eq!(slots["queues"]["nightly"]["runs"], 1);
    site.wait_for_slots("time to pass", |slots| {
        slots["oldest_pending_age_s"].as_f64() > Some(0.1)
    });
    let _executor = site.executor(&[], &[]);
    site.assert_done(run, "table");
    let slots = site.wait_for_slots("rest", |slots| slots["wanted"] == 0);
    assert_eq!(slots["oldest_pending_age_s"], 0.0);
    assert_eq!(slots["runs"]["succeeded"], 1);
}

/// One executor and one run, so that there is a value of every metric.
#[test]
fn every_metric_is_in_the_documentation() {
    let site = Site::start(0);
    let _run = site.submit("table", &[]);
    site.wait_for_slots("a run", |slots| slots["runs"]["running"] == 1);
    let _executor = site.executor(&[], &[]);
    let text = site.get("/metrics");
    let told = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let told: BTreeSet<&str> = told.filter_map(|line| line.split(' ').next()).collect();
    assert!(told.contains("cinemill_task_slots_wanted"), "{text}");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/fleet.md");
    let document = std::fs::read_to_string(path).unwrap();
    let documented: BTreeSet<&str> = document
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.starts_with("cinemill_"))
        .collect();
    assert_eq!(told, documented);
}

#[test]
fn the_api_describes_the_fleet() {
    let site = Site::start(0);
    let api: serde_json::Value = serde_json::from_str(&site.get("/v1/openapi.json")).unwrap();
    for (path, method) in [
        ("/v1/executors", "get"),
        ("/v1/executors/{executor_id}", "delete"),
        ("/v1/executors/{executor_id}/drain", "post"),
        ("/v1/slots", "get"),
        ("/metrics", "get"),
    ] {
        assert!(api["paths"][path][method].is_object(), "{method} {path}");
    }
    for schema in ["Executor", "Drain", "DrainRequest", "Slots"] {
        assert!(api["components"]["schemas"][schema].is_object(), "{schema}");
    }
}

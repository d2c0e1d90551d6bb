//! Batches: all of one or nothing, once.

use std::time::Duration;

use serde_json::json;

use crate::fixture::{Fixture, batch};

#[tokio::test]
async fn a_batch_is_done_as_a_whole_or_not_at_all() {
    let fixture = Fixture::new();
    fixture
        .done(&["CREATE TABLE films (name VARCHAR(20))"])
        .await;
    let told = fixture
        .batch(&[
            "INSERT INTO films VALUES ('Stalker')",
            "SELECT 1 / 0",
            "DROP TABLE films",
        ])
        .await;
    assert_eq!(told["Status"], "FAILED");
    assert_eq!(
        told["Error"],
        "Query #2 failed with ERROR: division by zero"
    );
    let parts = told["SubStatements"].as_array().unwrap();
    let status: Vec<_> = parts
        .iter()
        .map(|part| part["Status"].as_str().unwrap())
        .collect();
    assert_eq!(status, ["FINISHED", "FAILED", "ABORTED"]);
    assert_eq!(parts[1]["Error"], "ERROR: division by zero");
    assert_eq!(
        parts[1]["Id"],
        format!("{}:2", told["Id"].as_str().unwrap())
    );
    assert_eq!(fixture.value("SELECT count(*) FROM films"), "0");

    fixture
        .done(&[
            "INSERT INTO films VALUES ('Stalker')",
            "INSERT INTO films VALUES ('Mirror')",
        ])
        .await;
    assert_eq!(fixture.value("SELECT count(*) FROM films"), "2");
}

#[tokio::test]
async fn a_token_runs_a_batch_once() {
    let fixture = Fixture::new();
    fixture
        .done(&["CREATE TABLE films (name VARCHAR(20))"])
        .await;
    let mut request = batch(&["INSERT INTO films VALUES ('Stalker')"]);
    request["ClientToken"] = json!("load-1");
    let start = || fixture.get("BatchExecuteStatement", request.clone());
    let first = start().await.unwrap();
    let second = start().await.unwrap();
    assert_eq!(first["Id"], second["Id"]);
    let told = fixture.end_of(first["Id"].as_str().unwrap()).await;
    assert_eq!(told["Status"], "FINISHED");
    assert_eq!(start().await.unwrap()["Id"], first["Id"]);
    assert_eq!(fixture.value("SELECT count(*) FROM films"), "1");
    assert_eq!(fixture.redshift.received().len(), 2);
}

#[tokio::test]
async fn a_lost_answer_is_a_batch_that_runs() {
    let fixture = Fixture::new();
    fixture
        .done(&["CREATE TABLE films (name VARCHAR(20))"])
        .await;
    fixture.redshift.faults().lose_next_answer();
    let mut request = batch(&["INSERT INTO films VALUES ('Stalker')"]);
    request["ClientToken"] = json!("load-1");
    let lost = fixture.ask("BatchExecuteStatement", request.clone()).await;
    assert!(lost.is_err(), "{lost:?}");
    let again = fixture.get("BatchExecuteStatement", request).await.unwrap();
    let told = fixture.end_of(again["Id"].as_str().unwrap()).await;
    assert_eq!(told["Status"], "FINISHED");
    assert_eq!(fixture.value("SELECT count(*) FROM films"), "1");
}

#[tokio::test]
async fn a_commit_can_fail() {
    let fixture = Fixture::new();
    let text = "ERROR: 1023 DETAIL: Serializable isolation violation on table - 100, transactions \
                forming the cycle are: 1, 2 (pid:3)";
    fixture.redshift.faults().fail_next_commit(text);
    let statements = ["CREATE TABLE films (name VARCHAR(20))"];
    assert_eq!(fixture.failed(&statements).await, text);
    fixture.done(&statements).await;
}

#[tokio::test]
async fn batches_are_one_transaction() {
    let fixture = Fixture::new();
    for sql in ["BEGIN", "COMMIT", "ROLLBACK"] {
        let error = fixture.failed(&["SELECT 1", sql]).await;
        assert!(
            error.starts_with("Query #2 failed with ERROR: a batch"),
            "{error}"
        );
    }
    let error = fixture.failed(&["SELECT 1; SELECT 2"]).await;
    assert!(error.contains("multiple commands"), "{error}");
}

#[tokio::test]
async fn a_batch_can_be_cancelled() {
    let fixture = Fixture::new();
    let slow = batch(&[
        "CREATE TABLE films (name VARCHAR(20))",
        "SELECT pg_sleep(60)",
    ]);
    let started = fixture.get("BatchExecuteStatement", slow).await.unwrap();
    let id = || json!({ "Id": started["Id"] });
    loop {
        let told = fixture.get("DescribeStatement", id()).await.unwrap();
        if told["SubStatements"][1]["Status"] == "STARTED" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let cancelled = fixture.get("CancelStatement", id()).await.unwrap();
    assert_eq!(cancelled["Status"], true);
    let told = fixture.end_of(started["Id"].as_str().unwrap()).await;
    assert_eq!(told["Status"], "ABORTED");
    let again = fixture.get("CancelStatement", id()).await.unwrap_err();
    assert!(again.contains("already in ABORTED state"), "{again}");
    let left = fixture.rows("SELECT 1 FROM pg_tables WHERE tablename = 'films'");
    assert!(left.is_empty());
}

//! Who gets in, and with what.

use cinemill_tests::redshift::{LOADER, WORKGROUP};
use serde_json::{Value, json};

use crate::fixture::{Fixture, batch};

#[tokio::test]
async fn requests_must_be_signed_with_the_key() {
    let fixture = Fixture::new();
    let right = fixture.signature("redshift-data");
    let wrong_key = right.replace(fixture.lake.access_key(), "AKIAOTHER");
    for (signature, code) in [
        (None, "MissingAuthenticationTokenException"),
        (Some(wrong_key), "UnrecognizedClientException"),
        (
            Some(fixture.signature("redshift")),
            "InvalidSignatureException",
        ),
    ] {
        let target = "RedshiftData.BatchExecuteStatement";
        let answer = fixture
            .send(target, &batch(&["SELECT 1"]), signature)
            .await
            .unwrap();
        assert_eq!(answer.status(), 400);
        let told: Value = answer.json().await.unwrap();
        assert_eq!(told["__type"], code);
    }
    assert!(fixture.redshift.received().is_empty());
}

#[tokio::test]
async fn credentials_expire_and_requests_are_turned_away() {
    let fixture = Fixture::new();
    let ask = || fixture.get("BatchExecuteStatement", batch(&["SELECT 1"]));
    fixture.redshift.faults().expire_credentials();
    assert!(ask().await.unwrap_err().contains("ExpiredTokenException"));
    fixture.redshift.faults().renew_credentials();
    ask().await.unwrap();
    fixture.redshift.faults().throttle(2);
    let answers = [ask().await, ask().await, ask().await, ask().await];
    let throttled = answers.iter().filter_map(|answer| answer.as_ref().err());
    let throttled: Vec<_> = throttled.collect();
    assert_eq!(throttled.len(), 2);
    assert!(throttled[0].contains("ThrottlingException"));
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused() {
    let fixture = Fixture::new();
    let changed = |key: &str, value: Value| {
        let mut request = batch(&["SELECT 1"]);
        request[key] = value;
        request
    };
    for request in [
        changed("WorkgroupName", json!("other")),
        changed("WorkgroupName", Value::Null),
        changed("ClusterIdentifier", json!("warehouse")),
        changed("Database", json!("other")),
        changed("Sqls", json!([])),
        changed("Sqls", json!(vec!["SELECT 1"; 41])),
        changed("Sqls", json!(["x".repeat(100 * 1024 + 1)])),
        changed("ClientToken", json!("x".repeat(65))),
    ] {
        let error = fixture.get("BatchExecuteStatement", request).await;
        assert!(error.unwrap_err().contains("ValidationException"));
    }
}

#[tokio::test]
async fn temporary_credentials_are_handed_out() {
    let fixture = Fixture::new();
    let signature = Some(fixture.signature("redshift-serverless"));
    let request = json!({ "workgroupName": WORKGROUP, "dbName": "dev" });
    let target = "RedshiftServerless.GetCredentials";
    let answer = fixture.send(target, &request, signature).await.unwrap();
    let told: Value = answer.json().await.unwrap();
    assert_eq!(told["dbUser"], LOADER);
    assert!(told["dbPassword"].as_str().unwrap().len() >= 32);

    let form = "Action=GetClusterCredentialsWithIAM&Version=2012-12-01&ClusterIdentifier=warehouse";
    let answer = reqwest::Client::new()
        .post(fixture.redshift.endpoint())
        .header("Authorization", fixture.signature("redshift"))
        .body(form)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let text = answer.text().await.unwrap();
    assert!(
        text.contains(&format!("<DbUser>{LOADER}</DbUser>")),
        "{text}"
    );
}

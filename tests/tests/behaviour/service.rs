//! The run service's HTTP API.

use cinemill_tests::cluster::Cluster;
use serde_json::{Value, json};

async fn get(cluster: &Cluster, path: &str) -> (u16, Value) {
    let url = format!("http://{}{path}", cluster.address());
    let answer = reqwest::get(url).await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn post(cluster: &Cluster, path: &str, body: String) -> (u16, Value) {
    let request = reqwest::Client::new()
        .post(format!("http://{}{path}", cluster.address()))
        .header("content-type", "application/json")
        .body(body);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn the_service_describes_itself_and_refuses_nonsense() {
    let cluster = tokio::task::spawn_blocking(|| Cluster::start(1).unwrap());
    let cluster = cluster.await.unwrap();
    let (status, api) = get(&cluster, "/v1/openapi.json").await;
    assert_eq!(status, 200);
    assert!(api["openapi"].as_str().unwrap().starts_with("3."));
    let paths = api["paths"].as_object().unwrap();
    for (path, method) in [
        ("/v1/runs", "post"),
        ("/v1/runs", "get"),
        ("/v1/runs/{run_id}", "get"),
        ("/v1/runs/{run_id}/events", "get"),
        ("/v1/runs/{run_id}/cancel", "post"),
        ("/v1/executors", "get"),
    ] {
        assert!(paths[path][method].is_object(), "{method} {path}");
    }
    for schema in ["Run", "SubmitRun", "Submitted", "Failure"] {
        assert!(api["components"]["schemas"][schema].is_object(), "{schema}");
    }

    assert_eq!(get(&cluster, "/v1/runs").await, (200, json!([])));
    let (status, executors) = get(&cluster, "/v1/executors").await;
    assert_eq!((status, executors.as_array().unwrap().len()), (200, 1));
    assert_eq!(executors[0]["slots"], 1);

    for (status, answer) in [
        get(&cluster, "/v1/runs/nope").await,
        get(&cluster, "/v1/runs/nope/events").await,
        post(&cluster, "/v1/runs/nope/cancel", String::new()).await,
    ] {
        assert_eq!(status, 404);
        assert!(answer["error"]["action"].as_str().unwrap().contains("nope"));
        assert!(answer["error"]["cause"].is_string());
    }
    for body in ["{", "{}", "[]", r#"{"request": {"run_id": "a"}}"#] {
        let (status, answer) = post(&cluster, "/v1/runs", body.to_owned()).await;
        assert_eq!(status, 400, "{body}");
        assert!(answer["error"]["cause"].is_string(), "{body}");
    }
    assert_eq!(get(&cluster, "/v1/runs").await, (200, json!([])));
}

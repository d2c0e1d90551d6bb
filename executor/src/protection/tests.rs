#![allow(clippy::unwrap_used)]

use std::sync::Mutex;
use std::time::Instant;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use tokio::net::TcpListener;

use super::*;

const QUICK: Timing = Timing {
    renew: Duration::from_millis(50),
    retry: Duration::from_millis(20),
    keep: Duration::from_millis(200),
};

/// ECS' agent, as its documentation has it.
#[derive(Clone, Default)]
struct FakeAgent {
    protection: Arc<Mutex<Value>>,
    /// What it was asked to do.
    asked: Arc<Mutex<Vec<(Instant, Value)>>>,
    refuses: Arc<Mutex<Option<(StatusCode, Value)>>>,
}

async fn change(
    State(agent): State<FakeAgent>,
    Json(body): Json<Value>,
) -> (StatusCode, Json<Value>) {
    let mut asked = agent.asked.lock().unwrap();
    asked.push((Instant::now(), body.clone()));
    if let Some((status, told)) = agent.refuses.lock().unwrap().clone() {
        return (status, Json(told));
    }
    agent.set(&body["ProtectionEnabled"], &asked.len().to_string());
    (StatusCode::OK, Json(agent.state()))
}

async fn tell(State(agent): State<FakeAgent>) -> Json<Value> {
    Json(agent.state())
}

impl FakeAgent {
    /// Its address.
    async fn serve(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let path = "/api/1/task-protection/v1/state";
        let router = Router::new()
            .route(path, get(tell).put(change))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}/api/1")
    }

    fn set(&self, enabled: &Value, expires: &str) {
        *self.protection.lock().unwrap() = json!({
            "ProtectionEnabled": enabled,
            "ExpirationDate": enabled.as_bool().and_then(|enabled| enabled.then_some(expires)),
            "TaskArn": "arn:aws:ecs:eu-central-1:111122223333:task/films/1",
        });
    }

    fn state(&self) -> Value {
        json!({"protection": *self.protection.lock().unwrap()})
    }

    async fn protect(&self, tasks: &Tasks, timing: Timing) {
        let agent = Agent::new(&self.serve().await);
        let tasks = tasks.clone();
        tokio::spawn(async move { agent.hold(&tasks, timing).await });
    }

    fn asked(&self) -> Vec<Value> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|(_, body)| body.clone()).collect()
    }

    async fn until_asked(&self, what: impl Fn(&[Value]) -> bool) {
        let asked = async {
            while !what(&self.asked()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let limit = Duration::from_secs(20);
        assert!(
            tokio::time::timeout(limit, asked).await.is_ok(),
            "{:?}",
            self.asked()
        );
    }
}

fn enable() -> Value {
    json!({"ProtectionEnabled": true, "ExpiresInMinutes": 10})
}

fn disable() -> Value {
    json!({"ProtectionEnabled": false})
}

#[tokio::test]
async fn a_protection_is_renewed_while_tasks_run_and_kept_for_a_while() {
    let (agent, tasks) = (FakeAgent::default(), Tasks::default());
    agent.protect(&tasks, QUICK).await;
    tokio::time::sleep(QUICK.keep).await;
    assert_eq!(agent.asked(), [] as [Value; 0], "nothing runs yet");

    let first = tasks.begin();
    let second = tasks.begin();
    drop(first);
    agent.until_asked(|asked| asked.len() >= 10).await;
    drop(second);
    let idle_at = Instant::now();
    // It comes back before the protection has gone.
    tokio::time::sleep(QUICK.keep / 4).await;
    drop(tasks.begin());
    agent.until_asked(|asked| asked.contains(&disable())).await;
    let asked = agent.asked.lock().unwrap().clone();
    let (last, renewals) = asked.split_last().unwrap();
    assert_eq!(last.1, disable());
    assert!(renewals.iter().all(|(_, body)| *body == enable()));
    assert!(last.0 - idle_at > QUICK.keep);

    // Nothing more is asked while nothing runs; with the next task all begins again.
    let asked = asked.len();
    tokio::time::sleep(QUICK.keep).await;
    assert_eq!(agent.asked().len(), asked);
    let _task = tasks.begin();
    agent
        .until_asked(|asked| asked.last() == Some(&enable()))
        .await;
}

#[tokio::test]
async fn an_agent_that_refuses_is_asked_again() {
    let (agent, tasks) = (FakeAgent::default(), Tasks::default());
    let refusals = [
        (
            StatusCode::OK,
            json!({"failure": {"Reason": "DEPLOYMENT_BLOCKED"}}),
        ),
        (
            StatusCode::BAD_REQUEST,
            json!({"error": {"Code": "AccessDeniedException"}}),
        ),
        (StatusCode::INTERNAL_SERVER_ERROR, Value::Null),
    ];
    *agent.refuses.lock().unwrap() = Some(refusals[0].clone());
    agent.protect(&tasks, QUICK).await;
    let _task = tasks.begin();
    for refusal in refusals {
        *agent.refuses.lock().unwrap() = Some(refusal);
        let before = agent.asked().len();
        agent.until_asked(|asked| asked.len() > before + 2).await;
    }
    // From then on it renews, which is less often.
    *agent.refuses.lock().unwrap() = None;
    let before = agent.asked().len();
    agent.until_asked(|asked| asked.len() > before + 3).await;
    let asked = agent.asked.lock().unwrap();
    let (at, pause) = (&asked[asked.len() - 2..], QUICK.renew);
    assert!(at[1].0 - at[0].0 >= pause);
}

#[tokio::test]
async fn a_protection_of_somebody_else_stays() {
    let (agent, tasks) = (FakeAgent::default(), Tasks::default());
    let renew = Duration::from_secs(60);
    agent.protect(&tasks, Timing { renew, ..QUICK }).await;
    let task = tasks.begin();
    agent.until_asked(|asked| !asked.is_empty()).await;
    agent.set(&Value::Bool(true), "of somebody else");
    drop(task);
    tokio::time::sleep(QUICK.keep * 2).await;
    assert_eq!(agent.asked(), [enable()]);
    let protection = agent.state()["protection"].clone();
    assert_eq!(protection["ExpirationDate"], "of somebody else");
}

#[tokio::test]
async fn the_reason_is_told() {
    let agent = FakeAgent::default();
    let mut refused = Agent::new(&agent.serve().await);
    assert_eq!(refused.protect().await, Ok(()));
    let blocked = json!({"failure": {"Reason": "DEPLOYMENT_BLOCKED"}});
    *agent.refuses.lock().unwrap() = Some((StatusCode::OK, blocked));
    let told = refused.protect().await.unwrap_err();
    assert!(told.contains("DEPLOYMENT_BLOCKED"), "{told}");
    let mut nobody = Agent::new("http://127.0.0.1:1/");
    assert!(nobody.protect().await.is_err());
}

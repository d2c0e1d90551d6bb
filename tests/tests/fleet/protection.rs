//! ECS' protection from scaling in, asked for by real executors.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::routing::put;
use axum::{Json, Router};
use cinemill_tests::processes::poll;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::fixture::{Site, wait_for_held};

/// ECS' agent: what it was asked, and whether it refuses.
#[derive(Clone, Default)]
struct FakeAgent {
    asked: Arc<Mutex<Vec<Value>>>,
    refuses: bool,
}

async fn answer(State(agent): State<FakeAgent>, Json(body): Json<Value>) -> Json<Value> {
    agent.asked.lock().unwrap().push(body.clone());
    Json(match agent.refuses {
        true => json!({"failure": {"Reason": "TASK_NOT_VALID"}}),
        false => json!({"protection": body}),
    })
}

impl FakeAgent {
    /// Serves until the test's process ends; what an executor's environment says of it.
    fn start(&self) -> Vec<(String, String)> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let uri = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/task-protection/v1/state", put(answer))
            .with_state(self.clone());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        std::thread::spawn(move || {
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, router).await
            })
        });
        vec![("ECS_AGENT_URI".to_owned(), uri)]
    }
}

#[test]
fn an_executor_is_protected_while_it_runs_tasks() {
    let site = Site::start(1);
    let agent = FakeAgent::default();
    let executor = site.executor(&[], &agent.start());
    assert!(agent.asked.lock().unwrap().is_empty(), "nothing runs yet");
    let hold = site.hold("table");
    let run = site.submit("table", &[]);
    wait_for_held(&hold, 2);
    let first = poll("the protection", || {
        agent.asked.lock().unwrap().first().cloned()
    });
    let protected = json!({"ProtectionEnabled": true, "ExpiresInMinutes": 10});
    assert_eq!(first.unwrap(), protected);
    hold.release();
    site.assert_done_at_once(run, "table");
    executor.signal(Signal::TERM);
    assert_eq!(executor.code(), Some(0));
}

#[test]
fn an_executor_that_ecs_does_not_protect_works_all_the_same() {
    let site = Site::start(1);
    let agent = FakeAgent {
        refuses: true,
        ..FakeAgent::default()
    };
    let mut executor = site.executor(&[], &agent.start());
    let run = site.submit("table", &[]);
    site.assert_done_at_once(run, "table");
    let said = executor.process.said().unwrap();
    let told = said.matches("TASK_NOT_VALID").count();
    assert_eq!(told, 1, "{said}");
}

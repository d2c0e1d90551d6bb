//! What an executor that leaves says to its scheduler.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The scheduler's HTTP API, for one executor.
pub struct Scheduler {
    http: reqwest::Client,
    /// Of this executor, there.
    url: String,
}

/// What the scheduler says to an executor that wants to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It shall stay yet: tasks or files of it are needed.
    Stay,
    /// It may go.
    Go,
    /// The scheduler does not know it: it never came, was lost, or the scheduler is a new one.
    Unknown,
}

#[derive(Deserialize)]
struct Drain {
    state: String,
}

impl Scheduler {
    pub fn new(address: &str, executor_id: &str) -> Self {
        Self {
            http: reqwest::Client::new(),
            url: format!("http://{address}/v1/executors/{executor_id}"),
        }
    }

    /// Asks for a drain, or how far it is.
    pub async fn drain(&self, deadline: Duration) -> Result<Answer, reqwest::Error> {
        let url = format!("{}/drain", self.url);
        let body = json!({"deadline_s": deadline.as_secs()});
        self.ask(self.http.post(url).json(&body)).await
    }

    /// Says that the executor goes at once, whatever it has. Best effort: where nobody listens,
    /// its heartbeats stay away.
    pub async fn goodbye(&self) {
        let said = self.ask(self.http.request(Method::DELETE, &self.url)).await;
        if let Err(cause) = said {
            tracing::warn!(%cause, "could not tell the scheduler that this executor leaves");
        }
    }

    async fn ask(&self, request: reqwest::RequestBuilder) -> Result<Answer, reqwest::Error> {
        let answer = request.timeout(TIMEOUT).send().await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(Answer::Unknown);
        }
        let drain: Drain = answer.error_for_status()?.json().await?;
        Ok(match drain.state.as_str() {
            "draining" => Answer::Stay,
            _ => Answer::Go,
        })
    }
}

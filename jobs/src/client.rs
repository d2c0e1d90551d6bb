//! A client of the run service.

use std::time::Duration;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::store::innermost;
use futures::StreamExt;
use reqwest::{Method, RequestBuilder, Response};
use serde::de::DeserializeOwned;

use crate::api::{Failure, Run, StreamItem, SubmitRun, Submitted};
use crate::fleet::{Drain, DrainRequest, Executor, Slots};

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The service says something at least this often on a stream; silence means that it is gone.
const STREAM_SILENCE_MAX: Duration = Duration::from_secs(30);

/// Speaks to one scheduler.
#[derive(Debug, Clone)]
pub struct Client {
    /// `host:port`.
    scheduler: String,
    http: reqwest::Client,
}

impl Client {
    pub fn new(scheduler: &str) -> Result<Self> {
        let scheduler = scheduler
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .to_owned();
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(STREAM_SILENCE_MAX)
            .build()
            .map_err(|cause| Error::new(Kind::Final, "prepare", "an HTTP client", cause))?;
        Ok(Self { scheduler, http })
    }

    pub fn scheduler(&self) -> &str {
        &self.scheduler
    }

    /// Whether the scheduler answers at all.
    pub async fn reach(&self) -> Result<()> {
        let request = self.request(Method::GET, "/healthz");
        self.send(request).await.map(drop)
    }

    pub async fn submit(&self, submission: &SubmitRun) -> Result<Submitted> {
        self.json(self.request(Method::POST, "/v1/runs").json(submission))
            .await
    }

    pub async fn runs(&self) -> Result<Vec<Run>> {
        self.json(self.request(Method::GET, "/v1/runs")).await
    }

    pub async fn run(&self, run_id: &str) -> Result<Run> {
        self.json(self.request(Method::GET, &format!("/v1/runs/{run_id}")))
            .await
    }

    pub async fn cancel(&self, run_id: &str) -> Result<Run> {
        self.json(self.request(Method::POST, &format!("/v1/runs/{run_id}/cancel")))
            .await
    }

    /// Cancels all runs that go on, and returns when they have ended.
    pub async fn cancel_all(&self) -> Result<()> {
        let runs = self.runs().await?;
        let going_on = runs.iter().filter(|run| !run.is_over());
        let ends = going_on.map(|run| self.cancel(&run.run_id));
        futures::future::try_join_all(ends).await.map(drop)
    }

    pub async fn executors(&self) -> Result<Vec<Executor>> {
        self.json(self.request(Method::GET, "/v1/executors")).await
    }

    pub async fn slots(&self) -> Result<Slots> {
        self.json(self.request(Method::GET, "/v1/slots")).await
    }

    /// Begins to drain an executor, or asks how far that is.
    pub async fn drain(&self, executor: &str, deadline_s: u64) -> Result<Drain> {
        let path = format!("/v1/executors/{executor}/drain");
        let body = DrainRequest { deadline_s };
        self.json(self.request(Method::POST, &path).json(&body))
            .await
    }

    /// Follows a run to its end; `seen` is called for everything that happens.
    pub async fn follow(&self, run_id: &str, mut seen: impl FnMut(&StreamItem)) -> Result<Run> {
        let request = self.request(Method::GET, &format!("/v1/runs/{run_id}/events"));
        let mut body = self.send(request).await?.bytes_stream();
        let mut text = Vec::new();
        while let Some(chunk) = body.next().await {
            text.extend_from_slice(&chunk.map_err(|cause| self.unreachable(&cause))?);
            while let Some(end) = text.windows(2).position(|pair| pair == b"\n\n") {
                let message: Vec<u8> = text.drain(..end + 2).collect();
                let Some(item) = read_message(&message)? else {
                    continue;
                };
                seen(&item);
                if let StreamItem::Run(run) = &item
                    && run.is_over()
                {
                    return Ok(run.as_ref().clone());
                }
            }
        }
        Err(self.unreachable(&"the stream of events ended before the run did"))
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("http://{}{path}", self.scheduler))
    }

    async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T> {
        let response = self.send(request).await?;
        response
            .json()
            .await
            .map_err(|cause| self.unreachable(&cause))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response> {
        let response = request
            .send()
            .await
            .map_err(|cause| self.unreachable(&innermost(&cause)))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        match response.json::<Failure>().await {
            Ok(failure) => Err(failure.error),
            Err(_) => Err(self.unreachable(&format!("it answered {status}"))),
        }
    }

    fn unreachable(&self, cause: &dyn std::fmt::Display) -> Error {
        Error::new(Kind::Unreachable, "reach scheduler", &self.scheduler, cause).hint(
            "is it running there? name another with --scheduler <host:port>, or start one here \
             with `cinemill cluster local`",
        )
    }
}

/// Reads one server-sent event; comments keep the connection alive and mean nothing.
fn read_message(message: &[u8]) -> Result<Option<StreamItem>> {
    let text = String::from_utf8_lossy(message);
    let data: String = text
        .lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .collect();
    if data.is_empty() {
        return Ok(None);
    }
    serde_json::from_str(data.trim())
        .map(Some)
        .map_err(|cause| Error::new(Kind::Final, "understand", "the run service", cause))
}

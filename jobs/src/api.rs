//! The run service's documents, shared by the service and its client.

use chrono::{DateTime, Utc};
use cinemill_engine::error::Error;
use cinemill_engine::sink::table::RunState;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::run::{RunEvent, RunRequest, Verdict};

/// `POST /v1/runs`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SubmitRun {
    /// The resolved job: definition, SQL, inputs, output, options, run id.
    #[schema(value_type = Object)]
    pub request: RunRequest,
    /// Whether the run shall go on when no client follows its events any more.
    #[serde(default)]
    pub detach: bool,
    /// Seconds from now after which the run is cancelled and fails; no limit where absent.
    #[serde(default)]
    pub deadline_s: Option<u64>,
    /// Made up by the client for this submission, so that it can be sent again when its answer got
    /// lost: the second one begins nothing.
    #[serde(default)]
    pub submission_id: Option<String>,
}

/// The answer to `POST /v1/runs`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Submitted {
    pub run: Run,
    /// The run was there already; this submission began nothing.
    pub attached: bool,
}

/// One run, as the service knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Run {
    pub run_id: String,
    pub job: String,
    pub output: String,
    #[schema(value_type = String, example = "running")]
    pub state: RunState,
    pub detached: bool,
    #[schema(value_type = String, format = DateTime)]
    pub submitted_at: DateTime<Utc>,
    /// When it is cancelled unless it is done.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub deadline_at: Option<DateTime<Utc>>,
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<DateTime<Utc>>,
    /// Why it failed or was cancelled.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub error: Option<Error>,
    /// The figures of a run that succeeded.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub verdict: Option<Verdict>,
    /// The output held this run's rows already; nothing was done.
    #[serde(default)]
    pub already_done: bool,
}

impl Run {
    pub fn is_over(&self) -> bool {
        self.state != RunState::Running
    }

    /// The state as a word.
    pub fn state_name(&self) -> &'static str {
        match self.state {
            RunState::Running => "running",
            RunState::Succeeded => "succeeded",
            RunState::Failed => "failed",
            RunState::Cancelled => "cancelled",
        }
    }
}

/// One message of `GET /v1/runs/{id}/events`: the run when the stream begins and when it ends, and
/// what happens between.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamItem {
    Run(Box<Run>),
    Event(RunEvent),
}

/// Any failed request.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Failure {
    #[schema(value_type = Object)]
    pub error: Error,
}

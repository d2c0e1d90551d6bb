//! One batch: its way from submitted to its end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio_postgres::{CancelToken, NoTls};

use super::super::failure::Failure;
use super::super::http::ServiceError;
use super::super::session::{Answer, Backend, Session};
use super::super::sql::{Refusal, Statement, translate};
use super::requests::Request;
use crate::postgres::made_up;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Submitted,
    Picked,
    Started,
    Finished,
    Failed,
    Aborted,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Self::Submitted => "SUBMITTED",
            Self::Picked => "PICKED",
            Self::Started => "STARTED",
            Self::Finished => "FINISHED",
            Self::Failed => "FAILED",
            Self::Aborted => "ABORTED",
        }
    }

    fn is_end(self) -> bool {
        matches!(self, Self::Finished | Self::Failed | Self::Aborted)
    }
}

const CANCELLED: &str = "Query cancelled on user's request";

pub struct Batch {
    pub id: String,
    pub created: DateTime<Utc>,
    pub request: Request,
    progress: Mutex<Progress>,
}

/// How far a batch is.
pub struct Progress {
    pub status: Status,
    pub error: Option<String>,
    pub parts: Vec<Part>,
    is_cancelled: bool,
    /// How to interrupt what runs now.
    interrupt: Option<CancelToken>,
}

/// One statement.
#[derive(Debug, Clone)]
pub struct Part {
    pub status: Status,
    pub error: Option<String>,
    pub answer: Answer,
}

impl Batch {
    pub fn new(request: Request) -> Self {
        let part = Part {
            status: Status::Submitted,
            error: None,
            answer: Answer::default(),
        };
        Self {
            id: new_id(),
            created: Utc::now(),
            progress: Mutex::new(Progress {
                status: Status::Submitted,
                error: None,
                parts: vec![part; request.statements.len()],
                is_cancelled: false,
                interrupt: None,
            }),
            request,
        }
    }

    pub fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs to its end, whatever that is.
    pub async fn run(self: Arc<Self>, backend: Arc<Backend>) {
        tokio::time::sleep(backend.faults.delay()).await;
        self.progress().status = Status::Picked;
        let done = self.transact(backend).await;
        let mut progress = self.progress();
        progress.interrupt = None;
        match done {
            // What is committed cannot be cancelled any more.
            Ok(()) => progress.status = Status::Finished,
            Err(_) if progress.is_cancelled => progress.end(Status::Aborted, CANCELLED),
            Err(error) => progress.end(Status::Failed, &error),
        }
    }

    /// All statements, or none.
    async fn transact(&self, backend: Arc<Backend>) -> Result<(), String> {
        let opened = Session::open(backend).await;
        let mut session = opened.map_err(|failure| in_words(&failure))?;
        {
            let mut progress = self.progress();
            progress.status = Status::Started;
            progress.interrupt = Some(session.cancel_token());
        }
        let done = self.run_in(&mut session).await;
        if done.is_err() {
            // Where this fails, the transaction ends with the connection.
            let _ = session.execute(Ok(Statement::Rollback)).await;
        }
        done
    }

    async fn run_in(&self, session: &mut Session) -> Result<(), String> {
        let begun = session.execute(Ok(Statement::Begin)).await;
        begun.map_err(|failure| in_words(&failure))?;
        for (at, sql) in self.request.statements.iter().enumerate() {
            self.check_wanted()?;
            self.progress().parts[at].status = Status::Started;
            let done = session.execute(statement(sql)).await;
            let mut progress = self.progress();
            let part = &mut progress.parts[at];
            match done {
                Ok(answer) => {
                    part.status = Status::Finished;
                    part.answer = answer;
                }
                Err(failure) => {
                    let error = in_words(&failure);
                    part.status = Status::Failed;
                    part.error = Some(error.clone());
                    return Err(match self.request.is_batch {
                        true => format!("Query #{} failed with {error}", at + 1),
                        false => error,
                    });
                }
            }
        }
        self.check_wanted()?;
        let committed = session.execute(Ok(Statement::Commit)).await;
        committed.map(drop).map_err(|failure| in_words(&failure))
    }

    fn check_wanted(&self) -> Result<(), String> {
        match self.progress().is_cancelled {
            true => Err(CANCELLED.to_owned()),
            false => Ok(()),
        }
    }

    /// Ends it at its next moment, if it has not ended.
    pub async fn cancel(&self) -> Result<Value, ServiceError> {
        let interrupt = {
            let mut progress = self.progress();
            if progress.status.is_end() {
                let state = progress.status.name();
                let id = &self.id;
                return Err(ServiceError::validation(format!(
                    "Could not cancel a query that is already in {state} state with ID: {id}"
                )));
            }
            progress.is_cancelled = true;
            progress.interrupt.clone()
        };
        if let Some(interrupt) = interrupt {
            // One that cannot be interrupted ends when its statement does.
            let _ = interrupt.cancel_query(NoTls).await;
        }
        Ok(json!({ "Status": true }))
    }
}

impl Progress {
    fn end(&mut self, status: Status, error: &str) {
        self.status = status;
        self.error = Some(error.to_owned());
        for part in &mut self.parts {
            if !part.status.is_end() {
                part.status = Status::Aborted;
            }
        }
    }
}

/// The one statement of a text.
fn statement(sql: &str) -> Result<Statement, Refusal> {
    let mut statements = translate(sql);
    let (Some((_, statement)), true) = (statements.pop(), statements.is_empty()) else {
        let message = "cannot insert multiple commands into a prepared statement";
        return Err(Refusal::new("42601", message));
    };
    match statement {
        Ok(Statement::Begin | Statement::Commit | Statement::Rollback) => {
            let message = "a batch is one transaction: it cannot begin or end others";
            Err(Refusal::new("25001", message))
        }
        other => other,
    }
}

fn in_words(failure: &Failure) -> String {
    let detail = failure.detail.as_ref();
    let detail = detail.map_or(String::new(), |detail| format!("\n  Detail: {detail}"));
    match failure.message.starts_with("ERROR:") {
        true => format!("{}{detail}", failure.message),
        false => format!("ERROR: {}{detail}", failure.message),
    }
}

/// In the form of a UUID.
fn new_id() -> String {
    let digits = made_up();
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| &digits[part]);
    parts.join("-")
}

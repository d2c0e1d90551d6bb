//! `--report`: what a command tells, kept in a file or object for who cannot see its output.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::{SecondsFormat, Utc};
use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::store::{self, Location};
use cinemill_jobs::exit;
use cinemill_jobs::run::{Outcome, Verdict};
use clap::Args;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::output;

/// The report is rewritten at most this often.
const WRITE_INTERVAL: Duration = Duration::from_secs(2);
/// How long one write may take; a store that is away shall not hold up the command's end.
const WRITE_MAX: Duration = Duration::from_secs(20);

#[derive(Debug, Args)]
pub struct ReportArguments {
    /// File, local or s3://…, that progress and outcome are written to, as JSON lines, while the
    /// command goes on. What was there is replaced.
    #[arg(long, value_name = "LOCATION", value_parser = location)]
    report: Option<Location>,
}

fn location(text: &str) -> Result<Location> {
    let location = Location::parse(text)?;
    if location.path().as_ref().is_empty() {
        let cause = "it names no file";
        return Err(Error::new(Kind::Usage, "write report", text, cause));
    }
    Ok(location)
}

impl ReportArguments {
    pub fn begin(&self) -> Arc<Report> {
        Arc::new(Report {
            location: self.report.clone(),
            lines: Mutex::default(),
        })
    }
}

/// What a command has told so far. Without a location it is told to standard error alone.
pub struct Report {
    location: Option<Location>,
    lines: Mutex<Lines>,
}

#[derive(Default)]
struct Lines {
    text: String,
    count: u64,
    /// How many lines the store holds.
    written: u64,
    /// The store refused the report; it is told once.
    is_refused: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    seq: u64,
    at: String,
    #[serde(flatten)]
    content: Content<'a>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Content<'a> {
    Progress {
        text: &'a str,
    },
    End {
        run_id: &'a str,
        exit_code: u8,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        already_done: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        verdict: Option<&'a Verdict>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<&'a Error>,
    },
}

impl Report {
    /// Says it on standard error too.
    pub fn note(&self, text: impl std::fmt::Display) {
        let text = text.to_string();
        output::note(&text);
        self.add(&text);
    }

    /// Adds what standard error shows in another way.
    pub fn add(&self, text: &str) {
        self.push(Content::Progress { text });
    }

    /// Does the work, writes the report meanwhile, and how it ended at last, which is printed too.
    pub async fn of(
        &self,
        run_id: &str,
        work: impl Future<Output = Result<Outcome>>,
    ) -> Result<()> {
        let over = CancellationToken::new();
        let working = async {
            let done = work.await;
            over.cancel();
            done
        };
        let (done, ()) = tokio::join!(working, self.write_until(&over));
        if let Ok(outcome) = &done {
            output::outcome(run_id, outcome);
        }
        self.push(end(run_id, &done));
        self.write().await;
        done.map(drop)
    }

    fn push(&self, content: Content<'_>) {
        if self.location.is_none() {
            return;
        }
        let mut lines = self.lines();
        let line = Line {
            seq: lines.count + 1,
            at: Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true),
            content,
        };
        match serde_json::to_string(&line) {
            Ok(json) => {
                lines.text.push_str(&json);
                lines.text.push('\n');
                lines.count += 1;
            }
            Err(cause) => tracing::warn!(%cause, "a line is missing in the report"),
        }
    }

    /// A write that has begun is let end, so that none can overtake the next.
    async fn write_until(&self, over: &CancellationToken) {
        if self.location.is_none() {
            return;
        }
        while over
            .run_until_cancelled(tokio::time::sleep(WRITE_INTERVAL))
            .await
            .is_some()
        {
            self.write().await;
        }
    }

    /// Whatever comes of it, the command goes on.
    async fn write(&self) {
        let Some(location) = &self.location else {
            return;
        };
        let (text, count) = {
            let lines = self.lines();
            if lines.written == lines.count {
                return;
            }
            (lines.text.clone(), lines.count)
        };
        let written = tokio::time::timeout(WRITE_MAX, write(location, text)).await;
        let late = |_| {
            let cause = format!("it took longer than {} s", WRITE_MAX.as_secs());
            Err(Error::new(Kind::Retryable, "write", location, cause))
        };
        let mut lines = self.lines();
        match written.unwrap_or_else(late) {
            Ok(()) => lines.written = count,
            Err(error) if !lines.is_refused => {
                lines.is_refused = true;
                output::note(format!("warning: no report: {error}"));
            }
            Err(_) => {}
        }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write(location: &Location, text: String) -> Result<()> {
    let store = store::open(location)?;
    store.write(location.path(), Bytes::from(text)).await
}

fn end<'a>(run_id: &'a str, done: &'a Result<Outcome>) -> Content<'a> {
    let outcome = done.as_ref().ok();
    let error = done.as_ref().err();
    Content::End {
        run_id,
        exit_code: error.map_or(0, |error| exit::number(error.kind)),
        already_done: outcome.is_some_and(|outcome| outcome.already_done),
        verdict: outcome.and_then(|outcome| outcome.verdict.as_ref()),
        error,
    }
}

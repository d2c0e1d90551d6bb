//! Runs that must be done by a certain time.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use cinemill_engine::error::{Error, Kind, Result};
use tokio_util::sync::CancellationToken;

use super::backend::Backend;
use super::driver::{Outcome, drive};
use super::events::EventSender;
use super::request::RunRequest;

/// When a time that begins now is over; `None` where nobody will live to see it.
pub fn deadline_after(time: Duration) -> Option<DateTime<Utc>> {
    let time = TimeDelta::from_std(time).ok()?;
    Utc::now().checked_add_signed(time)
}

/// As [`drive`]; a run that is not done by its deadline is cancelled and fails as `Deadline`.
///
/// A commit that has begun by then is let finish, and the run succeeds.
pub async fn drive_until(
    deadline_at: Option<DateTime<Utc>>,
    request: &RunRequest,
    backend: &dyn Backend,
    events: &EventSender,
    cancel: &CancellationToken,
) -> Result<Outcome> {
    let stop = cancel.child_token();
    let mut driven = drive(request, backend, events, &stop);
    let ended = tokio::select! {
        ended = &mut driven => return ended,
        () = passed(deadline_at) => {
            tracing::warn!(run = request.run_id, "its deadline has passed; cancelling");
            stop.cancel();
            driven.await
        }
    };
    ended.map_err(|error| match error.kind {
        // Stopped by the deadline, or in the midst of trying again.
        Kind::Cancelled | Kind::Retryable if !cancel.is_cancelled() => late(request),
        _ => error,
    })
}

/// Returns when a time has come; never where there is none.
async fn passed(deadline_at: Option<DateTime<Utc>>) {
    let Some(deadline_at) = deadline_at else {
        return std::future::pending().await;
    };
    let left = (deadline_at - Utc::now()).to_std();
    // A time in the past has come.
    tokio::time::sleep(left.unwrap_or(Duration::ZERO)).await;
}

fn late(request: &RunRequest) -> Error {
    let cause = "its deadline passed before it was done";
    Error::new(Kind::Deadline, "run", &request.job.name, cause)
        .hint("nothing was published; give it more time with --deadline, or more executors")
}

//! The one driver of runs: plans, executes, checks, commits, and writes down how it ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::table::{
    Commit, LEASE_RENEWAL, Lease, LeaseOutcome, RunRecord, RunState, Table,
};
use cinemill_engine::store::{Location, Requests};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::backend::Backend;
use super::checkpoints;
use super::events::{EventSender, RunEvent};
use super::inputs::{self, InputSource, ResolvedInput};
use super::pieces::Pieces;
use super::planner::Planner;
use super::request::RunRequest;
use super::verdict::Verdict;
use crate::job::Format;

/// How often a run is looked at that another process drives.
const ATTACHED_INTERVAL: Duration = Duration::from_secs(1);

/// How a run ended well.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// `None` where the run's figures were lost with the driver that committed it.
    pub verdict: Option<Verdict>,
    /// The run id was finished before; nothing was done now.
    pub already_done: bool,
}

/// Drives a run to its end. After an error nothing of the run is in the manifest, except where the
/// store did not answer whether the manifest was written; the error's hint says so then.
pub fn drive<'a>(
    request: &'a RunRequest,
    backend: &'a dyn Backend,
    events: &'a EventSender,
    cancel: &'a CancellationToken,
) -> BoxFuture<'a, Result<Outcome>> {
    let requests = Requests::default();
    async move {
        let driven = drive_to_end(request, backend, events, cancel, &requests);
        requests.count(driven).await
    }
    .boxed()
}

async fn drive_to_end(
    request: &RunRequest,
    backend: &dyn Backend,
    events: &EventSender,
    cancel: &CancellationToken,
    requests: &Requests,
) -> Result<Outcome> {
    request.check()?;
    let unusable = |error| unusable_output(&request.output, error);
    let table = Table::open(request.output.clone()).map_err(unusable)?;
    if request.options.dry_run {
        return preview(request, &table, backend, events, (requests, cancel)).await;
    }
    loop {
        let found = finished(&table, &request.run_id).await;
        if let Some(done) = found.map_err(unusable)? {
            return Ok(done);
        }
        // Committed by a driver that died before it could write so; its inputs may be gone.
        let current = table.current().await.map_err(unusable)?;
        if current.is_some_and(|snapshot| snapshot.manifest.knows(&request.run_id))
            && let LeaseOutcome::Done(record) = table
                .lease(&request.run_id, &request.job.name)
                .await
                .map_err(unusable)?
        {
            return Ok(already_done(&record));
        }
        events(RunEvent::Phase {
            name: "plan".to_owned(),
        });
        let inputs = inputs::resolve(request).await?;
        // Refuses bad SQL before anything is written.
        Planner::new(request, backend).check(&inputs).await?;
        let leased = table.lease(&request.run_id, &request.job.name).await;
        match leased.map_err(unusable)? {
            LeaseOutcome::Done(record) => return Ok(already_done(&record)),
            LeaseOutcome::Busy(_) => wait_for_other_driver(&table, request, cancel).await?,
            LeaseOutcome::Granted(lease) => {
                checkpoints::sweep(&table, &request.run_id).await?;
                let attempt = Attempt {
                    request,
                    inputs: &inputs,
                    backend,
                    events,
                    requests,
                };
                return attempt.with_lease(table, lease, cancel).await;
            }
        }
    }
}

/// Tells what the run would do, and does nothing.
async fn preview(
    request: &RunRequest,
    table: &Table,
    backend: &dyn Backend,
    events: &EventSender,
    (requests, cancel): (&Requests, &CancellationToken),
) -> Result<Outcome> {
    let started = Instant::now();
    events(RunEvent::Phase {
        name: "plan".to_owned(),
    });
    let inputs = inputs::resolve(request).await?;
    let base = table.current().await?.map(|snapshot| snapshot.manifest);
    let pieces = Pieces::new(request, &inputs, backend, events, 1);
    let tables = pieces.preview(base.as_ref(), cancel).await?;
    let verdict = Verdict {
        rows: tables.iter().map(|table| table.rows).sum(),
        seconds: started.elapsed().as_secs_f64(),
        place: backend.place().await,
        retries: pieces.retries(),
        usage: pieces.usage(requests),
        tables,
        dry_run: true,
        ..Verdict::of(request)
    };
    Ok(Outcome {
        verdict: Some(verdict),
        already_done: false,
    })
}

/// A store that refuses to read or write the output refuses it for good: it is no missing input.
fn unusable_output(output: &Location, error: Error) -> Error {
    let verbs = ["read ", "write ", "list ", "delete ", "open "];
    let of_store = verbs.iter().any(|verb| error.action.starts_with(verb));
    if !of_store || !matches!(error.kind, Kind::Input | Kind::Final) {
        return error;
    }
    let hint = error.hint.unwrap_or_else(|| {
        "check that the place exists and that this process may write to it".to_owned()
    });
    Error::new(Kind::Final, "use output", output, error.cause).hint(hint)
}

fn already_done(record: &RunRecord) -> Outcome {
    let verdict = serde_json::from_value(record.summary.clone()).ok();
    Outcome {
        verdict,
        already_done: true,
    }
}

async fn finished(table: &Table, run_id: &str) -> Result<Option<Outcome>> {
    let record = table.run_record(run_id).await?;
    Ok(record
        .filter(|r| r.state == RunState::Succeeded)
        .map(|record| already_done(&record)))
}

/// Waits until the process that drives the run has ended it, or has died.
async fn wait_for_other_driver(
    table: &Table,
    request: &RunRequest,
    cancel: &CancellationToken,
) -> Result<()> {
    tracing::info!(
        run = request.run_id,
        "another process drives this run; waiting for it"
    );
    loop {
        tokio::select! {
            () = cancel.cancelled() => {
                return Err(Error::new(Kind::Cancelled, "wait for run", &request.run_id,
                    "the wait was cancelled; the run goes on in the other process"));
            }
            () = tokio::time::sleep(ATTACHED_INTERVAL) => {}
        }
        let Some(record) = table.run_record(&request.run_id).await? else {
            continue;
        };
        match (record.state, record.error) {
            (RunState::Succeeded, _) => return Ok(()),
            (RunState::Failed | RunState::Cancelled, Some(error)) => return Err(error),
            _ if table.is_dead(&request.run_id).await? => return Ok(()),
            _ => {}
        }
    }
}

/// One driver's attempt at a run.
struct Attempt<'a> {
    request: &'a RunRequest,
    inputs: &'a [ResolvedInput],
    backend: &'a dyn Backend,
    events: &'a EventSender,
    /// What the driver itself sends.
    requests: &'a Requests,
}

impl Attempt<'_> {
    /// Runs under a lease that is renewed meanwhile, and given back with the run's end.
    async fn with_lease(
        &self,
        table: Table,
        lease: Lease,
        cancel: &CancellationToken,
    ) -> Result<Outcome> {
        let attempt = lease.attempt();
        let lease = Arc::new(Mutex::new(lease));
        let stop = cancel.child_token();
        let renewal = tokio::spawn(renew(lease.clone(), stop.clone()));
        let result = self.run(table, attempt, &stop).await;
        renewal.abort();
        let lost = renewal.await.ok();
        let Some(lease) = Arc::into_inner(lease).map(Mutex::into_inner) else {
            return Err(Error::new(
                Kind::Final,
                "finish run",
                &self.request.run_id,
                "its lease is in use",
            ));
        };
        match (result, lost) {
            // It was stopped because of that, and whoever took it over keeps its record.
            (Err(error), Some(lost)) if error.kind == Kind::Cancelled => Err(lost),
            (result, _) => self.record(lease, result).await,
        }
    }

    async fn record(&self, lease: Lease, result: Result<Verdict>) -> Result<Outcome> {
        let (state, error, summary) = match &result {
            Ok(verdict) => {
                let summary = serde_json::to_value(verdict).unwrap_or_default();
                (RunState::Succeeded, None, summary)
            }
            Err(error) if error.kind == Kind::Cancelled => (
                RunState::Cancelled,
                Some(error.clone()),
                serde_json::Value::Null,
            ),
            Err(error) => (
                RunState::Failed,
                Some(error.clone()),
                serde_json::Value::Null,
            ),
        };
        if let Err(error) = lease.finish(state, error, summary).await {
            // The table itself tells whether the run was committed; the record is a convenience.
            tracing::warn!(run = self.request.run_id, %error, "could not write the run record");
        }
        result.map(|verdict| Outcome {
            verdict: Some(verdict),
            already_done: false,
        })
    }

    async fn run(&self, table: Table, attempt: u32, cancel: &CancellationToken) -> Result<Verdict> {
        let started = Instant::now();
        let unusable = |error| unusable_output(&self.request.output, error);
        let begun = Commit::begin(table.clone(), &self.request.run_id).await;
        let mut commit = begun.map_err(unusable)?;
        if let Err(error) = self.reads_what_is_replaced(&commit) {
            commit.abort().await;
            return Err(error);
        }
        let pieces = Pieces::new(
            self.request,
            self.inputs,
            self.backend,
            self.events,
            attempt,
        );
        let filled = pieces.fill(&table, &mut commit, cancel).await;
        let ended = match filled {
            Err(error) => {
                commit.abort().await;
                Err(error)
            }
            Ok(filled) => {
                (self.events)(RunEvent::Phase {
                    name: "commit".to_owned(),
                });
                let committed = commit.run().await.map_err(unusable);
                committed.map(|manifest| (manifest, filled))
            }
        };
        checkpoints::remove(&table, &self.request.run_id).await;
        let (manifest, filled) = ended?;
        Ok(Verdict {
            rows: manifest.rows,
            files: manifest.files.len() as u64,
            bytes: manifest.bytes,
            rejects: filled.audited.rejects(),
            seconds: started.elapsed().as_secs_f64(),
            place: self.backend.place().await,
            retries: pieces.retries(),
            usage: pieces.usage(self.requests),
            warnings: filled.warnings,
            tables: filled.changes,
            statistics: filled.statistics,
            inputs: filled.audited.inputs,
            ..Verdict::of(self.request)
        })
    }
}

impl Attempt<'_> {
    /// A run that reads its own output must have read the snapshot that it is going to replace.
    fn reads_what_is_replaced(&self, commit: &Commit) -> Result<()> {
        let base = commit.base().map(|base| base.run_id.as_str());
        for input in self.inputs {
            let definition = &self.request.job.inputs[&input.name];
            if let (Format::Previous, InputSource::Table(table)) =
                (definition.format, &input.source)
                && table.run_id.as_deref() != base
            {
                let output = &self.request.output;
                let cause = format!("another run published to {output} in the meantime");
                return Err(
                    Error::new(Kind::Retryable, "run", &self.request.run_id, cause)
                        .hint("run it again"),
                );
            }
        }
        Ok(())
    }
}

/// Keeps the lease alive. Returns when another driver took the run over, and stops it then.
async fn renew(lease: Arc<Mutex<Lease>>, stop: CancellationToken) -> Error {
    loop {
        tokio::time::sleep(LEASE_RENEWAL).await;
        if let Err(error) = lease.lock().await.renew().await {
            tracing::warn!(%error, "could not renew the lease of this run");
            if error.kind == Kind::Final {
                stop.cancel();
                return error;
            }
        }
    }
}

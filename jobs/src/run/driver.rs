//! The one driver of runs: plans, executes, checks, commits, and writes down how it ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::exec::read_reports;
use cinemill_engine::sink::spec::{SinkSpec, TaskReport};
use cinemill_engine::sink::table::{
    Commit, LEASE_RENEWAL, Lease, LeaseOutcome, Manifest, Publication, RunRecord, RunState, Table,
};
use cinemill_engine::sink::writer::{PartitionWriter, table_schema};
use cinemill_engine::store::Location;
use datafusion::arrow::array::RecordBatch;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::audits::{self, Audited};
use super::backend::{Backend, PhysicalJob};
use super::checks::{self, KeyCheck};
use super::events::{EventSender, RunEvent};
use super::inputs::{self, ResolvedInput};
use super::planner::{self, Planned};
use super::request::RunRequest;
use super::verdict::Verdict;

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
    drive_to_end(request, backend, events, cancel).boxed()
}

async fn drive_to_end(
    request: &RunRequest,
    backend: &dyn Backend,
    events: &EventSender,
    cancel: &CancellationToken,
) -> Result<Outcome> {
    request.check()?;
    let unusable = |error| unusable_output(&request.output, error);
    let table = Table::open(request.output.clone()).map_err(unusable)?;
    loop {
        let found = finished(&table, &request.run_id).await;
        if let Some(done) = found.map_err(unusable)? {
            return Ok(done);
        }
        events(RunEvent::Phase {
            name: "plan".to_owned(),
        });
        let inputs = inputs::resolve(request).await?;
        // Refuses bad SQL before anything is written.
        planner::plan(request, &inputs, 1, backend).await?;
        let leased = table.lease(&request.run_id, &request.job.name).await;
        match leased.map_err(unusable)? {
            LeaseOutcome::Done(record) => return Ok(already_done(&record)),
            LeaseOutcome::Busy(_) => wait_for_other_driver(&table, request, cancel).await?,
            LeaseOutcome::Granted(lease) => {
                let drive = Drive {
                    request,
                    inputs: &inputs,
                    backend,
                    events,
                };
                return drive.with_lease(table, lease, cancel).await;
            }
        }
    }
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

/// One attempt at a run.
struct Drive<'a> {
    request: &'a RunRequest,
    inputs: &'a [ResolvedInput],
    backend: &'a dyn Backend,
    events: &'a EventSender,
}

impl Drive<'_> {
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
        let _ = renewal.await;
        let Some(lease) = Arc::into_inner(lease).map(Mutex::into_inner) else {
            return Err(Error::new(
                Kind::Final,
                "finish run",
                &self.request.run_id,
                "its lease is in use",
            ));
        };
        self.record(lease, result).await
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
        let begun = Commit::begin(table, &self.request.run_id).await;
        let mut commit = begun.map_err(unusable)?;
        match self.fill(&mut commit, attempt, cancel).await {
            Err(error) => {
                commit.abort().await;
                Err(error)
            }
            Ok(audited) => {
                self.phase("commit");
                let manifest = commit.run().await.map_err(unusable)?;
                let place = self.backend.place().await;
                Ok(self.verdict(&manifest, audited, place, started.elapsed()))
            }
        }
    }

    /// Executes and checks; at the end the commit holds all that it is to publish.
    async fn fill(
        &self,
        commit: &mut Commit,
        attempt: u32,
        cancel: &CancellationToken,
    ) -> Result<Audited> {
        let job = &self.request.job;
        let unaudited = planner::plan(self.request, self.inputs, attempt, self.backend).await?;
        if let Some(check) = KeyCheck::new(job, self.inputs, &unaudited.rows, self.backend).await? {
            let plan = check.physical().await?;
            let rows = self
                .execute("check keys", check.state(), plan, cancel)
                .await?;
            checks::no_repeated_keys(job, &rows)?;
        }
        let audits = planner::audit_folder(self.request);
        let inputs = self.inputs.iter().map(|input| input.audited(&audits));
        let inputs = inputs.collect::<Result<Vec<_>>>()?;
        let planned = planner::plan(self.request, &inputs, attempt, self.backend).await?;
        let plan = planned.physical().await?;
        let partitions = Planned::partitions(&plan);
        let rows = self
            .execute("write", planned.state.clone(), plan, cancel)
            .await?;
        let mut reports = read_reports(&rows)
            .map_err(|cause| Error::from_datafusion(&cause, "read the reports of", &job.name))?;
        checks::no_violations(job, &reports)?;
        let runtime = planned.state.runtime_env().clone();
        let audited = audits::gather(&audits, &inputs, &runtime).await?;
        let rows = reports.iter().map(|report| report.rows).sum();
        let expected = job
            .output
            .one_row_per
            .as_ref()
            .and_then(|input| audited.rows_of(input));
        checks::one_row_per_input(job, rows, expected)?;
        write_empty_table(&planned, &mut reports).await?;
        let rejects = reject_moves(&audits, &self.request.output, &audited.reject_objects);
        commit.prepare(
            reports,
            partitions,
            rejects,
            publication(job.name.clone(), &planned),
        )?;
        Ok(audited)
    }

    async fn execute(
        &self,
        phase: &str,
        state: datafusion::execution::SessionState,
        plan: Arc<dyn datafusion::physical_plan::ExecutionPlan>,
        cancel: &CancellationToken,
    ) -> Result<Vec<RecordBatch>> {
        self.phase(phase);
        let run_id = self.request.run_id.clone();
        let job = PhysicalJob {
            run_id,
            phase: phase.to_owned(),
            state,
            plan,
        };
        self.backend.execute(job, self.events, cancel).await
    }

    fn phase(&self, name: &str) {
        (self.events)(RunEvent::Phase {
            name: name.to_owned(),
        });
    }

    fn verdict(
        &self,
        manifest: &Manifest,
        audited: Audited,
        place: String,
        took: Duration,
    ) -> Verdict {
        Verdict {
            run_id: self.request.run_id.clone(),
            job: self.request.job.name.clone(),
            output: self.request.output.to_string(),
            rows: manifest.rows,
            files: manifest.files.len() as u64,
            bytes: manifest.bytes,
            rejects: audited.rejects(),
            seconds: took.as_secs_f64(),
            place,
            inputs: audited.inputs,
        }
    }
}

/// Keeps the lease alive; stops the run when another driver took it over.
async fn renew(lease: Arc<Mutex<Lease>>, stop: CancellationToken) {
    loop {
        tokio::time::sleep(LEASE_RENEWAL).await;
        if let Err(error) = lease.lock().await.renew().await {
            tracing::warn!(%error, "could not renew the lease of this run");
            if error.kind == Kind::Final {
                stop.cancel();
            }
        }
    }
}

/// A table without rows has one file without rows, so that readers find its schema.
async fn write_empty_table(planned: &Planned, reports: &mut [TaskReport]) -> Result<()> {
    if reports.iter().any(|report| !report.parts.is_empty()) {
        return Ok(());
    }
    let Some(first) = reports.first_mut() else {
        return Ok(());
    };
    let spec: Arc<SinkSpec> = Arc::new(planned.sink.clone());
    let written = async {
        let mut writer = PartitionWriter::new(spec, &planned.schema, first.partition)?;
        writer.write_empty().await?;
        writer.finish().await
    };
    *first = written
        .await
        .map_err(|cause| Error::from_datafusion(&cause, "write", &planned.sink.table))?;
    Ok(())
}

/// Staged files of rejects, relative to the table, with their final names.
fn reject_moves(audits: &Location, table: &Location, objects: &[String]) -> Vec<(String, String)> {
    let folder = audits
        .path()
        .as_ref()
        .strip_prefix(table.path().as_ref())
        .unwrap_or_default();
    let folder = folder.trim_matches('/');
    let name = |object: &String| object.rsplit('/').next().unwrap_or_default().to_owned();
    objects
        .iter()
        .map(name)
        .map(|name| (format!("{folder}/{name}"), name))
        .collect()
}

fn publication(job: String, planned: &Planned) -> Publication {
    let schema = table_schema(&planned.sink, &planned.schema);
    Publication {
        job,
        partition_by: planned.sink.partition_by.clone(),
        columns: Manifest::columns_of(&schema),
    }
}

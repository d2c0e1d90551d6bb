//! The pieces of a run: plans that are executed one after the other, each as a whole, and each
//! again where it is lost with an executor.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::exec::read_reports;
use cinemill_engine::sink::spec::{SinkSpec, TaskReport};
use cinemill_engine::sink::table::{Commit, Manifest, Publication, Table};
use cinemill_engine::sink::writer::{PartitionWriter, table_schema};
use cinemill_engine::store::{Location, Requests};
use datafusion::arrow::array::RecordBatch;
use datafusion::execution::SessionState;
use datafusion::physical_plan::ExecutionPlan;
use tokio_util::sync::CancellationToken;

use super::audits::{self, Audited, RejectObject};
use super::backend::{Backend, PhysicalJob};
use super::checkpoints::{self, Checkpoint, Checkpoints};
use super::checks::{self, Findings, Question};
use super::events::{EventSender, RunEvent};
use super::inputs::ResolvedInput;
use super::planner::{Planned, Planner};
use super::request::RunRequest;
use super::retry::Retry;
use super::usage::{Meter, Usage};

/// Executes the pieces of one driver's attempt at a run.
pub struct Pieces<'a> {
    request: &'a RunRequest,
    inputs: &'a [ResolvedInput],
    backend: &'a dyn Backend,
    events: &'a EventSender,
    planner: Planner<'a>,
    retries: AtomicU32,
    meter: Meter,
}

/// What is known of a run when its commit holds all that it is to publish.
pub struct Filled {
    pub audited: Audited,
    /// What was found that stops no commit.
    pub warnings: Vec<String>,
}

/// What a piece wrote.
struct Written {
    planned: Planned,
    reports: Vec<TaskReport>,
    partitions: usize,
}

impl<'a> Pieces<'a> {
    /// `attempt` counts the drivers that took the run up.
    pub fn new(
        request: &'a RunRequest,
        inputs: &'a [ResolvedInput],
        backend: &'a dyn Backend,
        events: &'a EventSender,
        attempt: u32,
    ) -> Self {
        Self {
            request,
            inputs,
            backend,
            events,
            planner: Planner::new(request, backend).attempt(attempt),
            retries: AtomicU32::new(0),
            meter: Meter::default(),
        }
    }

    /// How many pieces were executed again.
    pub fn retries(&self) -> u32 {
        self.retries.load(Ordering::Relaxed)
    }

    /// What all of them used, and the driver with its `requests`.
    pub fn usage(&self, requests: &Requests) -> Usage {
        self.meter.with(requests)
    }

    /// Executes and checks; at the end the commit holds all that it is to publish.
    pub async fn fill(
        &self,
        table: &Table,
        commit: &mut Commit,
        cancel: &CancellationToken,
    ) -> Result<Filled> {
        let job = &self.request.job;
        // What keys that stand twice would make of joins is not worth to be written.
        let keys = self
            .ask("check keys", checks::keys(job), &[], cancel)
            .await?;
        keys.judge(job)?;
        let checkpoints = self.checkpoints(table, cancel).await?;
        let found = self
            .ask("check", checks::sets(job), &checkpoints, cancel)
            .await?;
        let mut retry = self.retry("write");
        loop {
            let output = self.output(&checkpoints, &found, commit, &retry, cancel);
            match output.await {
                Ok(filled) => return Ok(filled),
                Err(error) => self.again(&mut retry, error, cancel).await?,
            }
        }
    }

    fn retry<'r>(&'r self, phase: &'r str) -> Retry<'r> {
        let attempts_max = self.backend.attempts_max();
        Retry::new(phase, &self.request.run_id, attempts_max, self.events)
    }

    async fn again(
        &self,
        retry: &mut Retry<'_>,
        error: Error,
        cancel: &CancellationToken,
    ) -> Result<()> {
        retry.after(error, cancel).await?;
        self.retries.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Executes questions about the job's tables, all in one plan.
    async fn ask(
        &self,
        phase: &str,
        questions: Vec<Question>,
        checkpoints: &[Checkpoint],
        cancel: &CancellationToken,
    ) -> Result<Findings> {
        let mut retry = self.retry(phase);
        loop {
            let planner = self.planner.scarce_memory(retry.scarce_memory());
            let asked = planner.questions(questions.clone(), self.inputs, checkpoints);
            let Some(check) = asked.await? else {
                return Ok(Findings::default());
            };
            let plan = check.physical().await?;
            match self.execute(phase, check.state(), plan, cancel).await {
                Ok(rows) => return check.findings(&rows),
                Err(error) => self.again(&mut retry, error, cancel).await?,
            }
        }
    }

    /// Makes the checkpoints that are worth it, or finds those that a driver before this one made.
    async fn checkpoints(
        &self,
        table: &Table,
        cancel: &CancellationToken,
    ) -> Result<Vec<Checkpoint>> {
        let Some(bytes_min) = self.backend.checkpoint_bytes().await else {
            return Ok(Vec::new());
        };
        let context = self.planner.session(self.inputs).await?;
        let relations = self.planner.relations(&context, &[]).await?;
        let bytes = self.inputs.iter();
        let bytes = bytes.map(|input| (input.name.clone(), input.unpacked_bytes()));
        let bytes: BTreeMap<String, u64> = bytes.collect();
        let job = &self.request.job;
        let chosen = checkpoints::choose(&relations, &job.output.relation, &bytes, bytes_min);
        let chosen =
            chosen.map_err(|cause| Error::from_datafusion(&cause, "plan job", &job.name))?;
        let places = Checkpoints::new(table, self.request, self.inputs);
        let mut made = Vec::new();
        for relation in chosen {
            let checkpoint = match places.find(&relation).await? {
                Some(found) => found,
                None => self.checkpoint(&relation, &places, &made, cancel).await?,
            };
            tracing::info!(
                run = self.request.run_id,
                relation,
                rows = checkpoint.rows(),
                "the relation is in a checkpoint"
            );
            made.push(checkpoint);
        }
        Ok(made)
    }

    async fn checkpoint(
        &self,
        relation: &str,
        places: &Checkpoints<'_>,
        made: &[Checkpoint],
        cancel: &CancellationToken,
    ) -> Result<Checkpoint> {
        let phase = format!("checkpoint {relation}");
        let mut retry = self.retry(&phase);
        loop {
            let place = places.place(relation);
            let planner = self.planner.scarce_memory(retry.scarce_memory());
            let inputs = audited(self.inputs, &place.audits)?;
            let planned = planner
                .checkpoint(relation, &place.table, &inputs, made)
                .await?;
            let table = Table::open(place.table.clone())?;
            let mut commit = Commit::begin(table, &self.request.run_id).await?;
            match self.write(&phase, planned, cancel).await {
                Ok(written) => {
                    written.publish(&mut commit, relation, Vec::new())?;
                    return places.keep(place, commit.run().await?).await;
                }
                Err(error) => {
                    commit.abort().await;
                    self.again(&mut retry, error, cancel).await?;
                }
            }
        }
    }

    /// Writes the output and checks it.
    async fn output(
        &self,
        checkpoints: &[Checkpoint],
        found: &Findings,
        commit: &mut Commit,
        retry: &Retry<'_>,
        cancel: &CancellationToken,
    ) -> Result<Filled> {
        let job = &self.request.job;
        let folder = audits::fresh_folder(self.request);
        let inputs = audited(self.inputs, &folder)?;
        let planner = self.planner.scarce_memory(retry.scarce_memory());
        let planned = planner.output(&inputs, checkpoints).await?;
        let written = self.write("write", planned, cancel).await?;
        let mut found = found.clone();
        found.extend(checks::broken_conditions(job, &job.name, &written.reports));
        let runtime = written.planned.state.runtime_env().clone();
        let mut folders = vec![folder];
        folders.extend(
            checkpoints
                .iter()
                .map(|checkpoint| checkpoint.audits.clone()),
        );
        let audited = audits::gather(&folders, self.inputs, &runtime).await?;
        let rows = written.reports.iter().map(|report| report.rows).sum();
        if let Some(input) = &job.output.one_row_per {
            let expected = audited.rows_of(input);
            found.extend(checks::one_row_per_input(
                job, &job.name, input, rows, expected,
            ));
        }
        let warnings = found.judge(job)?;
        let rejects = reject_moves(&self.request.output, &audited.rejects);
        written.publish(commit, &job.name, rejects)?;
        Ok(Filled { audited, warnings })
    }

    /// Executes a plan that ends in a sink.
    async fn write(
        &self,
        phase: &str,
        planned: Planned,
        cancel: &CancellationToken,
    ) -> Result<Written> {
        let plan = planned.physical().await?;
        let partitions = Planned::partitions(&plan);
        let rows = self
            .execute(phase, planned.state.clone(), plan, cancel)
            .await?;
        let failed = |cause| Error::from_datafusion(&cause, "read the reports of", phase);
        let mut reports = read_reports(&rows).map_err(failed)?;
        checks::parts_are_whole(&self.request.run_id, &reports)?;
        write_empty_table(&planned, &mut reports).await?;
        Ok(Written {
            planned,
            reports,
            partitions,
        })
    }

    async fn execute(
        &self,
        phase: &str,
        state: SessionState,
        plan: Arc<dyn ExecutionPlan>,
        cancel: &CancellationToken,
    ) -> Result<Vec<RecordBatch>> {
        (self.events)(RunEvent::Phase {
            name: phase.to_owned(),
        });
        let job = PhysicalJob {
            run_id: self.request.run_id.clone(),
            phase: phase.to_owned(),
            state,
            plan,
            meter: self.meter.clone(),
        };
        let rows = self.backend.execute(job, self.events, cancel).await?;
        if cancel.is_cancelled() {
            let cause = "it was cancelled";
            return Err(Error::new(
                Kind::Cancelled,
                "run",
                &self.request.run_id,
                cause,
            ));
        }
        Ok(rows)
    }
}

impl Written {
    /// Hands what was written to a commit.
    fn publish(self, commit: &mut Commit, job: &str, rejects: Vec<(String, String)>) -> Result<()> {
        let publication = publication(job.to_owned(), &self.planned);
        commit.prepare(self.reports, self.partitions, rejects, publication)?;
        Ok(())
    }
}

fn audited(inputs: &[ResolvedInput], folder: &Location) -> Result<Vec<ResolvedInput>> {
    inputs.iter().map(|input| input.audited(folder)).collect()
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
fn reject_moves(table: &Location, objects: &[RejectObject]) -> Vec<(String, String)> {
    let relative = |object: &RejectObject| {
        let folder = object.folder.path().as_ref();
        let folder = folder.strip_prefix(table.path().as_ref());
        let folder = folder.unwrap_or_default().trim_matches('/');
        (format!("{folder}/{}", object.name), object.name.clone())
    };
    objects.iter().map(relative).collect()
}

fn publication(job: String, planned: &Planned) -> Publication {
    let schema = table_schema(&planned.sink, &planned.schema);
    Publication {
        job,
        partition_by: planned.sink.partition_by.clone(),
        columns: Manifest::columns_of(&schema),
    }
}

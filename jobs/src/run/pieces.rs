//! The pieces of a run: plans that are executed one after the other, each as a whole, and each
//! again where it is lost with an executor.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::exec::read_reports;
use cinemill_engine::sink::spec::{SinkSpec, TaskReport};
use cinemill_engine::sink::table::{Commit, Manifest, Publication, Table, WrittenTable};
use cinemill_engine::sink::writer::{PartitionWriter, table_schema};
use cinemill_engine::store::{Location, Requests};
use datafusion::arrow::array::RecordBatch;
use datafusion::execution::SessionState;
use datafusion::physical_plan::ExecutionPlan;
use tokio_util::sync::CancellationToken;

use super::audits::{self, Audited, RejectObject};
use super::backend::{Backend, PhysicalJob};
use super::checkpoints::{self, Checkpoint, Checkpoints};
use super::checks::{self, Findings, FutureTables, Question};
use super::events::{EventSender, RunEvent};
use super::inputs::ResolvedInput;
use super::planner::{Planned, Planner};
use super::request::RunRequest;
use super::retry::Retry;
use super::usage::{Meter, Usage};
use crate::job::OutputDefinition;

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
pub struct Checked {
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
    ) -> Result<Checked> {
        let job = &self.request.job;
        // What keys that stand twice would make of joins is not worth to be written.
        let keys = self.ask("check keys", checks::keys(job), &[], cancel);
        keys.await?.judge(job)?;
        let checkpoints = self.checkpoints(table, cancel).await?;
        let found = self.ask("check", checks::sets(job), &checkpoints, cancel);
        let found = found.await?;
        let mut filled = Filled::new(&checkpoints);
        for output in &self.request.job.outputs {
            let phase = self.phase_of(output);
            let mut retry = self.retry(&phase);
            loop {
                match self.output(output, &checkpoints, &retry, cancel).await {
                    Ok((written, audits)) => {
                        filled.add(output, written, audits);
                        break;
                    }
                    Err(error) => self.again(&mut retry, error, cancel).await?,
                }
            }
        }
        self.publish(filled, found, commit).await
    }

    /// `write`, or with the table's name where there are several.
    fn phase_of(&self, output: &OutputDefinition) -> String {
        match output.folder.as_str() {
            "" => "write".to_owned(),
            table => format!("write {table}"),
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
        let tables = FutureTables::new();
        loop {
            let planner = self.planner.scarce_memory(retry.scarce_memory());
            let asked = planner.questions(questions.clone(), self.inputs, checkpoints, &tables);
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
        let outputs: Vec<&str> = job.outputs.iter().map(|o| o.relation.as_str()).collect();
        let chosen = checkpoints::choose(&relations, &outputs, &bytes, bytes_min);
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
                    commit.prepare(written.checkpoint(relation))?;
                    return places.keep(place, commit.run().await?).await;
                }
                Err(error) => {
                    commit.abort().await;
                    self.again(&mut retry, error, cancel).await?;
                }
            }
        }
    }

    /// Writes an output and checks its rows. Its scans' audits are in the folder.
    async fn output(
        &self,
        output: &OutputDefinition,
        checkpoints: &[Checkpoint],
        retry: &Retry<'_>,
        cancel: &CancellationToken,
    ) -> Result<(Written, Location)> {
        let folder = audits::fresh_folder(self.request);
        let inputs = audited(self.inputs, &folder)?;
        let planner = self.planner.scarce_memory(retry.scarce_memory());
        let planned = planner.output(output, &inputs, checkpoints).await?;
        let phase = self.phase_of(output);
        let written = self.write(&phase, planned, cancel).await?;
        Ok((written, folder))
    }

    /// Hands all that was written to the commit, once all that is expected holds; `found` is what
    /// is known of that already.
    async fn publish(
        &self,
        filled: Filled<'_>,
        mut found: Findings,
        commit: &mut Commit,
    ) -> Result<Checked> {
        let job = &self.request.job;
        let Some((_, first)) = filled.tables.first() else {
            return Err(Error::new(
                Kind::Definition,
                "publish",
                &job.name,
                "it has no output",
            ));
        };
        let runtime = first.planned.state.runtime_env().clone();
        let folders: Vec<Location> = [filled.audits.as_slice(), &filled.checkpoints].concat();
        let audited = audits::gather(&folders, self.inputs, &runtime).await?;
        for (output, written) in &filled.tables {
            found.extend(checks::broken_conditions(job, output, &written.reports));
            let rows = written.reports.iter().map(|report| report.rows).sum();
            let input = output.one_row_per.as_ref();
            let expected = input.and_then(|input| audited.rows_of(input));
            found.extend(checks::one_row_per_input(output, rows, expected));
        }
        let warnings = found.judge(job)?;
        commit.prepare(Publication {
            job: job.name.clone(),
            rejects: reject_moves(&self.request.output, &audited.rejects),
            keep_snapshots: self.request.keep_snapshots(),
            tables: filled.into_tables(),
        })?;
        Ok(Checked { audited, warnings })
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
    /// As a table of a commit.
    fn table(self, name: String, folder: String) -> WrittenTable {
        let schema = table_schema(&self.planned.sink, &self.planned.schema);
        WrittenTable {
            name,
            folder,
            partition_by: self.planned.sink.partition_by,
            columns: Manifest::columns_of(&schema),
            reports: self.reports,
            partitions: self.partitions,
            kept: Vec::new(),
        }
    }

    fn checkpoint(self, relation: &str) -> Publication {
        Publication {
            job: relation.to_owned(),
            tables: vec![self.table(relation.to_owned(), String::new())],
            rejects: Vec::new(),
            keep_snapshots: 0,
        }
    }
}

/// What was written of the outputs so far.
struct Filled<'a> {
    tables: Vec<(&'a OutputDefinition, Written)>,
    /// The folders in which the scans left their audits. Whatever was not read is audited into the
    /// first one.
    audits: Vec<Location>,
    checkpoints: Vec<Location>,
}

impl<'a> Filled<'a> {
    fn new(checkpoints: &[Checkpoint]) -> Self {
        Self {
            tables: Vec::new(),
            audits: Vec::new(),
            checkpoints: checkpoints.iter().map(|c| c.audits.clone()).collect(),
        }
    }

    fn add(&mut self, output: &'a OutputDefinition, written: Written, audits: Location) {
        self.tables.push((output, written));
        self.audits.push(audits);
    }

    fn into_tables(self) -> Vec<WrittenTable> {
        let tables = self.tables.into_iter();
        tables
            .map(|(output, written)| written.table(output.name.clone(), output.folder.clone()))
            .collect()
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

//! The pieces of a run: plans that are executed one after the other, each as a whole, and each
//! again where it is lost with an executor.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::exec::read_reports;
use cinemill_engine::sink::spec::{SinkSpec, TaskReport};
use cinemill_engine::sink::statistics::TableStatistics;
use cinemill_engine::sink::table::{
    Commit, Manifest, ManifestFile, Publication, Table, WrittenTable,
};
use cinemill_engine::sink::writer::{PartitionWriter, table_schema};
use cinemill_engine::store::{Location, Requests};
use datafusion::arrow::array::RecordBatch;
use datafusion::dataframe::DataFrame;
use datafusion::execution::SessionState;
use datafusion::physical_plan::ExecutionPlan;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::audits::{self, Audited, RejectObject};
use super::backend::{Backend, Executed, PhysicalJob};
use super::checkpoints::{Checkpoint, Checkpoints};
use super::checks::{self, CheckPlan, Findings, FutureTables};
use super::events::{EventSender, RunEvent};
use super::incremental::Looked;
use super::inputs::ResolvedInput;
use super::modes::TableChange;
use super::outputs::{DoneTable, Sources};
use super::planner::{Planned, Planner};
use super::request::RunRequest;
use super::retry::Retry;
use super::usage::{Meter, Usage};
use crate::job::OutputDefinition;

/// Executes the pieces of one driver's attempt at a run.
pub struct Pieces<'a> {
    pub(super) request: &'a RunRequest,
    pub(super) inputs: &'a [ResolvedInput],
    pub(super) backend: &'a dyn Backend,
    events: &'a EventSender,
    pub(super) planner: Planner<'a>,
    retries: Arc<AtomicU32>,
    meter: Meter,
    /// What was found that stops no commit, of rows that are not looked at again.
    noted: Arc<Mutex<Findings>>,
}

/// What a piece wrote.
pub struct Written {
    planned: Planned,
    pub reports: Vec<TaskReport>,
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
            retries: Arc::default(),
            meter: Meter::default(),
            noted: Arc::default(),
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
        let base = commit.base().cloned();
        let looked = self.look(table, base.as_ref(), cancel).await?;
        let pieces = Pieces {
            planner: self.planner.share(looked.share.as_ref()),
            retries: self.retries.clone(),
            meter: self.meter.clone(),
            noted: self.noted.clone(),
            ..*self
        };
        pieces.check_keys(&looked, base.as_ref(), cancel).await?;
        let places = Checkpoints::new(table, self.request, self.inputs, base.as_ref());
        let made = pieces.checkpoints(&places, cancel).await?;
        let sources = Sources {
            base: base.as_ref(),
            places: &places,
            made: &made,
            buckets: looked.state.as_ref().map(|state| state.buckets),
        };
        let mut tables = Vec::new();
        for output in &self.request.job.outputs {
            tables.push(pieces.output(output, &sources, cancel).await?);
        }
        let checkpoints = made.iter().flat_map(|checkpoint| checkpoint.audits.clone());
        let audited = self.audited(&tables, checkpoints.collect()).await?;
        let chunks = tables.iter().filter_map(|done| done.chunks.clone());
        let made: Vec<Checkpoint> = made.iter().cloned().chain(chunks).collect();
        let mut found = pieces.check_tables(&made, &tables, cancel).await?;
        found.extend(self.found_in(&tables, &audited));
        let warnings = found.judge(&self.request.job)?;
        let state = match looked.state {
            Some(mut state) => {
                state.skipped = tables.iter().flat_map(|t| t.skipped.clone()).collect();
                let bytes = state.to_bytes();
                Some(table.write_state(&self.request.run_id, &bytes).await?)
            }
            None => None,
        };
        let changes = tables.iter().map(|done| done.change.clone()).collect();
        let statistics = tables.iter().map(|done| done.statistics.clone()).collect();
        commit.prepare(Publication {
            job: self.request.job.name.clone(),
            rejects: reject_moves(&self.request.output, &audited.rejects),
            keep_snapshots: self.request.keep_snapshots(),
            tables: tables.into_iter().map(|done| done.table).collect(),
            state,
        })?;
        Ok(Filled {
            audited,
            changes,
            warnings,
            statistics,
        })
    }

    /// Executes a piece again while it is lost, or runs out of memory, and that may help.
    pub(super) async fn tried<'p, T: 'p>(
        &self,
        phase: &str,
        cancel: &CancellationToken,
        piece: impl Fn(Planner<'a>) -> BoxFuture<'p, Result<T>> + Send + Sync,
    ) -> Result<T> {
        let attempts_max = self.backend.attempts_max();
        let mut retry = Retry::new(phase, &self.request.run_id, attempts_max, self.events);
        loop {
            let planner = self.planner.scarce_memory(retry.scarce_memory());
            match piece(planner).await {
                Ok(done) => return Ok(done),
                Err(error) => {
                    retry.after(error, cancel).await?;
                    self.retries.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }

    /// Looks for keys that stand twice. What they would make of joins is not worth to be written.
    ///
    /// Keys of records that a run before has seen are not looked at again.
    async fn check_keys(
        &self,
        looked: &Looked,
        base: Option<&Manifest>,
        cancel: &CancellationToken,
    ) -> Result<()> {
        let phase = "check keys";
        let keys = [
            checks::input_keys(&self.request.job),
            checks::output_keys(self.request, base),
        ];
        let keys = &keys.concat();
        let found = self.tried(phase, cancel, |planner| {
            async move {
                let none = FutureTables::new();
                let planner = planner.share(looked.records.as_ref());
                let asked = planner
                    .questions(keys.clone(), self.inputs, &[], &none)
                    .await?;
                self.answer(phase, asked, cancel).await
            }
            .boxed()
        });
        found.await?.judge(&self.request.job)?;
        Ok(())
    }

    /// Looks for keys that stand twice among rows of an output that have been written down, with
    /// one column `more` where there is one.
    pub(super) async fn check_key(
        &self,
        output: &OutputDefinition,
        kept: &Checkpoint,
        more: Option<&str>,
        cancel: &CancellationToken,
    ) -> Result<()> {
        let phase = "check keys";
        let found = self.tried(phase, cancel, |planner| {
            async move {
                let planned = planner.output(output, self.inputs, &[]).await?;
                let schema = match more {
                    Some(column) => planned.changes_schema(column),
                    None => table_schema(&planned.sink, &planned.schema),
                };
                let rows = kept.as_input().table(schema)?;
                let tables = FutureTables::from([(output.name.clone(), rows)]);
                let key = vec![checks::unique_key(&output.name, &output.key)];
                let asked = planner.questions(key, self.inputs, &[], &tables).await?;
                self.answer(phase, asked, cancel).await
            }
            .boxed()
        });
        found.await?.judge(&self.request.job)?;
        Ok(())
    }

    /// Asks what is expected of the tables as wholes, as they will be.
    async fn check_tables(
        &self,
        made: &[Checkpoint],
        done: &[DoneTable<'_>],
        cancel: &CancellationToken,
    ) -> Result<Findings> {
        let phase = "check";
        self.tried(phase, cancel, |planner| {
            async move {
                let sets = checks::sets(&self.request.job);
                if sets.is_empty() {
                    return Ok(Findings::default());
                }
                let tables = checks::future_tables(&planner, self.inputs, made, done).await?;
                // Inputs and relations are asked about as they are, not only what changed of them.
                let made = if planner.reads_a_share() { &[] } else { made };
                let whole = planner.share(None);
                let asked = whole.questions(sets, self.inputs, made, &tables).await?;
                self.answer(phase, asked, cancel).await
            }
            .boxed()
        })
        .await
    }

    async fn answer(
        &self,
        phase: &str,
        asked: Option<CheckPlan>,
        cancel: &CancellationToken,
    ) -> Result<Findings> {
        let Some(check) = asked else {
            return Ok(Findings::default());
        };
        let plan = check.physical().await?;
        let executed = self.execute(phase, check.state(), plan, cancel).await?;
        check.findings(&executed.rows)
    }

    /// Keeps in mind what was found of rows that are not looked at again.
    pub(super) fn note(&self, found: Findings) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.extend(found);
    }

    /// What was read.
    async fn audited(
        &self,
        tables: &[DoneTable<'_>],
        checkpoints: Vec<Location>,
    ) -> Result<Audited> {
        let runtime = self.planner.session(&[]).await?.runtime_env();
        let mut folders: Vec<Location> = tables.iter().flat_map(|t| t.audits.clone()).collect();
        folders.extend(checkpoints);
        audits::gather(&folders, self.inputs, &runtime).await
    }

    /// What was found while the rows of tables were written, and by their number.
    fn found_in(&self, tables: &[DoneTable<'_>], audited: &Audited) -> Findings {
        let noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = noted.clone();
        for done in tables {
            let reports = &done.table.reports;
            found.extend(checks::broken_conditions(
                &self.request.job,
                done.output,
                reports,
            ));
            let rows = done.change.rows;
            found.extend(checks::rows_in_bounds(&self.request.job, done.output, rows));
            let input = done.output.one_row_per.as_ref();
            let expected = input.and_then(|input| audited.rows_of(input));
            if let Some(rows) = done.rows_made {
                found.extend(checks::one_row_per_input(done.output, rows, expected));
            }
        }
        found
    }

    /// Executes a plan whose rows the driver is to see.
    pub(super) async fn collect(
        &self,
        phase: &str,
        rows: DataFrame,
        cancel: &CancellationToken,
    ) -> Result<Vec<RecordBatch>> {
        let failed = |cause| Error::from_datafusion(&cause, "plan", phase);
        let (state, plan) = rows.into_parts();
        let plan = state.optimize(&plan).map_err(failed)?;
        let planner = state.query_planner();
        let plan = planner.create_physical_plan(&plan, &state).await;
        let plan = plan.map_err(failed)?;
        Ok(self.execute(phase, state, plan, cancel).await?.rows)
    }

    /// Executes a plan that ends in a sink.
    pub(super) async fn write(
        &self,
        phase: &str,
        planned: Planned,
        cancel: &CancellationToken,
    ) -> Result<Written> {
        let plan = planned.physical().await?;
        let Executed { rows, partitions } = self
            .execute(phase, planned.state.clone(), plan, cancel)
            .await?;
        let failed = |cause| Error::from_datafusion(&cause, "read the reports of", phase);
        let reports = read_reports(&rows).map_err(failed)?;
        checks::parts_are_whole(&self.request.run_id, &reports)?;
        Ok(Written {
            planned,
            reports,
            partitions,
        })
    }

    pub(super) async fn execute(
        &self,
        phase: &str,
        state: SessionState,
        plan: Arc<dyn ExecutionPlan>,
        cancel: &CancellationToken,
    ) -> Result<Executed> {
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
        let executed = self.backend.execute(job, self.events, cancel).await?;
        if cancel.is_cancelled() {
            let cause = "it was cancelled";
            return Err(Error::new(
                Kind::Cancelled,
                "run",
                &self.request.run_id,
                cause,
            ));
        }
        Ok(executed)
    }
}

impl Written {
    pub fn rows(&self) -> u64 {
        self.reports.iter().map(|report| report.rows).sum()
    }

    /// Of the rows that were written.
    pub fn statistics(&self, table: &str) -> TableStatistics {
        let schema = table_schema(&self.planned.sink, &self.planned.schema);
        let reports = self.reports.iter();
        let reports = reports.map(|report| (report.rows, report.statistics.as_slice()));
        TableStatistics::of(table, &schema, reports)
    }

    /// As a table of a commit, beside files that stay.
    pub fn table(self, name: String, folder: String, kept: Vec<ManifestFile>) -> WrittenTable {
        let schema = table_schema(&self.planned.sink, &self.planned.schema);
        WrittenTable {
            name,
            folder,
            partition_by: self.planned.sink.partition_by,
            columns: Manifest::columns_of(&schema),
            reports: self.reports,
            partitions: self.partitions,
            kept,
        }
    }

    /// A table without rows has one file without rows, so that readers find its schema.
    pub async fn write_empty_table(&mut self) -> Result<()> {
        let planned = &self.planned;
        if self.reports.iter().any(|report| !report.parts.is_empty()) {
            return Ok(());
        }
        let Some(first) = self.reports.first_mut() else {
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
}

/// What is ready to be committed.
pub struct Filled {
    pub audited: Audited,
    pub changes: Vec<TableChange>,
    /// What was found that stops no commit, a line each.
    pub warnings: Vec<String>,
    pub statistics: Vec<TableStatistics>,
}

pub(super) fn audited(inputs: &[ResolvedInput], folder: &Location) -> Result<Vec<ResolvedInput>> {
    inputs.iter().map(|input| input.audited(folder)).collect()
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

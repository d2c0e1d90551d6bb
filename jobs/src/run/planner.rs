//! From a job's SQL to the plan that writes its table.

use std::sync::Arc;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::session;
use cinemill_engine::sink::node::SinkNode;
use cinemill_engine::sink::spec::{Compression, RowExpectation, SinkSpec};
use cinemill_engine::sink::writer::table_schema;
use cinemill_engine::source::TextTable;
use cinemill_engine::{spark, store::Location};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::dataframe::DataFrame;
use datafusion::datasource::ViewTable;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;

use super::backend::{Backend, Needs};
use super::checkpoints::Checkpoint;
use super::checks::{self, CheckPlan, FutureTables, Question};
use super::incremental::Share;
use super::inputs::{InputSource, ResolvedInput};
use super::request::RunRequest;
use crate::job::{JobDefinition, OutputDefinition, ordered_relations};

/// The largest part of a file that one task reads, in bytes.
const SPLIT_BYTES_MAX: u64 = 64 << 20;

/// The size at which a checkpoint's file is closed, in bytes.
const CHECKPOINT_FILE_BYTES: u64 = 256 << 20;

/// A job, ready to be executed.
pub struct Planned {
    pub state: SessionState,
    /// The rows of the output, and one boolean column per expectation behind them.
    pub rows: LogicalPlan,
    /// Schema of `rows`.
    pub schema: SchemaRef,
    pub sink: SinkSpec,
}

impl Planned {
    /// The whole plan, the sink at its top.
    pub fn logical(&self) -> Result<LogicalPlan> {
        SinkNode::plan(self.rows.clone(), self.sink.clone())
            .and_then(|plan| self.state.optimize(&plan))
            .map_err(|cause| Error::from_datafusion(&cause, "plan job", &self.sink.run_id))
    }

    /// The plan that executes; its partitions are the tasks that write.
    pub async fn physical(&self) -> Result<Arc<dyn ExecutionPlan>> {
        let logical = self.logical()?;
        self.state
            .query_planner()
            .create_physical_plan(&logical, &self.state)
            .await
            .map_err(|cause| Error::from_datafusion(&cause, "plan job", &self.sink.run_id))
    }

    /// The rows, to be changed further.
    pub fn frame(&self) -> DataFrame {
        DataFrame::new(self.state.clone(), self.rows.clone())
    }

    /// The names of the table's columns.
    pub fn columns(&self) -> Vec<String> {
        let fields = self.schema.fields().iter();
        let count = self.schema.fields().len() - self.sink.expectations.len();
        fields
            .take(count)
            .map(|field| field.name().clone())
            .collect()
    }

    /// The same sink over other rows, which have the same columns or more.
    #[must_use]
    pub fn with_rows(self, rows: LogicalPlan) -> Self {
        let schema = Arc::new(rows.schema().as_arrow().clone());
        Self {
            rows,
            schema,
            ..self
        }
    }

    /// A plan in the same session, which is not to be written.
    pub fn like(&self, rows: LogicalPlan) -> Self {
        Self {
            state: self.state.clone(),
            schema: Arc::new(rows.schema().as_arrow().clone()),
            rows,
            sink: self.sink.clone(),
        }
    }

    /// The columns of the table with one of truth values behind them.
    pub fn changes_schema(&self, last: &str) -> SchemaRef {
        let table = table_schema(&self.sink, &self.schema);
        let mut fields: Vec<FieldRef> = table.fields().iter().cloned().collect();
        fields.push(Arc::new(Field::new(last, DataType::Boolean, true)));
        Arc::new(Schema::new(fields))
    }

    /// The same rows, to be written to a table of the run's own.
    #[must_use]
    pub fn kept_in(mut self, table: &Location) -> Self {
        self.sink = SinkSpec {
            table: table.to_string(),
            folder: String::new(),
            partition_by: Vec::new(),
            sort_by: Vec::new(),
            compression: Compression::Snappy,
            target_file_bytes: CHECKPOINT_FILE_BYTES,
            statistics: false,
            ..self.sink
        };
        self
    }

    /// Rows that have been looked at already.
    pub fn forget_expectations(&mut self) {
        self.sink.expectations.clear();
    }

    /// The plan that executes without the sink.
    pub async fn rows_physical(&self) -> Result<Arc<dyn ExecutionPlan>> {
        let failed = |cause| Error::from_datafusion(&cause, "plan job", &self.sink.run_id);
        let optimized = self.state.optimize(&self.rows).map_err(failed)?;
        let planner = self.state.query_planner();
        let plan = planner.create_physical_plan(&optimized, &self.state).await;
        plan.map_err(failed)
    }
}

/// Plans the queries of one run.
#[derive(Clone, Copy)]
pub struct Planner<'a> {
    request: &'a RunRequest,
    backend: &'a dyn Backend,
    /// Counts the drivers that took the run up.
    attempt: u32,
    /// A plan ran out of memory before.
    scarce_memory: bool,
    /// Which records are read; all where not given.
    share: Option<&'a Share>,
}

/// A relation of the job with its own plan, in which other relations are tables.
pub type PlannedRelation = (String, LogicalPlan);

impl<'a> Planner<'a> {
    pub fn new(request: &'a RunRequest, backend: &'a dyn Backend) -> Self {
        Self {
            request,
            backend,
            attempt: 1,
            scarce_memory: false,
            share: None,
        }
    }

    pub fn reads_a_share(&self) -> bool {
        self.share.is_some()
    }

    pub fn request(&self) -> &'a RunRequest {
        self.request
    }

    /// Reads only a share of the records, as far as the job tells which rows depend on them.
    #[must_use]
    pub fn share(self, share: Option<&'a Share>) -> Self {
        Self { share, ..self }
    }

    #[must_use]
    pub fn attempt(self, attempt: u32) -> Self {
        Self { attempt, ..self }
    }

    #[must_use]
    pub fn scarce_memory(self, scarce_memory: bool) -> Self {
        Self {
            scarce_memory,
            ..self
        }
    }

    /// A session in which the job's inputs are tables.
    pub async fn session(&self, inputs: &[ResolvedInput]) -> Result<SessionContext> {
        let needs = Needs {
            input_bytes: inputs.iter().map(ResolvedInput::bytes).sum(),
            scarce_memory: self.scarce_memory,
        };
        let options = self.backend.session(needs).await;
        let failed = |cause| Error::from_datafusion(&cause, "begin", "a session");
        let context = SessionContext::new_with_state(session::state(&options).map_err(failed)?);
        for input in inputs {
            let table: Arc<dyn TableProvider> = match &input.source {
                InputSource::Text(spec) => Arc::new(TextTable::new(
                    spec.clone(),
                    options.partitions,
                    SPLIT_BYTES_MAX,
                )),
                InputSource::Table(table) => table.table(input.schema.clone())?,
            };
            let table = match self.share {
                Some(share) => share.of_input(&self.request.job, &input.name, table)?,
                None => table,
            };
            context
                .register_table(TableReference::bare(input.name.as_str()), table)
                .map_err(failed)?;
        }
        Ok(context)
    }

    /// Plans the job's relations and makes them tables of the session: views, or what their
    /// checkpoints hold.
    pub async fn relations(
        &self,
        context: &SessionContext,
        checkpoints: &[Checkpoint],
    ) -> Result<Vec<PlannedRelation>> {
        let values = self.request.values()?;
        let mut planned = Vec::new();
        for (name, query) in ordered_relations(&self.request.job)? {
            let plan = query.bind(&values)?.plan(&context.state()).await?;
            let checkpoint = checkpoints.iter().find(|c| c.relation == name);
            let table: Arc<dyn TableProvider> = match checkpoint {
                Some(checkpoint) => checkpoint.table(plan.schema().as_arrow())?,
                None => Arc::new(ViewTable::new(plan.clone(), Some(name.clone()))),
            };
            context
                .register_table(TableReference::bare(name.as_str()), table)
                .map_err(|cause| Error::from_datafusion(&cause, "plan relation", &name))?;
            planned.push((name, plan));
        }
        Ok(planned)
    }

    /// Plans all outputs and checks, only to see whether they can be.
    pub async fn check(&self, inputs: &[ResolvedInput]) -> Result<()> {
        let context = self.session(inputs).await?;
        self.relations(&context, &[]).await?;
        let job = &self.request.job;
        for output in &job.outputs {
            self.output_in(&context, output).await?;
        }
        checks::name_outputs(&context, job, &FutureTables::new()).await?;
        checks::references_fit(&context, job).await?;
        CheckPlan::new(&context, checks::sets(job), &self.request.values()?).await?;
        Ok(())
    }

    /// Plans one of the job's outputs.
    pub async fn output(
        &self,
        output: &OutputDefinition,
        inputs: &[ResolvedInput],
        checkpoints: &[Checkpoint],
    ) -> Result<Planned> {
        let context = self.session(inputs).await?;
        self.relations(&context, checkpoints).await?;
        self.output_in(&context, output).await
    }

    /// Plans an output in a session that has the job's relations.
    async fn output_in(
        &self,
        context: &SessionContext,
        output: &OutputDefinition,
    ) -> Result<Planned> {
        let job = &self.request.job;
        let relation = TableReference::bare(output.relation.as_str());
        let failed = |cause| Error::from_datafusion(&cause, "plan relation", &output.relation);
        let table = context.table_provider(relation).await.map_err(failed)?;
        checks::columns_exist(job, &output.name, &table.schema())?;
        checks::columns_fit(job, &output.name, &table.schema())?;
        checks::conditions_are_expressions(job)?;
        let conditions = conditions(job, output);
        let sql = output_sql(output, &conditions);
        let query = spark::parse(&sql, "expectations (job.toml)")?;
        let state = context.state();
        let rows = query.bind(&self.request.values()?)?.plan(&state).await?;
        let schema: SchemaRef = Arc::new(rows.schema().as_arrow().clone());
        for (expectation, _) in &conditions {
            let kind = schema.field_with_name(&expectation.column);
            let kind = kind.map_or(&DataType::Null, |field| field.data_type());
            checks::condition_is_boolean(job, &expectation.name, kind)?;
        }
        let sink = SinkSpec {
            table: self.request.output.to_string(),
            folder: output.folder.clone(),
            run_id: self.request.run_id.clone(),
            attempt: self.attempt,
            partition_by: self.request.partition_by(output).to_vec(),
            sort_by: self.request.sort_by(output).to_vec(),
            compression: self.request.compression(output),
            target_file_bytes: self.request.target_file_bytes(output),
            expectations: conditions
                .into_iter()
                .map(|(expectation, _)| expectation)
                .collect(),
            key: output.key.clone(),
            statistics: true,
        };
        check_columns(job, output, &schema, &sink)?;
        Ok(Planned {
            state,
            rows,
            schema,
            sink,
        })
    }

    /// Plans questions about the job's tables; `None` where there are none. An output table is what
    /// `tables` has for its name, else the rows of its relation.
    pub async fn questions(
        &self,
        questions: Vec<Question>,
        inputs: &[ResolvedInput],
        checkpoints: &[Checkpoint],
        tables: &FutureTables,
    ) -> Result<Option<CheckPlan>> {
        if questions.is_empty() {
            return Ok(None);
        }
        let context = self.session(inputs).await?;
        self.relations(&context, checkpoints).await?;
        checks::name_outputs(&context, &self.request.job, tables).await?;
        CheckPlan::new(&context, questions, &self.request.values()?).await
    }

    /// Plans a relation, to be written where [`Planned::kept_in`] says.
    pub async fn relation(
        &self,
        relation: &str,
        inputs: &[ResolvedInput],
        checkpoints: &[Checkpoint],
    ) -> Result<Planned> {
        let context = self.session(inputs).await?;
        let relations = self.relations(&context, checkpoints).await?;
        let found = relations.into_iter().find(|(name, _)| name == relation);
        let (_, rows) = found.ok_or_else(|| {
            Error::new(
                Kind::Definition,
                "plan relation",
                relation,
                "there is no such relation",
            )
        })?;
        let schema: SchemaRef = Arc::new(rows.schema().as_arrow().clone());
        let sink = SinkSpec {
            table: String::new(),
            folder: String::new(),
            run_id: self.request.run_id.clone(),
            attempt: self.attempt,
            partition_by: Vec::new(),
            sort_by: Vec::new(),
            compression: Compression::Snappy,
            target_file_bytes: CHECKPOINT_FILE_BYTES,
            expectations: Vec::new(),
            key: Vec::new(),
            statistics: false,
        };
        Ok(Planned {
            state: context.state(),
            rows,
            schema,
            sink,
        })
    }
}

/// Each condition on rows with its SQL.
fn conditions(job: &JobDefinition, output: &OutputDefinition) -> Vec<(RowExpectation, String)> {
    let not_null = output
        .key
        .iter()
        .map(|key| (format!("{key} is not null"), format!("`{key}` IS NOT NULL")));
    let declared = job
        .expectations
        .iter()
        .filter(|expectation| expectation.is_of(&output.name))
        .filter_map(|e| Some((e.name.clone(), e.condition_sql()?)));
    let named = not_null
        .chain(declared)
        .enumerate()
        .map(|(index, (name, condition))| {
            (
                RowExpectation {
                    name,
                    column: format!("__expect_{index}"),
                },
                condition,
            )
        });
    named.collect()
}

fn output_sql(output: &OutputDefinition, conditions: &[(RowExpectation, String)]) -> String {
    let mut sql = "SELECT *".to_owned();
    for (expectation, condition) in conditions {
        // A condition may end in a comment.
        sql += &format!(",\n  ({condition}\n  ) AS {}", expectation.column);
    }
    sql + &format!("\nFROM {}", output.relation)
}

/// Columns that `job.toml` or the command line names must be in the output.
fn check_columns(
    job: &JobDefinition,
    output: &OutputDefinition,
    schema: &SchemaRef,
    sink: &SinkSpec,
) -> Result<()> {
    let named = sink
        .partition_by
        .iter()
        .chain(&sink.sort_by)
        .chain(&sink.key);
    for column in named {
        if schema.index_of(column).is_err() {
            let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
            let cause = format!("the output {} has no column `{column}`", output.name);
            let columns = names[..names.len() - sink.expectations.len()].join(", ");
            return Err(Error::new(Kind::Definition, "plan job", &job.name, cause)
                .hint(format!("its columns are {columns}")));
        }
    }
    Ok(())
}

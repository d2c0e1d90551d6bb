//! From a job's SQL to the plan that writes its table.

use std::sync::Arc;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::session;
use cinemill_engine::sink::node::SinkNode;
use cinemill_engine::sink::spec::{RowExpectation, SinkSpec};
use cinemill_engine::source::TextTable;
use cinemill_engine::{spark, store::Location};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::TableReference;
use datafusion::datasource::ViewTable;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use datafusion::prelude::SessionContext;

use super::backend::Backend;
use super::inputs::ResolvedInput;
use super::request::RunRequest;
use crate::job::{JobDefinition, ordered_relations};

/// The largest part of a file that one task reads, in bytes.
const SPLIT_BYTES_MAX: u64 = 64 << 20;

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

    /// How many partitions of a plan will report.
    pub fn partitions(plan: &Arc<dyn ExecutionPlan>) -> usize {
        plan.output_partitioning().partition_count()
    }
}

/// A session in which the job's inputs are tables.
pub async fn session_with_inputs(
    inputs: &[ResolvedInput],
    backend: &dyn Backend,
) -> Result<SessionContext> {
    let bytes = inputs.iter().map(ResolvedInput::bytes).sum();
    let options = backend.session(bytes).await;
    let failed = |cause| Error::from_datafusion(&cause, "begin", "a session");
    let context = SessionContext::new_with_state(session::state(&options).map_err(failed)?);
    for input in inputs {
        let table = TextTable::new(input.spec.clone(), options.partitions, SPLIT_BYTES_MAX);
        context
            .register_table(TableReference::bare(input.name.as_str()), Arc::new(table))
            .map_err(failed)?;
    }
    Ok(context)
}

/// Plans the job over its inputs. `attempt` counts the drivers that took the run up.
pub async fn plan(
    request: &RunRequest,
    inputs: &[ResolvedInput],
    attempt: u32,
    backend: &dyn Backend,
) -> Result<Planned> {
    let context = session_with_inputs(inputs, backend).await?;
    let job = &request.job;
    for (name, query) in ordered_relations(job)? {
        let plan = query.plan(&context.state()).await?;
        let view = ViewTable::new(plan, Some(name.clone()));
        context
            .register_table(TableReference::bare(name.as_str()), Arc::new(view))
            .map_err(|cause| Error::from_datafusion(&cause, "plan relation", &name))?;
    }
    let conditions = conditions(job);
    let query = spark::parse(&output_sql(job, &conditions), "expectations (job.toml)")?;
    let state = context.state();
    let rows = query.plan(&state).await?;
    let schema: SchemaRef = Arc::new(rows.schema().as_arrow().clone());
    let sink = SinkSpec {
        table: request.output.to_string(),
        run_id: request.run_id.clone(),
        attempt,
        partition_by: request.partition_by().to_vec(),
        sort_by: request.sort_by().to_vec(),
        compression: request.compression(),
        target_file_bytes: request.target_file_bytes(),
        expectations: conditions
            .into_iter()
            .map(|(expectation, _)| expectation)
            .collect(),
        key: job.output.key.clone(),
    };
    check_columns(job, &schema, &sink)?;
    Ok(Planned {
        state,
        rows,
        schema,
        sink,
    })
}

/// Each condition on rows with its SQL.
fn conditions(job: &JobDefinition) -> Vec<(RowExpectation, String)> {
    let not_null = job
        .output
        .key
        .iter()
        .map(|key| (format!("{key} is not null"), format!("`{key}` IS NOT NULL")));
    let declared = job
        .expectations
        .iter()
        .map(|e| (e.name.clone(), e.condition.clone()));
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

fn output_sql(job: &JobDefinition, conditions: &[(RowExpectation, String)]) -> String {
    let mut sql = "SELECT *".to_owned();
    for (expectation, condition) in conditions {
        sql += &format!(",\n  ({condition}) AS {}", expectation.column);
    }
    sql + &format!("\nFROM {}", job.output.relation)
}

/// Columns that `job.toml` or the command line names must be in the output.
fn check_columns(job: &JobDefinition, schema: &SchemaRef, sink: &SinkSpec) -> Result<()> {
    let named = sink
        .partition_by
        .iter()
        .chain(&sink.sort_by)
        .chain(&sink.key);
    for column in named {
        if schema.index_of(column).is_err() {
            let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
            let cause = format!("the output has no column `{column}`");
            let columns = names[..names.len() - sink.expectations.len()].join(", ");
            return Err(Error::new(Kind::Definition, "plan job", &job.name, cause)
                .hint(format!("its columns are {columns}")));
        }
    }
    Ok(())
}

/// Where the scans of one attempt leave their audits: a new folder each time, so that nothing of
/// an attempt that died is taken for this one's.
pub fn audit_folder(request: &RunRequest) -> Location {
    let staging = cinemill_engine::sink::spec::staging_folder(&request.run_id);
    request.output.join(&format!(
        "{staging}/audit-{}",
        uuid::Uuid::new_v4().simple()
    ))
}

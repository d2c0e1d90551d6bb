//! What must hold before a table is published.

use std::sync::Arc;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::spec::{SAMPLES_MAX, TaskReport};
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::TableReference;
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::functions::string::expr_fn::concat_ws;
use datafusion::functions_aggregate::count::count;
use datafusion::logical_expr::{Expr, LogicalPlan, cast, ident, lit};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;

use super::inputs::ResolvedInput;
use super::planner::Planner;
use crate::job::{JobDefinition, OutputDefinition};

/// A query for keys that stand more than once, over all inputs (and the output where its key does
/// not follow from an input's); no rows means that all is well.
pub struct KeyCheck {
    context: SessionContext,
    plan: LogicalPlan,
}

impl KeyCheck {
    /// `None` where the job declares no key.
    pub async fn new(
        job: &JobDefinition,
        inputs: &[ResolvedInput],
        planner: &Planner<'_>,
    ) -> Result<Option<Self>> {
        let context = planner.session(inputs).await?;
        planner.relations(&context, &[]).await?;
        let failed = |cause: DataFusionError| {
            Error::from_datafusion(&cause, "plan the key check of", &job.name)
        };
        let mut checks = Vec::new();
        for (name, input) in &job.inputs {
            if !input.key.is_empty() {
                let plan = table_plan(&context, name).await.map_err(failed)?;
                checks.push(repeated_keys(&context, plan, name, &input.key).map_err(failed)?);
            }
        }
        for output in &job.outputs {
            // With `one_row_per` the number of rows proves the output's key, at no cost.
            if output.one_row_per.is_none() && !output.key.is_empty() {
                let plan = table_plan(&context, &output.relation)
                    .await
                    .map_err(failed)?;
                let check = repeated_keys(&context, plan, &output.relation, &output.key);
                checks.push(check.map_err(failed)?);
            }
        }
        let mut checks = checks.into_iter();
        let Some(first) = checks.next() else {
            return Ok(None);
        };
        let all = checks.try_fold(first, DataFrame::union).map_err(failed)?;
        let plan = all.into_optimized_plan().map_err(failed)?;
        Ok(Some(Self { context, plan }))
    }

    pub fn state(&self) -> datafusion::execution::SessionState {
        self.context.state()
    }

    pub async fn physical(&self) -> Result<Arc<dyn ExecutionPlan>> {
        let state = self.context.state();
        let plan = state
            .query_planner()
            .create_physical_plan(&self.plan, &state)
            .await;
        plan.map_err(|cause| Error::from_datafusion(&cause, "plan", "the key check"))
    }
}

async fn table_plan(context: &SessionContext, name: &str) -> Result<LogicalPlan, DataFusionError> {
    let table = context.table(TableReference::bare(name)).await?;
    Ok(table.into_unoptimized_plan())
}

/// One row for each of up to ten repeated keys: where it stands, and the key.
fn repeated_keys(
    context: &SessionContext,
    plan: LogicalPlan,
    name: &str,
    key: &[String],
) -> Result<DataFrame, DataFusionError> {
    let columns: Vec<Expr> = key.iter().map(ident).collect();
    let known = columns
        .iter()
        .cloned()
        .map(Expr::is_not_null)
        .reduce(Expr::and);
    let text = columns
        .iter()
        .cloned()
        .map(|column| cast(column, DataType::Utf8))
        .collect();
    let what = format!("{name}.{}", key.join(","));
    DataFrame::new(context.state(), plan)
        .filter(known.unwrap_or_else(|| lit(true)))?
        .aggregate(columns, vec![count(lit(1i64)).alias("times")])?
        .filter(ident("times").gt(lit(1i64)))?
        .select(vec![
            lit(what).alias("what"),
            concat_ws(lit(","), text).alias("key"),
        ])?
        .sort(vec![ident("key").sort(true, true)])?
        .limit(0, Some(SAMPLES_MAX))
}

/// Fails with the repeated keys that the check's rows name.
pub fn no_repeated_keys(job: &JobDefinition, rows: &[RecordBatch]) -> Result<()> {
    let mut found: Vec<(String, String)> = Vec::new();
    for batch in rows {
        let (what, key) = (text(batch, 0)?, text(batch, 1)?);
        found.extend(what.into_iter().zip(key));
    }
    let Some((first, _)) = found.first().cloned() else {
        return Ok(());
    };
    let keys: Vec<&str> = found
        .iter()
        .filter(|(what, _)| *what == first)
        .map(|(_, key)| key.as_str())
        .collect();
    let cause = format!("{first} is not unique; repeated: {}", keys.join(", "));
    Err(broken(job, &cause))
}

fn text(batch: &RecordBatch, column: usize) -> Result<Vec<String>> {
    let column = datafusion::arrow::compute::cast(batch.column(column), &DataType::Utf8)
        .map_err(|cause| Error::new(Kind::Final, "read", "the key check's rows", cause))?;
    let column = column.as_string::<i32>();
    Ok((0..column.len())
        .map(|row| column.value(row).to_owned())
        .collect())
}

/// Fails where rows broke a condition.
pub fn no_violations(job: &JobDefinition, reports: &[TaskReport]) -> Result<()> {
    let violations = reports.iter().flat_map(|report| &report.violations);
    let Some(first) = violations.clone().next() else {
        return Ok(());
    };
    let same: Vec<_> = violations
        .filter(|violation| violation.name == first.name)
        .collect();
    let rows: u64 = same.iter().map(|violation| violation.rows).sum();
    let samples: Vec<&str> = same
        .iter()
        .flat_map(|violation| violation.samples.iter().map(String::as_str))
        .take(SAMPLES_MAX)
        .collect();
    let word = if rows == 1 {
        "row breaks"
    } else {
        "rows break"
    };
    let cause = format!("{rows} {word} `{}`: {}", first.name, samples.join("; "));
    Err(broken(job, &cause))
}

/// Fails where a task wrote other rows than it was given.
pub fn parts_are_whole(run_id: &str, reports: &[TaskReport]) -> Result<()> {
    for report in reports {
        let written: u64 = report.parts.iter().map(|part| part.rows).sum();
        if written != report.rows {
            let cause = format!(
                "partition {} has {} rows, but its files hold {written}",
                report.partition, report.rows
            );
            tracing::error!(run = run_id, cause, "the books do not balance");
            return Err(Error::new(Kind::Retryable, "write run", run_id, cause));
        }
    }
    Ok(())
}

/// Fails where the output has not exactly one row per row of the input that it declares.
pub fn one_row_per_input(
    job: &JobDefinition,
    output: &OutputDefinition,
    rows: u64,
    input_rows: Option<u64>,
) -> Result<()> {
    match (&output.one_row_per, input_rows) {
        (Some(input), Some(expected)) if expected != rows => {
            let name = match output.folder.as_str() {
                "" => "the output",
                table => table,
            };
            let cause = format!("{name} has {rows} rows, but `{input}` has {expected}");
            Err(broken(job, &cause))
        }
        _ => Ok(()),
    }
}

fn broken(job: &JobDefinition, cause: &str) -> Error {
    Error::new(Kind::Expectation, "publish", &job.name, cause)
        .hint("nothing was published; mend the input, or the expectation in job.toml")
}

//! Output tables as they will be once the run is committed.

use std::collections::BTreeMap;
use std::sync::Arc;

use cinemill_engine::error::{Error, Result};
use cinemill_engine::sink::table::Manifest;
use datafusion::catalog::TableProvider;
use datafusion::common::{JoinType, TableReference};
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, Operator, binary_expr, ident};
use datafusion::prelude::SessionContext;

use crate::job::{JobDefinition, OutputDefinition, WriteMode};
use crate::run::checkpoints::Checkpoint;
use crate::run::inputs::ResolvedInput;
use crate::run::modes::Before;
use crate::run::planner::{Planned, Planner};

/// Output tables by name.
pub type FutureTables = BTreeMap<String, Arc<dyn TableProvider>>;

/// The tables of outputs that keep rows which they have: those, and the rows that the run adds.
pub async fn future_tables(
    planner: &Planner<'_>,
    inputs: &[ResolvedInput],
    checkpoints: &[Checkpoint],
    base: Option<&Manifest>,
) -> Result<FutureTables> {
    let request = planner.request();
    let mut tables = FutureTables::new();
    for output in &request.job.outputs {
        let Some(before) = Before::of(output, &request.output, base) else {
            continue;
        };
        let mode = request.mode(output);
        if mode == WriteMode::Overwrite {
            continue;
        }
        let planned = planner.output(output, inputs, checkpoints).await?;
        let partition_by = request.partition_by(output);
        let table = future(output, (mode, partition_by), &planned, &before)
            .map_err(|cause| Error::from_datafusion(&cause, "plan", &output.name))?;
        tables.insert(output.name.clone(), table.into_view());
    }
    Ok(tables)
}

fn future(
    output: &OutputDefinition,
    (mode, partition_by): (WriteMode, &[String]),
    planned: &Planned,
    before: &Before,
) -> Result<DataFrame, DataFusionError> {
    let columns = planned.columns();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let new = planned.frame().select_columns(&columns)?;
    let old = before.rows_of(&before.files, planned)?;
    match mode {
        WriteMode::Overwrite => Ok(new),
        WriteMode::AppendNew => old.clone().union(without(new, old, &output.key)?),
        WriteMode::Merge => without(old, new.clone(), &output.key)?.union(new),
        WriteMode::OverwritePartitions => without(old, new.clone(), partition_by)?.union(new),
    }
}

/// The rows that share the values of `columns` with no row of `others`.
fn without(
    rows: DataFrame,
    others: DataFrame,
    columns: &[String],
) -> Result<DataFrame, DataFusionError> {
    let other = |column: &String| format!("__other_{column}");
    let renamed: Vec<Expr> = columns.iter().map(|c| ident(c).alias(other(c))).collect();
    let same = columns
        .iter()
        .map(|c| binary_expr(ident(c), Operator::IsNotDistinctFrom, ident(other(c))));
    rows.join_on(others.select(renamed)?, JoinType::LeftAnti, same)
}

/// Makes the outputs tables of a session that has the job's relations; an output's name goes before
/// that of a relation. Where `tables` does not say what it will be, it has its relation's rows.
pub async fn name_outputs(
    context: &SessionContext,
    job: &JobDefinition,
    tables: &FutureTables,
) -> Result<()> {
    let failed = |cause| Error::from_datafusion(&cause, "plan the checks of", &job.name);
    let mut named = Vec::new();
    for output in &job.outputs {
        let relation = TableReference::bare(output.relation.as_str());
        let table = match tables.get(&output.name) {
            Some(table) => table.clone(),
            None => context.table_provider(relation).await.map_err(failed)?,
        };
        named.push((TableReference::bare(output.name.as_str()), table));
    }
    for (name, table) in named {
        context.deregister_table(name.clone()).map_err(failed)?;
        context.register_table(name, table).map_err(failed)?;
    }
    Ok(())
}

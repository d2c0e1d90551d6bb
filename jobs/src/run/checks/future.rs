//! Output tables as they will be once the run is committed.

use std::collections::BTreeMap;
use std::sync::Arc;

use cinemill_engine::error::{Error, Result};
use cinemill_engine::sink::table::ManifestFile;
use datafusion::catalog::TableProvider;
use datafusion::common::{JoinType, TableReference};
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, Operator, binary_expr, ident};
use datafusion::prelude::SessionContext;

use crate::job::JobDefinition;
use crate::run::checkpoints::Checkpoint;
use crate::run::inputs::ResolvedInput;
use crate::run::modes::{Before, Changes, IS_NEW};
use crate::run::outputs::{DoneTable, Stays};
use crate::run::planner::{Planned, Planner};
use crate::run::tables::TableInput;

/// Output tables by name.
pub type FutureTables = BTreeMap<String, Arc<dyn TableProvider>>;

/// The tables of outputs that keep rows which they have: those, and the rows that the run adds.
pub async fn future_tables(
    planner: &Planner<'_>,
    inputs: &[ResolvedInput],
    checkpoints: &[Checkpoint],
    done: &[DoneTable<'_>],
) -> Result<FutureTables> {
    let mut tables = FutureTables::new();
    for done in done {
        let output = done.output;
        let planned = planner.output(output, inputs, checkpoints).await?;
        let future = match &done.stays {
            None => continue,
            Some(Stays::Rows {
                before,
                changed,
                only_new,
            }) => changed_rows(before, (changed, *only_new), &planned, &output.key),
            Some(Stays::Files { before, files }) => beside(before, files, &planned),
        };
        let table = future.map_err(|cause| Error::from_datafusion(&cause, "plan", &output.name))?;
        tables.insert(output.name.clone(), table.into_view());
    }
    Ok(tables)
}

/// The rows that a table has, and those that replace some of them or come to them.
fn changed_rows(
    before: &Before,
    (changed, only_new): (&TableInput, bool),
    planned: &Planned,
    key: &[String],
) -> Result<DataFrame, DataFusionError> {
    let columns = planned.columns();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let new = Changes::rows(changed, planned)?;
    let new = match only_new {
        true => new.filter(ident(IS_NEW))?,
        false => new,
    };
    let new = new.select_columns(&columns)?;
    let old = before.rows_of(&before.files, planned)?;
    without(old, new.clone(), key)?.union(new)
}

/// The rows of some of a table's files, and those of the run.
fn beside(
    before: &Before,
    files: &[ManifestFile],
    planned: &Planned,
) -> Result<DataFrame, DataFusionError> {
    let columns = planned.columns();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let new = planned.frame().select_columns(&columns)?;
    before.rows_of(files, planned)?.union(new)
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

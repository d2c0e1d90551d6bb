//! How many rows a run would insert, update, delete or leave as they are.

use cinemill_engine::error::Result;
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::expr_fn::sum;
use datafusion::logical_expr::{Expr, JoinType, Operator, binary_expr, ident, lit, not, when};

use super::before::{Before, IS_THERE, before};
use super::{TableChange, failed, stored};
use crate::job::{OutputDefinition, WriteMode};
use crate::run::planner::Planned;

/// A column that is true in each row of the run.
const IS_COMING: &str = "__coming";

/// A plan of one row that compares the plan's rows with the table by their key: how many are only
/// in the plan, in both with other values, in both with the same, and only in the table.
pub fn comparison(planned: &Planned, table: &Before, key: &[String]) -> Result<Planned> {
    let compared = || -> Result<_, DataFusionError> {
        let columns = planned.columns();
        let coming = columns.iter().map(|name| stored(planned, name).alias(name));
        let coming: Vec<Expr> = coming.chain([lit(true).alias(IS_COMING)]).collect();
        let rows = planned.frame().select(coming)?;
        let there = table.beside(&columns, planned)?;
        let keys: Vec<&str> = key.iter().map(String::as_str).collect();
        let names: Vec<String> = key.iter().map(|name| before(name)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let joined = rows.join(there, JoinType::Full, &keys, &names, None)?;
        let (is_new, is_gone) = (ident(IS_THERE).is_null(), ident(IS_COMING).is_null());
        let same = columns
            .iter()
            .map(|column| {
                let there = ident(before(column));
                binary_expr(ident(column), Operator::IsNotDistinctFrom, there)
            })
            .fold(lit(true), Expr::and);
        let in_both = not(is_new.clone()).and(not(is_gone.clone()));
        let kinds = [
            is_new,
            in_both.clone().and(not(same.clone())),
            in_both.and(same),
            is_gone,
        ];
        let mut sums = Vec::new();
        for (index, kind) in kinds.into_iter().enumerate() {
            let counted = when(kind, lit(1i64)).otherwise(lit(0i64))?;
            sums.push(sum(counted).alias(format!("kind_{index}")));
        }
        joined.aggregate(Vec::new(), sums)
    };
    let compared = compared().map_err(|cause| failed(&cause, planned))?;
    Ok(planned.like(compared.into_unoptimized_plan()))
}

/// What the row of [`comparison`] means in a mode.
pub fn counts_of(
    batches: &[RecordBatch],
    output: &OutputDefinition,
    mode: WriteMode,
) -> TableChange {
    let number = |index: usize| {
        let columns = batches.iter().filter(|batch| batch.num_rows() > 0);
        let values = columns.map(|batch| batch.column(index).as_primitive::<Int64Type>());
        let known = values.filter(|column| column.is_valid(0));
        known
            .map(|column| column.value(0).unsigned_abs())
            .sum::<u64>()
    };
    let [new, other, same, gone] = [0, 1, 2, 3].map(number);
    let (updated, unchanged, deleted) = match mode {
        WriteMode::AppendNew => (0, other + same + gone, 0),
        WriteMode::Merge => (other, same + gone, 0),
        WriteMode::Overwrite | WriteMode::OverwritePartitions => (other, same, gone),
    };
    TableChange {
        table: output.name.clone(),
        mode,
        rows: new + updated + unchanged,
        inserted: new,
        updated,
        deleted,
        unchanged,
    }
}

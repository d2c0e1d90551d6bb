//! Counts rows that differ, and shows some.

use cinemill_engine::error::Result;
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::JoinType;
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::sum::sum;
use datafusion::logical_expr::{Expr, Operator, binary_expr, case, ident, lit};

use super::compare::{Sides, THERE, failed, of_side};
use super::{Cell, EXAMPLES, Example, Row, RowChanges};
use crate::reading::Reading;

/// The column that counts in comparisons of multisets.
const COUNT: &str = "__count";

/// Compares rows that have the same key.
pub async fn by_key(reading: &Reading, sides: &Sides, key: &[String]) -> Result<RowChanges> {
    let mut changes = RowChanges {
        unchanged: sides.rows_shared,
        ..RowChanges::default()
    };
    if sides.before.is_empty() && sides.after.is_empty() {
        return Ok(changes);
    }
    let common = sides.common();
    let joined = joined(reading, sides, &common, key).await?;
    let others = common.iter().filter(|column| !key.contains(column));
    let key_first: Vec<String> = key.iter().chain(others).cloned().collect();
    let values: Vec<&String> = common
        .iter()
        .filter(|column| !key.contains(column))
        .collect();
    let differs = |column: &str| {
        let (before, after) = (of_side(0, column), of_side(1, column));
        binary_expr(ident(before), Operator::IsDistinctFrom, ident(after))
    };
    let both = ident(THERE[0])
        .is_not_null()
        .and(ident(THERE[1]).is_not_null());
    let any = values.iter().map(|column| differs(column)).reduce(Expr::or);
    let changed = both.clone().and(any.unwrap_or_else(|| lit(false)));
    let mut figures = vec![
        count(ident(THERE[0]).is_null(), "inserted")?,
        count(ident(THERE[1]).is_null(), "deleted")?,
        count(changed.clone(), "changed")?,
        count(both.clone(), "both")?,
    ];
    for column in &values {
        figures.push(count(
            both.clone().and(differs(column)),
            &format!("of {column}"),
        )?);
    }
    let counted = joined.clone().aggregate(Vec::new(), figures);
    let counted = collect(counted.map_err(|cause| failed(&cause))?).await?;
    let figure = |index: usize| first(&counted, index);
    (changes.inserted, changes.deleted, changes.changed) = (figure(0), figure(1), figure(2));
    changes.unchanged += figure(3) - changes.changed;
    for (index, column) in values.iter().enumerate() {
        if figure(4 + index) > 0 {
            changes
                .changed_columns
                .insert((*column).clone(), figure(4 + index));
        }
    }
    if changes.changed > 0 {
        let rows = some(joined.clone(), changed, &of_keys(1, key)).await?;
        changes
            .examples
            .extend(changed_examples(&rows, key, &values)?);
    }
    for (side, wanted) in [(1, changes.inserted), (0, changes.deleted)] {
        if wanted > 0 {
            let missing = ident(THERE[1 - side]).is_null();
            let rows = some(joined.clone(), missing, &of_keys(side, key)).await?;
            changes
                .examples
                .extend(whole_examples(&rows, side, &key_first)?);
        }
    }
    Ok(changes)
}

/// Compares rows as wholes: how often each is there.
pub async fn as_multisets(reading: &Reading, sides: &Sides) -> Result<RowChanges> {
    let mut changes = RowChanges {
        unchanged: sides.rows_shared,
        ..RowChanges::default()
    };
    if sides.before.is_empty() && sides.after.is_empty() {
        return Ok(changes);
    }
    let common = sides.common();
    let mut frames = Vec::new();
    for (side, one) in [(0, -1i64), (1, 1)] {
        let frame = sides.frame(reading, side, &common, str::to_owned).await?;
        let mut columns: Vec<Expr> = common.iter().map(|name| ident(name.as_str())).collect();
        columns.push(lit(one).alias(COUNT));
        frames.push(frame.select(columns).map_err(|cause| failed(&cause))?);
    }
    let (Some(after), Some(before)) = (frames.pop(), frames.pop()) else {
        return Ok(changes);
    };
    let groups: Vec<Expr> = common.iter().map(|name| ident(name.as_str())).collect();
    let ones = |one: i64| {
        case(ident(COUNT))
            .when(lit(one), lit(1i64))
            .otherwise(lit(0i64))
    };
    let grouped = ones(-1).and_then(|old| {
        let counts = vec![sum(ident(COUNT)).alias(COUNT), sum(old).alias(THERE[0])];
        before.union(after)?.aggregate(groups, counts)
    });
    let grouped = grouped.map_err(|cause| failed(&cause))?;
    let positive = |sign: i64| {
        let of_sign = binary_expr(ident(COUNT), Operator::Multiply, lit(sign));
        case(of_sign.clone().gt(lit(0i64)))
            .when(lit(true), of_sign)
            .otherwise(lit(0i64))
    };
    let totals = || {
        let totals = vec![
            sum(positive(1)?).alias("inserted"),
            sum(positive(-1)?).alias("deleted"),
            sum(ident(THERE[0])).alias("before"),
        ];
        grouped.clone().aggregate(Vec::new(), totals)
    };
    let totals = collect(totals().map_err(|cause| failed(&cause))?).await?;
    (changes.inserted, changes.deleted) = (first(&totals, 0), first(&totals, 1));
    changes.unchanged += first(&totals, 2) - changes.deleted;
    for (side, sign, wanted) in [(1, 1i64, changes.inserted), (0, -1, changes.deleted)] {
        if wanted > 0 {
            let of_sign = binary_expr(ident(COUNT), Operator::Multiply, lit(sign));
            let rows = some(grouped.clone(), of_sign.gt(lit(0i64)), &common).await?;
            changes
                .examples
                .extend(examples(&rows, side, &common, str::to_owned)?);
        }
    }
    Ok(changes)
}

/// All rows of both sides, those of one key side by side.
async fn joined(
    reading: &Reading,
    sides: &Sides,
    common: &[String],
    key: &[String],
) -> Result<DataFrame> {
    let before = sides
        .frame(reading, 0, common, |column| of_side(0, column))
        .await?;
    let after = sides
        .frame(reading, 1, common, |column| of_side(1, column))
        .await?;
    let on: Vec<Expr> = key
        .iter()
        .map(|column| ident(of_side(0, column)).eq(ident(of_side(1, column))))
        .collect();
    before
        .join_on(after, JoinType::Full, on)
        .map_err(|cause| failed(&cause))
}

fn of_keys(side: usize, key: &[String]) -> Vec<String> {
    key.iter().map(|column| of_side(side, column)).collect()
}

/// How many rows fulfil a condition.
fn count(condition: Expr, name: &str) -> Result<Expr> {
    let one = case(condition)
        .when(lit(true), lit(1i64))
        .otherwise(lit(0i64));
    Ok(sum(one.map_err(|cause| failed(&cause))?).alias(name))
}

/// Up to [`EXAMPLES`] rows that fulfil a condition, in order.
async fn some(rows: DataFrame, condition: Expr, order: &[String]) -> Result<Vec<RecordBatch>> {
    let order = order
        .iter()
        .map(|column| ident(column.as_str()).sort(true, false));
    let chosen = rows
        .filter(condition)
        .and_then(|rows| rows.sort(order.collect()))
        .and_then(|rows| rows.limit(0, Some(EXAMPLES)));
    collect(chosen.map_err(|cause| failed(&cause))?).await
}

async fn collect(rows: DataFrame) -> Result<Vec<RecordBatch>> {
    rows.collect().await.map_err(|cause| failed(&cause))
}

/// A figure of the only row; 0 where there was nothing to count.
fn first(batches: &[RecordBatch], column: usize) -> u64 {
    let row = batches.iter().find(|batch| batch.num_rows() > 0);
    row.map_or(0, |row| {
        let figures = row.column(column).as_primitive_opt::<Int64Type>();
        figures
            .filter(|values| values.is_valid(0))
            .map_or(0, |values| values.value(0).unsigned_abs())
    })
}

fn whole_examples(rows: &[RecordBatch], side: usize, columns: &[String]) -> Result<Vec<Example>> {
    examples(rows, side, columns, |column| of_side(side, column))
}

fn examples(
    rows: &[RecordBatch],
    side: usize,
    columns: &[String],
    name: impl Fn(&str) -> String,
) -> Result<Vec<Example>> {
    let columns: Vec<&String> = columns.iter().collect();
    let mut examples = Vec::new();
    for batch in rows {
        for index in 0..batch.num_rows() {
            let row = row(batch, index, &columns, &name)?;
            examples.push(match side {
                0 => Example::Deleted { row },
                _ => Example::Inserted { row },
            });
        }
    }
    Ok(examples)
}

fn changed_examples(
    rows: &[RecordBatch],
    key: &[String],
    values: &[&String],
) -> Result<Vec<Example>> {
    let key: Vec<&String> = key.iter().collect();
    let mut examples = Vec::new();
    for batch in rows {
        for index in 0..batch.num_rows() {
            let before = row(batch, index, values, |column| of_side(0, column))?;
            let after = row(batch, index, values, |column| of_side(1, column))?;
            let pairs = before.0.into_iter().zip(after.0);
            let pairs = pairs.map(|((column, before), (_, after))| Cell {
                column,
                before,
                after,
            });
            examples.push(Example::Changed {
                key: row(batch, index, &key, |column| of_side(1, column))?,
                cells: pairs.filter(|cell| cell.before != cell.after).collect(),
            });
        }
    }
    Ok(examples)
}

/// The cells of a row as texts.
fn row(
    batch: &RecordBatch,
    index: usize,
    columns: &[&String],
    name: impl Fn(&str) -> String,
) -> Result<Row> {
    let cell = |column: &&String| -> Result<_, DataFusionError> {
        let values = batch
            .column(batch.schema().index_of(&name(column))?)
            .clone();
        let options = FormatOptions::default();
        let text = ArrayFormatter::try_new(&values, &options)?;
        let value = values
            .is_valid(index)
            .then(|| text.value(index).to_string());
        Ok(((*column).clone(), value))
    };
    let cells = columns.iter().map(cell).collect::<Result<Vec<_>, _>>();
    cells.map(Row).map_err(|cause| failed(&cause))
}

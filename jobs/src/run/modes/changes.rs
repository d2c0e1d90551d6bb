//! Rows that a table does not have, or has with other values.

use cinemill_engine::buckets::bucket;
use cinemill_engine::error::Result;
use cinemill_engine::sink::table::ManifestFile;
use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::count::count_all;
use datafusion::logical_expr::not;
use datafusion::logical_expr::{Expr, JoinType, Operator, binary_expr, ident, lit};

use super::before::{Before, IS_THERE, before, frame};
use super::{failed, stored};
use crate::run::planner::Planned;
use crate::run::tables::TableInput;

/// A column of changes: the table has no row of that key.
pub const IS_NEW: &str = "__is_new";
/// The number of a file.
const FILE: &str = "__file";

/// The changes of a run, written down.
pub struct Changes<'a> {
    pub table: TableInput,
    pub before: &'a Before,
    pub key: &'a [String],
    /// Rows that the table has with other values stay as they are.
    pub only_new: bool,
}

impl Changes<'_> {
    /// The plan's rows that are new or, unless `only_new`, have other values, with [`IS_NEW`] as the last column of the
    /// table. Rows of the same values are left out.
    pub fn plan(
        planned: Planned,
        table: &Before,
        key: &[String],
        only_new: bool,
    ) -> Result<Planned> {
        let changed = match only_new {
            true => absent(&planned, table, key),
            false => compare(&planned, table, key),
        };
        let changed = changed.map_err(|cause| failed(&cause, &planned))?;
        Ok(planned.with_rows(changed.into_unoptimized_plan()))
    }

    /// A plan that tells how many changed rows replace one in each of the files: rows of the file's
    /// number and a count.
    pub fn concerned(&self, planned: &Planned) -> Result<Planned> {
        let plan = self
            .count_by_file(planned)
            .map_err(|cause| failed(&cause, planned))?;
        Ok(planned.like(plan.into_unoptimized_plan()))
    }

    /// The files that [`Changes::concerned`]'s rows name, and the number of rows to be replaced.
    pub fn read_concerned(&self, batches: &[RecordBatch]) -> (Vec<ManifestFile>, u64) {
        let mut files = Vec::new();
        let mut updated = 0;
        for batch in batches {
            let numbers = batch.column(0).as_primitive::<Int64Type>();
            let counts = batch.column(1).as_primitive::<Int64Type>();
            for (number, count) in numbers.values().iter().zip(counts.values()) {
                let index = usize::try_from(*number).unwrap_or(usize::MAX);
                files.extend(self.before.files.get(index).cloned());
                updated += count.unsigned_abs();
            }
        }
        (files, updated)
    }

    /// A plan that tells the buckets of the rows that the table has with other values.
    pub fn others(&self, planned: &Planned, count: u32) -> Result<DataFrame> {
        let others = || {
            let rows = Self::rows(&self.table, planned)?.filter(not(ident(IS_NEW)))?;
            let keys = self.key.iter().take(1);
            let buckets = keys.map(|key| bucket(ident(key), count).alias("bucket"));
            rows.select(buckets.collect::<Vec<_>>())?.distinct()
        };
        others().map_err(|cause: DataFusionError| failed(&cause, planned))
    }

    /// The changes, and the rows of some of the table's files that they do not replace.
    pub fn merged(&self, planned: Planned, concerned: &[ManifestFile]) -> Result<Planned> {
        let rows = self
            .union(&planned, concerned)
            .map_err(|cause| failed(&cause, &planned))?;
        let mut planned = planned.with_rows(rows.into_unoptimized_plan());
        // They have been looked at when the changes were written.
        planned.forget_expectations();
        Ok(planned)
    }

    /// The rows that were written down as changes.
    pub fn rows(table: &TableInput, planned: &Planned) -> Result<DataFrame, DataFusionError> {
        frame(&planned.state, table, planned.changes_schema(IS_NEW))
    }

    fn union(
        &self,
        planned: &Planned,
        concerned: &[ManifestFile],
    ) -> Result<DataFrame, DataFusionError> {
        let columns: Vec<Expr> = planned.columns().iter().map(ident).collect();
        let changes = Self::rows(&self.table, planned)?;
        let changes = match self.only_new {
            true => changes.filter(ident(IS_NEW))?.select(columns)?,
            false => changes.select(columns)?,
        };
        if concerned.is_empty() {
            return Ok(changes);
        }
        let keys: Vec<&str> = self.key.iter().map(String::as_str).collect();
        let replaced = self.updates(planned)?;
        let names: Vec<String> = self.key.iter().map(|name| before(name)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let stay = self.before.rows_of(concerned, planned)?;
        let stay = stay.join(replaced, JoinType::LeftAnti, &keys, &names, None)?;
        stay.union(changes)
    }

    /// The keys of rows that replace one of the table's.
    fn updates(&self, planned: &Planned) -> Result<DataFrame, DataFusionError> {
        let keys = self.key.iter().map(|name| ident(name).alias(before(name)));
        let rows = Self::rows(&self.table, planned)?.filter(not(ident(IS_NEW)))?;
        rows.select(keys.collect::<Vec<_>>())
    }

    fn count_by_file(&self, planned: &Planned) -> Result<DataFrame, DataFusionError> {
        let numbered = self.before.files.iter().enumerate().map(|(number, file)| {
            let columns = self
                .key
                .iter()
                .map(ident)
                .chain([lit(number as i64).alias(FILE)]);
            let rows = self.before.rows_of(std::slice::from_ref(file), planned)?;
            rows.select(columns.collect::<Vec<_>>())
        });
        let mut numbered = numbered.collect::<Result<Vec<_>, _>>()?.into_iter();
        let Some(first) = numbered.next() else {
            return Err(DataFusionError::Internal(
                "a table without files".to_owned(),
            ));
        };
        let all = numbered.try_fold(first, DataFrame::union)?;
        let keys: Vec<&str> = self.key.iter().map(String::as_str).collect();
        let names: Vec<String> = self.key.iter().map(|name| before(name)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let concerned = all.join(
            self.updates(planned)?,
            JoinType::LeftSemi,
            &keys,
            &names,
            None,
        )?;
        let counted = concerned.aggregate(vec![ident(FILE)], vec![count_all().alias("rows")])?;
        counted.select(vec![ident(FILE), ident("rows")])
    }
}

/// The rows whose key the table does not have.
fn absent(planned: &Planned, table: &Before, key: &[String]) -> Result<DataFrame, DataFusionError> {
    let there = table.beside(key, planned)?;
    let keys: Vec<&str> = key.iter().map(String::as_str).collect();
    let names: Vec<String> = key.iter().map(|name| before(name)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let rows = planned.frame();
    let new = rows.join(there, JoinType::LeftAnti, &keys, &names, None)?;
    new.select(marked(planned, lit(true)))
}

/// The columns of the table, whether the row is new, and what is expected of it.
fn marked(planned: &Planned, is_new: Expr) -> Vec<Expr> {
    let columns = planned.columns().into_iter().map(ident);
    let expectations = planned.sink.expectations.iter();
    columns
        .chain([is_new.alias(IS_NEW)])
        .chain(expectations.map(|expectation| ident(&expectation.column)))
        .collect()
}

fn compare(
    planned: &Planned,
    table: &Before,
    key: &[String],
) -> Result<DataFrame, DataFusionError> {
    let columns = planned.columns();
    let there = table.beside(&columns, planned)?;
    let keys: Vec<&str> = key.iter().map(String::as_str).collect();
    let names: Vec<String> = key.iter().map(|name| before(name)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let rows = planned.frame();
    let joined = rows.join(there, JoinType::Left, &keys, &names, None)?;
    let is_new = ident(IS_THERE).is_null();
    let differs = columns
        .iter()
        .filter(|column| !key.contains(column))
        .map(|column| {
            let there = ident(before(column));
            binary_expr(stored(planned, column), Operator::IsDistinctFrom, there)
        });
    let changed = differs.fold(is_new.clone(), Expr::or);
    joined.filter(changed)?.select(marked(planned, is_new))
}

//! The two sides of a table as frames whose columns can stand beside each other.

use cinemill_engine::error::{Error, Result};
use cinemill_engine::store::Location;
use datafusion::arrow::datatypes::DataType;
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, cast, ident, lit};

use crate::reading::Reading;

/// A column that is true in each row of its side, and null where a join found none.
pub const THERE: [&str; 2] = ["__before", "__after"];

/// A table before and after, without the files that both snapshots share.
pub struct Sides {
    pub before: Vec<Location>,
    pub after: Vec<Location>,
    /// With types in Spark's words.
    pub columns_before: Vec<(String, String)>,
    pub columns_after: Vec<(String, String)>,
    pub rows_shared: u64,
}

/// The name of a column of one side.
pub fn of_side(side: usize, column: &str) -> String {
    format!("{}_{column}", THERE[side])
}

impl Sides {
    /// Columns that both have, in the later order.
    pub fn common(&self) -> Vec<String> {
        let is_before =
            |name: &String| self.columns_before.iter().any(|(column, _)| column == name);
        let after = self.columns_after.iter().map(|(name, _)| name.clone());
        after.filter(is_before).collect()
    }

    fn has_one_type(&self, column: &str) -> bool {
        let kind = |columns: &[(String, String)]| {
            let found = columns.iter().find(|(name, _)| name == column);
            found.map(|(_, kind)| kind.clone())
        };
        kind(&self.columns_before) == kind(&self.columns_after)
    }

    /// A side's rows: the named columns under `name`s of their own, and [`THERE`]. Columns whose type
    /// differs, and those whose values have no order, are compared as texts.
    ///
    /// # Errors
    /// As reading fails.
    pub async fn frame(
        &self,
        reading: &Reading,
        side: usize,
        columns: &[String],
        name: impl Fn(&str) -> String,
    ) -> Result<DataFrame> {
        let files = if side == 0 { &self.before } else { &self.after };
        let rows = match files.is_empty() {
            true => self.no_rows(reading, side).await?,
            false => reading.read(files).await?,
        };
        let schema = rows.schema().clone();
        let column = |column: &String| -> Result<Expr, DataFusionError> {
            let field = schema.field_with_unqualified_name(column)?;
            let is_plain = !field.data_type().is_nested() && self.has_one_type(column);
            let value = match is_plain {
                true => ident(column.as_str()),
                false => cast(ident(column.as_str()), DataType::Utf8),
            };
            Ok(value.alias(name(column)))
        };
        let selected = columns.iter().map(column).collect::<Result<Vec<_>, _>>();
        let selected = selected.and_then(|mut columns| {
            columns.push(lit(true).alias(THERE[side]));
            rows.select(columns)
        });
        selected.map_err(|cause| failed(&cause))
    }

    /// All files of a side are shared: none of the rows of some file.
    async fn no_rows(&self, reading: &Reading, side: usize) -> Result<DataFrame> {
        let any = if side == 0 { &self.after } else { &self.before };
        let rows = reading.read(any).await?;
        rows.limit(0, Some(0)).map_err(|cause| failed(&cause))
    }
}

pub fn failed(cause: &DataFusionError) -> Error {
    Error::from_datafusion(cause, "compare", "snapshots")
}

//! Statistics of a column's values, for people: nulls, how many are distinct, the least and the
//! greatest. Tasks gather them while they write; the driver adds them up.

mod bound;
mod sketch;
mod values;

use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Schema};
use serde::{Deserialize, Serialize};

pub use bound::Bound;
pub use sketch::Sketch;

use super::table::Manifest;

/// What one task knows of one column: about 1 KiB, whatever the number of rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnStatistics {
    pub nulls: u64,
    /// `None` in columns of types that are not looked into, such as lists.
    pub distinct: Option<Sketch>,
    pub min: Option<Bound>,
    pub max: Option<Bound>,
}

impl ColumnStatistics {
    /// The statistics of the rows of both.
    pub fn merge(&mut self, other: &Self) {
        self.nulls += other.nulls;
        match (&mut self.distinct, &other.distinct) {
            (Some(own), Some(other)) => own.merge(other),
            (own @ None, Some(other)) => *own = Some(other.clone()),
            (_, None) => {}
        }
        self.widen(other.min.clone(), other.max.clone());
    }

    fn add_values(&mut self, values: &dyn Array) {
        self.nulls += values.null_count() as u64;
        if values::has_statistics(values.data_type()) {
            let sketch = self.distinct.get_or_insert_default();
            let range = values::add(values, sketch);
            if let Some((min, max)) = range {
                self.widen(Some(min), Some(max));
            }
        }
    }

    fn widen(&mut self, min: Option<Bound>, max: Option<Bound>) {
        if let Some(min) = min
            && self.min.as_ref().is_none_or(|own| min.less(own))
        {
            self.min = Some(min);
        }
        if let Some(max) = max
            && self.max.as_ref().is_none_or(|own| own.less(&max))
        {
            self.max = Some(max);
        }
    }
}

/// Brings the statistics of a task's columns up to the batch that is added.
pub fn add_batch(statistics: &mut Vec<ColumnStatistics>, batch: &RecordBatch) {
    statistics.resize_with(batch.num_columns(), ColumnStatistics::default);
    for (statistics, column) in statistics.iter_mut().zip(batch.columns()) {
        statistics.add_values(column);
    }
}

/// The statistics of one column of what a run wrote, as its record keeps them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnSummary {
    pub column: String,
    /// In Spark's words.
    #[serde(rename = "type")]
    pub kind: String,
    pub nulls: u64,
    /// An estimate: see [`Sketch::estimate`]. Never more than there are values.
    pub distinct: Option<u64>,
    /// A number, a truth value, or the text of a date, a timestamp, a decimal; a text is cut, see
    /// [`bound::TEXT_CHARS_MAX`].
    pub min: Option<serde_json::Value>,
    pub max: Option<serde_json::Value>,
}

/// The statistics of one table of what a run wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableStatistics {
    pub table: String,
    pub rows: u64,
    pub columns: Vec<ColumnSummary>,
}

impl TableStatistics {
    /// Adds up what the tasks reported; `schema` is that of the table's files. Tasks of another
    /// version report none: then there are none.
    pub fn of<'a>(
        table: &str,
        schema: &Schema,
        reports: impl IntoIterator<Item = (u64, &'a [ColumnStatistics])>,
    ) -> Self {
        let mut rows = 0;
        let mut merged = vec![ColumnStatistics::default(); schema.fields().len()];
        let mut is_complete = true;
        for (task_rows, statistics) in reports {
            rows += task_rows;
            is_complete &= task_rows == 0 || statistics.len() == merged.len();
            for (own, other) in merged.iter_mut().zip(statistics) {
                own.merge(other);
            }
        }
        let types = Manifest::columns_of(schema);
        let fields = schema.fields().iter().zip(types).zip(&merged);
        let columns = fields.map(|((field, (column, kind)), statistics)| {
            summary(column, kind, field.data_type(), rows, statistics)
        });
        Self {
            table: table.to_owned(),
            rows,
            columns: match is_complete {
                true => columns.collect(),
                false => Vec::new(),
            },
        }
    }
}

fn summary(
    column: String,
    kind: String,
    data_type: &DataType,
    rows: u64,
    statistics: &ColumnStatistics,
) -> ColumnSummary {
    let shown = |bound: &Option<Bound>| bound.as_ref().map(|bound| bound.to_json(data_type));
    let values = rows.saturating_sub(statistics.nulls);
    let distinct = match values::has_statistics(data_type) {
        true => Some(statistics.distinct.as_ref().map_or(0, Sketch::estimate)),
        false => None,
    };
    ColumnSummary {
        column,
        kind,
        nulls: statistics.nulls,
        distinct: distinct.map(|distinct| distinct.min(values)),
        min: shown(&statistics.min),
        max: shown(&statistics.max),
    }
}

#[cfg(test)]
mod tests;

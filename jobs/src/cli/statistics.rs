//! Statistics of columns as a table on a terminal.

use std::sync::Arc;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::statistics::{ColumnSummary, TableStatistics};
use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray, UInt64Array};
use datafusion::arrow::util::pretty::pretty_format_batches;
use serde_json::Value;

use super::output::{line, note};

/// Prints them, table by table.
pub fn print(tables: &[TableStatistics]) -> Result<()> {
    for table in tables {
        let name = &table.table;
        note(format!(
            "{name}: statistics of the {} rows that the run wrote",
            table.rows
        ));
        line(text(table)?);
    }
    Ok(())
}

fn text(table: &TableStatistics) -> Result<String> {
    let columns = &table.columns;
    let texts = |get: fn(&ColumnSummary) -> Option<String>| -> ArrayRef {
        Arc::new(columns.iter().map(get).collect::<StringArray>())
    };
    let numbers = |get: fn(&ColumnSummary) -> Option<u64>| -> ArrayRef {
        Arc::new(columns.iter().map(get).collect::<UInt64Array>())
    };
    let batch = RecordBatch::try_from_iter([
        ("column", texts(|column| Some(column.column.clone()))),
        ("type", texts(|column| Some(column.kind.clone()))),
        ("nulls", numbers(|column| Some(column.nulls))),
        ("distinct, about", numbers(|column| column.distinct)),
        ("least", texts(|column| column.min.as_ref().map(shown))),
        ("greatest", texts(|column| column.max.as_ref().map(shown))),
    ]);
    let text = batch.and_then(|batch| pretty_format_batches(&[batch]).map(|text| text.to_string()));
    text.map_err(|cause| Error::new(Kind::Final, "print", "statistics", cause))
}

fn shown(value: &Value) -> String {
    /// So that a table fits a screen.
    const CHARS_MAX: usize = 40;
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end].trim_end_matches('…')),
        None => text,
    }
}

//! The language as a whole, on small tables in memory.
#![allow(clippy::panic, clippy::unwrap_used)]

mod functions;
mod imdb_titles;
mod language;
mod values;

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::datasource::MemTable;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};

use super::{ParamValue, Params, parse, register};
use crate::error::{Error, Kind};

/// A session as the engine builds it. Batches are small, so that tables have several.
fn context() -> SessionContext {
    let config = SessionConfig::new()
        .with_target_partitions(3)
        .with_batch_size(4);
    let builder = SessionStateBuilder::new()
        .with_config(config)
        .with_default_features();
    SessionContext::new_with_state(register(builder).build())
}

/// A table of texts; `-` is null.
fn texts(context: &SessionContext, name: &str, columns: &[&str], rows: &[&[&str]]) {
    let arrays = (0..columns.len()).map(|column| {
        let cells = rows
            .iter()
            .map(|row| Some(row[column]).filter(|cell| *cell != "-"));
        Arc::new(StringArray::from_iter(cells)) as ArrayRef
    });
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns
            .iter()
            .copied()
            .zip(arrays)
            .map(|(name, array)| (name, array, true)),
    )
    .unwrap();
    table(context, name, batch);
}

fn table(context: &SessionContext, name: &str, batch: RecordBatch) {
    // Two partitions, so that there is something to shuffle.
    let half = batch.num_rows() / 2;
    let parts = vec![
        vec![batch.slice(0, half)],
        vec![batch.slice(half, batch.num_rows() - half)],
    ];
    let table = MemTable::try_new(batch.schema(), parts).unwrap();
    // `register_table` would fold the name's case.
    context
        .register_table(
            datafusion::common::TableReference::bare(name),
            Arc::new(table),
        )
        .unwrap();
}

async fn frame(context: &SessionContext, sql: &str) -> Result<DataFrame, Error> {
    let state: SessionState = context.state();
    let plan = parse(sql, "query.sql")?.plan(&state).await?;
    Ok(DataFrame::new(state, plan))
}

/// The rows of a query's answer as texts, cells joined by `|`, in order.
async fn try_rows(context: &SessionContext, sql: &str) -> Result<Vec<String>, Error> {
    let failed = |error| Error::from_datafusion(&error, "run", "the query");
    let batches = frame(context, sql).await?.collect().await.map_err(failed)?;
    Ok(texts_of(&batches))
}

fn texts_of(batches: &[RecordBatch]) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = vec![];
    for batch in batches {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
            .collect();
        for row in 0..batch.num_rows() {
            let cells: Vec<_> = columns.iter().map(|c| c.value(row).to_string()).collect();
            rows.push(cells.join("|"));
        }
    }
    rows
}

async fn rows(context: &SessionContext, sql: &str) -> Vec<String> {
    try_rows(context, sql).await.unwrap()
}

/// As [`rows`], for queries that leave the order open.
async fn sorted_rows(context: &SessionContext, sql: &str) -> Vec<String> {
    let mut rows = rows(context, sql).await;
    rows.sort();
    rows
}

/// The one value of a query without tables.
async fn value(sql: &str) -> String {
    rows(&context(), sql).await.join("\n")
}

/// The message of a mistake in a query.
async fn mistake(context: &SessionContext, sql: &str) -> String {
    let error = match frame(context, sql).await {
        Err(error) => error,
        Ok(frame) => panic!("planned: {}", frame.logical_plan().display_indent()),
    };
    assert_eq!(error.kind, Kind::Definition, "{error}");
    error.to_string()
}

async fn names_and_types(context: &SessionContext, sql: &str) -> Vec<String> {
    let frame = frame(context, sql).await.unwrap();
    let fields = frame.schema().fields().iter();
    fields
        .map(|f| format!("{}: {}", f.name(), f.data_type()))
        .collect()
}

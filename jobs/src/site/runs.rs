//! The runs that folders of published tables remember.

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::statistics::{ColumnSummary, TableStatistics};
use cinemill_engine::sink::table::{RunRecord, RunState, Table};
use cinemill_engine::store::Location;
use indicatif::HumanBytes;
use serde::Serialize;
use serde_json::Value;

use super::text::{duration, grouped};
use crate::run::Verdict;

/// How many runs of a folder a page shows.
const RUNS_MAX: usize = 20;

/// A record with the folder that it was found in.
#[derive(Debug, Clone)]
pub struct PastRun {
    output: String,
    record: RunRecord,
    verdict: Option<Verdict>,
}

/// A run as a page shows it.
#[derive(Debug, Serialize)]
pub struct RunView {
    id: String,
    output: String,
    pub state: &'static str,
    pub started: String,
    duration: String,
    rows: String,
    bytes: String,
    rejects: String,
    error: Option<String>,
}

/// The statistics of a table as a page shows them.
#[derive(Debug, Serialize)]
pub struct StatisticsView {
    table: String,
    run: String,
    output: String,
    rows: String,
    columns: Vec<ColumnStatisticsView>,
}

#[derive(Debug, Serialize)]
struct ColumnStatisticsView {
    name: String,
    kind: String,
    nulls: String,
    /// Of 100, for a bar.
    nulls_percent: String,
    distinct: String,
    min: String,
    max: String,
}

/// Reads the records of all folders, the newest run first.
pub async fn read(folders: &[Location]) -> Result<Vec<PastRun>> {
    let mut runs = Vec::new();
    for folder in folders {
        let records = Table::open(folder.clone())?.run_records().await?;
        if records.is_empty() {
            let cause = "no run was noted there";
            return Err(Error::new(Kind::Input, "read runs of", folder, cause)
                .hint("--runs takes the --output folder of a run"));
        }
        runs.extend(records.into_iter().map(|record| PastRun {
            output: folder.to_string(),
            verdict: serde_json::from_value(record.summary.clone()).ok(),
            record,
        }));
    }
    runs.sort_by_key(|run| std::cmp::Reverse(run.record.started_at));
    Ok(runs)
}

/// The last runs of a job.
pub fn of_job(job: &str, runs: &[PastRun]) -> Vec<RunView> {
    let own = runs.iter().filter(|run| run.record.job == job);
    own.take(RUNS_MAX).map(view).collect()
}

/// The statistics of the last run of a job that has some.
pub fn statistics(job: &str, runs: &[PastRun]) -> Vec<StatisticsView> {
    let own = runs.iter().filter(|run| run.record.job == job);
    let mut told = own.filter_map(|run| {
        let statistics = &run.verdict.as_ref()?.statistics;
        let is_told = statistics.iter().any(|table| !table.columns.is_empty());
        is_told.then_some((run, statistics))
    });
    let Some((run, tables)) = told.next() else {
        return Vec::new();
    };
    let tables = tables.iter();
    tables.map(|table| table_view(run, table)).collect()
}

fn view(run: &PastRun) -> RunView {
    let record = &run.record;
    let elapsed = record.updated_at - record.started_at;
    let verdict = run.verdict.as_ref();
    let seconds = verdict.map_or(elapsed.num_milliseconds() as f64 / 1000.0, |v| v.seconds);
    let figure = |figure: fn(&Verdict) -> String| verdict.map_or_else(String::new, figure);
    RunView {
        id: record.run_id.clone(),
        output: run.output.clone(),
        state: match record.state {
            RunState::Running => "running",
            RunState::Succeeded => "succeeded",
            RunState::Failed => "failed",
            RunState::Cancelled => "cancelled",
        },
        started: record
            .started_at
            .format("%Y-%m-%d %H:%M:%S UTC")
            .to_string(),
        duration: duration(seconds),
        rows: figure(|verdict| grouped(verdict.rows)),
        bytes: figure(|verdict| HumanBytes(verdict.bytes).to_string()),
        rejects: figure(|verdict| grouped(verdict.rejects)),
        error: record.error.as_ref().map(ToString::to_string),
    }
}

fn table_view(run: &PastRun, table: &TableStatistics) -> StatisticsView {
    StatisticsView {
        table: table.table.clone(),
        run: run.record.run_id.clone(),
        output: run.output.clone(),
        rows: grouped(table.rows),
        columns: table
            .columns
            .iter()
            .map(|column| column_view(column, table.rows))
            .collect(),
    }
}

fn column_view(column: &ColumnSummary, rows: u64) -> ColumnStatisticsView {
    let percent = match rows {
        0 => 0.0,
        rows => 100.0 * column.nulls as f64 / rows as f64,
    };
    let shown = |value: &Option<Value>| match value {
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    ColumnStatisticsView {
        name: column.column.clone(),
        kind: column.kind.clone(),
        nulls: grouped(column.nulls),
        nulls_percent: format!("{percent:.1}"),
        distinct: column.distinct.map(grouped).unwrap_or_default(),
        min: shown(&column.min),
        max: shown(&column.max),
    }
}

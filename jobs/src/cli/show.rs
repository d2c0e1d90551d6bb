//! `cinemill show`: published tables, as a reader of their manifest sees them.

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::table::{Manifest, Table, TableFiles};
use cinemill_engine::store::Location;
use cinemill_jobs::reading::Reading;
use cinemill_jobs::run::Verdict;
use clap::Args;
use datafusion::arrow::util::pretty::pretty_format_batches;

use super::output::{line, note};
use super::runs::print_json;
use super::statistics;

#[derive(Debug, Args)]
pub struct ShowArguments {
    /// Folder of the table, or of a job's tables.
    output: String,

    /// Spark SQL over the table, which has the name of its job, or over a job's tables by their
    /// names; the first rows where not given.
    #[arg(long)]
    query: Option<String>,

    /// How many rows are shown without a query.
    #[arg(long, default_value_t = 5)]
    rows: usize,

    /// Show the statistics of the columns instead: nulls, distinct values, the least and the
    /// greatest, of the rows that the last run wrote.
    #[arg(long, conflicts_with = "query")]
    statistics: bool,

    /// With --statistics: print JSON.
    #[arg(long, requires = "statistics")]
    json: bool,
}

pub async fn show(arguments: ShowArguments) -> Result<()> {
    let location = Location::parse(&arguments.output)?;
    let table = Table::open(location.clone())?;
    let Some(snapshot) = table.current().await? else {
        return Err(Error::new(
            Kind::Input,
            "show table",
            &location,
            "nothing was published there",
        ));
    };
    let manifest = snapshot.manifest;
    if arguments.statistics {
        return show_statistics(&table, &manifest, arguments.json).await;
    }
    let reading = Reading::new(None)?;
    for table in manifest.tables() {
        let files = table.files.iter().map(|file| location.join(&file.path));
        reading
            .table(table.name, &files.collect::<Vec<_>>())
            .await?;
    }
    if let Some(query) = &arguments.query {
        headline(&manifest.job, manifest.rows, &manifest.run_id);
        return print(&reading, query).await;
    }
    for TableFiles { name, rows, .. } in manifest.tables() {
        headline(name, rows, &manifest.run_id);
        print(
            &reading,
            &format!("SELECT * FROM `{name}` LIMIT {}", arguments.rows),
        )
        .await?;
    }
    Ok(())
}

fn headline(name: &str, rows: u64, run_id: &str) {
    note(format!("{name}: {rows} rows, published by run {run_id}"));
}

async fn print(reading: &Reading, sql: &str) -> Result<()> {
    let rows = reading.ask(sql).await?;
    let text = pretty_format_batches(&rows)
        .map_err(|cause| Error::new(Kind::Final, "print", "rows", cause))?;
    line(text);
    Ok(())
}

async fn show_statistics(table: &Table, manifest: &Manifest, json: bool) -> Result<()> {
    let record = table.run_record(&manifest.run_id).await?;
    let verdict = record.and_then(|run| serde_json::from_value::<Verdict>(run.summary).ok());
    let statistics = verdict.map(|verdict| verdict.statistics);
    let Some(statistics) = statistics.filter(|tables| !tables.is_empty()) else {
        let cause = format!("the record of run {} has none", manifest.run_id);
        return Err(
            Error::new(Kind::Input, "show statistics of", table.location(), cause)
                .hint("runs of this version and later note them; run the job again"),
        );
    };
    if json {
        return print_json(&statistics);
    }
    statistics::print(&statistics)
}

//! `cinemill queries` and `cinemill query`: questions to a job's table in a warehouse.

use std::collections::BTreeMap;
use std::sync::Arc;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_jobs::job::NamedQuery;
use cinemill_jobs::warehouse::Row;
use clap::Args;
use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::util::pretty::pretty_format_batches;

use super::output::{line, note};
use super::request::CatalogArguments;
use super::runs::print_json;
use super::warehouse::TargetArguments;

#[derive(Debug, Args)]
pub struct QueriesArguments {
    /// Only the queries of this job.
    #[arg(long)]
    job: Option<String>,

    #[command(flatten)]
    catalog: CatalogArguments,
}

#[derive(Debug, Args)]
pub struct QueryArguments {
    /// The query, as <job>/<name>; `cinemill queries` lists them.
    query: String,

    #[command(flatten)]
    target: TargetArguments,

    #[command(flatten)]
    catalog: CatalogArguments,

    /// Print a JSON array of rows, with values in the warehouse's own text form.
    #[arg(long)]
    json: bool,
}

pub fn list(arguments: &QueriesArguments) -> Result<()> {
    let catalog = arguments.catalog.catalog();
    let jobs = match &arguments.job {
        Some(job) => vec![job.clone()],
        None => catalog.names()?,
    };
    for job in jobs {
        for query in catalog.queries(&job)? {
            line(format!("{job}/{:<26}  {}", query.name, query.question));
        }
    }
    Ok(())
}

pub async fn query(arguments: QueryArguments) -> Result<()> {
    let target = arguments.target.target()?;
    let query = arguments.catalog.catalog().query(&arguments.query)?;
    let mut warehouse = target.connect().await?;
    let rows = warehouse.query(&query.sql).await?;
    if arguments.json {
        let columns = query.columns.iter();
        let object = |row: &Row| columns.clone().zip(row.clone()).collect::<BTreeMap<_, _>>();
        return print_json(&rows.iter().map(object).collect::<Vec<_>>());
    }
    note(&query.question);
    line(table(&query, &rows)?);
    Ok(())
}

fn table(query: &NamedQuery, rows: &[Row]) -> Result<String> {
    let columns = query.columns.iter().enumerate().map(|(index, name)| {
        let values = rows.iter().map(|row| row.get(index).cloned().flatten());
        let values: ArrayRef = Arc::new(values.collect::<StringArray>());
        (name, values, true)
    });
    let table = RecordBatch::try_from_iter_with_nullable(columns);
    let text = table.and_then(|table| pretty_format_batches(&[table]).map(|text| text.to_string()));
    text.map_err(|cause| Error::new(Kind::Final, "print", &query.name, cause))
}

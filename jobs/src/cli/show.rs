//! `cinemill show`: a published table, as a reader of its manifest sees it.

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::session::{self, SessionOptions};
use cinemill_engine::sink::table::Table;
use cinemill_engine::spark;
use cinemill_engine::store::Location;
use clap::Args;
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::common::TableReference;
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::prelude::{ParquetReadOptions, SessionContext};

use super::output::{line, note};

#[derive(Debug, Args)]
pub struct ShowArguments {
    /// Folder of the table.
    output: String,

    /// Spark SQL over the table, which has the name of its job; the first rows where not given.
    #[arg(long)]
    query: Option<String>,

    /// How many rows are shown without a query.
    #[arg(long, default_value_t = 5)]
    rows: usize,
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
    let failed = |cause: DataFusionError| Error::from_datafusion(&cause, "read table", &location);
    let options = SessionOptions {
        partitions: std::thread::available_parallelism().map_or(1, usize::from),
        distributed: false,
        scarce_memory: false,
        memory_bytes: None,
        spill_folder: None,
    };
    let state = session::state(&options).map_err(failed)?;
    let context = SessionContext::new_with_state(state);
    let files: Vec<String> = manifest
        .files
        .iter()
        .map(|file| location.join(&file.path).escaped_url())
        .collect::<Result<_>>()?;
    let rows = context
        .read_parquet(files, ParquetReadOptions::default())
        .await
        .map_err(failed)?;
    context
        .register_table(
            TableReference::bare(manifest.job.as_str()),
            rows.into_view(),
        )
        .map_err(failed)?;
    let sql = match arguments.query {
        Some(query) => query,
        None => format!("SELECT * FROM {} LIMIT {}", manifest.job, arguments.rows),
    };
    let state = context.state();
    let plan = spark::parse(&sql, "query")?.plan(&state).await?;
    let batches = DataFrame::new(state, plan)
        .collect()
        .await
        .map_err(failed)?;
    let text = pretty_format_batches(&batches)
        .map_err(|cause| failed(DataFusionError::ArrowError(Box::new(cause), None)))?;
    note(format!(
        "{}: {} rows, published by run {}",
        manifest.job, manifest.rows, manifest.run_id
    ));
    line(text);
    Ok(())
}

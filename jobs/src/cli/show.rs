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
use datafusion::execution::SessionState;
use datafusion::prelude::{ParquetReadOptions, SessionContext};

use super::output::{line, note};

#[derive(Debug, Args)]
pub struct ShowArguments {
    /// Folder of the table or tables.
    output: String,

    /// Spark SQL over the table, which has the name of its job, or over the tables of a job with
    /// several; the first rows where not given.
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
    for table in manifest.tables() {
        let files = table.files.iter();
        let files = files.map(|file| location.join(&file.path).escaped_url());
        let files = files.collect::<Result<Vec<String>>>()?;
        let rows = context.read_parquet(files, ParquetReadOptions::default());
        let rows = rows.await.map_err(failed)?.into_view();
        let name = TableReference::bare(table.name);
        context.register_table(name, rows).map_err(failed)?;
    }
    let state = context.state();
    if let Some(query) = arguments.query {
        told(&manifest.job, manifest.rows, &manifest.run_id);
        return answer(&state, &query, failed).await;
    }
    for table in manifest.tables() {
        told(table.name, table.rows, &manifest.run_id);
        let query = format!("SELECT * FROM {} LIMIT {}", table.name, arguments.rows);
        answer(&state, &query, failed).await?;
    }
    Ok(())
}

fn told(name: &str, rows: u64, run_id: &str) {
    note(format!("{name}: {rows} rows, published by run {run_id}"));
}

async fn answer(
    state: &SessionState,
    query: &str,
    failed: impl Fn(DataFusionError) -> Error,
) -> Result<()> {
    let plan = spark::parse(query, "query")?.plan(state).await?;
    let rows = DataFrame::new(state.clone(), plan).collect().await;
    let text = pretty_format_batches(&rows.map_err(&failed)?)
        .map_err(|cause| failed(DataFusionError::ArrowError(Box::new(cause), None)))?;
    line(text);
    Ok(())
}

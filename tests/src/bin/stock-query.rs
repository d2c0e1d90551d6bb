//! Runs a query as a stock Ballista client does, past the run service:
//! `stock-query --scheduler host:port --table a=s3://lake/a.tsv --sql "SELECT count(*) FROM a"`.
//!
//! Prints the first cell of the result. Tables are tab-separated texts with a header.

use std::error::Error;
use std::sync::Arc;

use ballista_core::extension::{SessionConfigExt, SessionStateExt};
use cinemill_engine::store::StoreRegistry;
use clap::Parser;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{CsvReadOptions, SessionConfig, SessionContext};

/// A quote that is in no file, for the files have none.
const NO_QUOTE: u8 = 1;

#[derive(Debug, Parser)]
struct Arguments {
    #[arg(long, env = "CINEMILL_SCHEDULER")]
    scheduler: String,

    /// `name=url`; may be given several times.
    #[arg(long = "table")]
    tables: Vec<String>,

    #[arg(long)]
    sql: String,
}

#[tokio::main]
#[allow(clippy::print_stdout)]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments = Arguments::parse();
    let context = context(&arguments.scheduler)?;
    for table in &arguments.tables {
        let (name, url) = table.split_once('=').ok_or("name=url is wanted")?;
        let options = CsvReadOptions::new()
            .delimiter(b'\t')
            .quote(NO_QUOTE)
            .file_extension(".tsv");
        context.register_csv(name, url, options).await?;
    }
    let batches = context.sql(&arguments.sql).await?.collect().await?;
    let batch = batches.iter().find(|batch| batch.num_rows() > 0);
    let cells = batch.ok_or("no rows")?.column(0);
    let cells = ArrayFormatter::try_new(cells.as_ref(), &FormatOptions::default())?;
    println!("{}", cells.value(0));
    Ok(())
}

fn context(scheduler: &str) -> Result<SessionContext, Box<dyn Error + Send + Sync>> {
    let config = SessionConfig::new_with_ballista()
        .with_target_partitions(2)
        .with_ballista_adaptive_query_planner(false)
        .set_usize("ballista.scheduler.max_partitions_per_task", 1);
    let runtime = RuntimeEnvBuilder::new()
        .with_object_store_registry(Arc::new(StoreRegistry::default()))
        .build_arc()?;
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_default_features()
        .build()
        .upgrade_for_ballista(format!("http://{scheduler}"))?;
    Ok(SessionContext::new_with_state(state))
}

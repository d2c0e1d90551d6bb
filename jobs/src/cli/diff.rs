//! `cinemill diff`: what a run changed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::table::Table;
use cinemill_engine::store::Location;
use cinemill_jobs::diff::Comparison;
use clap::Args;

use super::output::line;
use super::request::CatalogArguments;
use super::runs::print_json;

#[derive(Debug, Args)]
pub struct DiffArguments {
    /// Folder of the table, or of a job's tables.
    output: String,

    /// The earlier run; the one before where not given.
    #[arg(long, value_name = "RUN")]
    against: Option<String>,

    /// The later run; the current snapshot's where not given.
    #[arg(long, value_name = "RUN")]
    run: Option<String>,

    /// Columns that identify a row, as a,b or <table>=a,b; else those that the job declares. Without
    /// any, rows are compared as wholes.
    #[arg(long = "key", value_name = "COLUMNS | TABLE=COLUMNS")]
    keys: Vec<String>,

    #[command(flatten)]
    catalog: CatalogArguments,

    /// Folder for rows that do not fit into memory.
    #[arg(long, value_name = "DIR", env = "CINEMILL_SPILL_DIR")]
    spill_dir: Option<PathBuf>,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub async fn diff(arguments: DiffArguments) -> Result<()> {
    let location = Location::parse(&arguments.output)?;
    let table = Table::open(location.clone())?;
    let Some(current) = table.current().await? else {
        let cause = "nothing was published there";
        return Err(Error::new(
            Kind::Input,
            "compare snapshots of",
            &location,
            cause,
        ));
    };
    let mut keys = BTreeMap::new();
    // A table can outlive its job.
    if let Ok(job) = arguments.catalog.catalog().job(&current.manifest.job) {
        let declared = job.outputs.into_iter();
        keys.extend(declared.map(|output| (output.name, output.key)));
    }
    let mut asked = BTreeSet::new();
    for given in &arguments.keys {
        let (name, columns) = given
            .split_once('=')
            .unwrap_or((current.manifest.job.as_str(), given));
        let columns = columns.split(',').map(str::to_owned).collect();
        keys.insert(name.to_owned(), columns);
        asked.insert(name.to_owned());
    }
    let comparison = Comparison {
        table: &table,
        run: arguments.run.as_deref(),
        against: arguments.against.as_deref(),
        keys: &keys,
        asked: &asked,
        spill_dir: arguments.spill_dir.as_deref(),
    };
    let difference = comparison.make().await?;
    if arguments.json {
        return print_json(&difference);
    }
    line(difference.to_string().trim_end());
    Ok(())
}

//! `cinemill jobs`: the catalogue.

use cinemill_engine::error::Result;
use clap::Args;

use super::output;
use super::request::CatalogArguments;

#[derive(Debug, Args)]
pub struct JobsArguments {
    #[command(flatten)]
    catalog: CatalogArguments,
}

pub fn list(arguments: JobsArguments) -> Result<()> {
    let catalog = arguments.catalog.catalog();
    for name in catalog.names()? {
        let job = catalog.job(&name)?;
        output::line(format!("{name}  {}", job.description));
        for (input, definition) in &job.inputs {
            output::line(format!("    input {input}: {}", definition.file));
        }
    }
    Ok(())
}

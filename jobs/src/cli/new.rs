//! `cinemill new`: a job of one's own.

use std::path::PathBuf;

use cinemill_engine::error::Result;
use cinemill_jobs::template;
use clap::Args;

use super::output::line;

#[derive(Debug, Args)]
pub struct NewArguments {
    /// Name of the job, and of its table.
    job: String,

    /// Folder of job folders in which it is made.
    #[arg(long, value_name = "DIR", default_value = "jobs")]
    catalog: PathBuf,
}

pub fn new(arguments: &NewArguments) -> Result<()> {
    let (job, catalog) = (&arguments.job, arguments.catalog.display());
    let (folder, files) = template::write(&arguments.catalog, job)?;
    line(format!("made {}", folder.display()));
    for file in files {
        line(format!("    {file}"));
    }
    let (after, missing) = (template::AFTER.trim(), template::MISSING.trim());
    line("next:");
    line(format!(
        "  1. see its test fail, for a column that is not there yet:\n     \
         cinemill test {job} --catalog {catalog}"
    ));
    line(format!(
        "  2. in {}, make `{after}`\n     into `{after}, {missing}`, and test again",
        folder.join(format!("{job}.sql")).display()
    ));
    line(format!(
        "  3. run it over the test's file:\n     cinemill run {job} --catalog {catalog} \
         --input {} --output out",
        folder.join("tests/by_category").display()
    ));
    line("  4. make it yours: job.toml, the SQL, checks/, tests/, README.md");
    Ok(())
}

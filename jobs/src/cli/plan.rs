//! `cinemill plan`: the dry run.

use cinemill_engine::error::Result;
use cinemill_engine::sink::table::{Manifest, Table};
use cinemill_engine::sink::writer::table_schema;
use cinemill_jobs::run::{Embedded, Planner, new_run_id, resolve_inputs};
use clap::Args;
use indicatif::HumanBytes;

use super::output::line;
use super::request::JobArguments;

#[derive(Debug, Args)]
pub struct PlanArguments {
    #[command(flatten)]
    job: JobArguments,

    /// Folder of the table, to see what a run would replace.
    #[arg(long, value_name = "DIR")]
    output: Option<String>,
}

pub async fn plan(arguments: PlanArguments) -> Result<()> {
    let output = arguments.output.as_deref();
    let request = arguments
        .job
        .request(output.unwrap_or("not-given"), &new_run_id())?;
    let inputs = resolve_inputs(&request).await?;
    line(format!("job {}", request.job.name));
    for input in &inputs {
        let files = input.files();
        let size = HumanBytes(input.bytes());
        let word = if files == 1 { "file" } else { "files" };
        line(format!(
            "input {}: {} ({files} {word}, {size})",
            input.name, input.location
        ));
    }
    let backend = Embedded::new(None, None)?;
    let planner = Planner::new(&request, &backend);
    planner.check(&inputs).await?;
    for table in &request.job.outputs {
        let planned = planner.output(table, &inputs, &[]).await?;
        line(match table.folder.as_str() {
            "" => "output columns:".to_owned(),
            name => format!("output {name}, columns:"),
        });
        for (name, kind) in Manifest::columns_of(&table_schema(&planned.sink, &planned.schema)) {
            line(format!("    {name} {kind}"));
        }
    }
    if output.is_none() {
        return Ok(());
    }
    line(format!("output {}", request.output));
    match Table::open(request.output)?.current().await? {
        None => line("replaces nothing: there is no table yet"),
        Some(snapshot) => {
            let Manifest {
                run_id,
                committed_at,
                rows,
                bytes,
                files,
                ..
            } = snapshot.manifest;
            let (files, size) = (files.len(), HumanBytes(bytes));
            line(format!(
                "replaces {rows} rows in {files} files ({size}) of run {run_id}, published {committed_at}"
            ));
        }
    }
    Ok(())
}

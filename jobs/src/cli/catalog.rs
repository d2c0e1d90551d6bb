//! `cinemill jobs`: the catalogue.

use cinemill_engine::error::Result;
use cinemill_jobs::job::{Format, JobDefinition, type_word};
use cinemill_jobs::warehouse::design::Design;
use clap::Args;
use serde::Serialize;

use super::output;
use super::request::CatalogArguments;
use super::runs::print_json;

#[derive(Debug, Args)]
pub struct JobsArguments {
    #[command(flatten)]
    catalog: CatalogArguments,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What a program that schedules jobs wants to know of one.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    name: &'a str,
    description: &'a str,
    params: Vec<Param<'a>>,
    inputs: Vec<Input<'a>>,
    key: &'a [String],
    partition_by: &'a [String],
    /// `schema.table` in a warehouse; of the first of several.
    table: String,
    tables: Vec<Table<'a>>,
}

#[derive(Debug, Serialize)]
struct Table<'a> {
    name: &'a str,
    key: &'a [String],
    partition_by: &'a [String],
    /// `schema.table` in a warehouse.
    table: String,
}

#[derive(Debug, Serialize)]
struct Param<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    kind: String,
    /// Null where the value must be given.
    default: Option<String>,
    description: &'a str,
}

#[derive(Debug, Serialize)]
struct Input<'a> {
    name: &'a str,
    file: &'a str,
    format: Format,
}

pub fn list(arguments: JobsArguments) -> Result<()> {
    let catalog = arguments.catalog.catalog();
    let names = catalog.names()?;
    let jobs = names
        .iter()
        .map(|name| catalog.job(name))
        .collect::<Result<Vec<_>>>()?;
    if arguments.json {
        let summaries: Vec<Summary<'_>> = jobs.iter().map(summary).collect::<Result<_>>()?;
        return print_json(&summaries);
    }
    for job in &jobs {
        output::line(format!("{}  {}", job.name, job.description));
        for param in params(job) {
            let default = param.default.map(|value| format!(" = {value}"));
            let default = default.unwrap_or_else(|| ", required".to_owned());
            let (name, kind) = (param.name, param.kind);
            let line = format!("    param {name} {kind}{default}: {}", param.description);
            output::line(line.trim_end_matches([':', ' ']));
        }
        for (input, definition) in &job.inputs {
            output::line(format!("    input {input}: {}", definition.file));
        }
    }
    Ok(())
}

fn params(job: &JobDefinition) -> Vec<Param<'_>> {
    let declared = job.params.iter().map(|(name, param)| Param {
        name,
        kind: type_word(param.kind),
        default: param.default.as_ref().map(ToString::to_string),
        description: &param.description,
    });
    declared.collect()
}

fn summary(job: &JobDefinition) -> Result<Summary<'_>> {
    let inputs = job.inputs.iter().map(|(name, input)| Input {
        name,
        file: &input.file,
        format: input.format,
    });
    let tables = Design::all(job).into_iter().map(|design| {
        Ok(Table {
            name: &design.output.name,
            key: design.key(),
            partition_by: &design.output.partition_by,
            table: design.table()?.to_string(),
        })
    });
    let tables = tables.collect::<Result<Vec<_>>>()?;
    let first = tables.first();
    Ok(Summary {
        name: &job.name,
        description: &job.description,
        params: params(job),
        inputs: inputs.collect(),
        key: job.key(),
        partition_by: first.map_or(&[], |table| table.partition_by),
        table: first.map(|table| table.table.clone()).unwrap_or_default(),
        tables,
    })
}

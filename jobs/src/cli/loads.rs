//! `cinemill loads` and `cinemill validate`: what was loaded, and whether it still holds.

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_jobs::job::{Catalog, JobDefinition};
use cinemill_jobs::warehouse::design::Design;
use cinemill_jobs::warehouse::dialect::TableName;
use cinemill_jobs::warehouse::ledger::{self, LoadEntry};
use cinemill_jobs::warehouse::validate::{Finding, Validated, validate as find};
use clap::Args;

use super::output::{line, note};
use super::request::CatalogArguments;
use super::runs::print_json;
use super::warehouse::TargetArguments;

#[derive(Debug, Args)]
pub struct LoadsArguments {
    #[command(flatten)]
    target: TargetArguments,

    /// Only the loads of this table; may be given several times.
    #[arg(long = "table", value_name = "TABLE")]
    tables: Vec<String>,

    /// Only the loads of this job's tables.
    #[arg(long, conflicts_with = "tables")]
    job: Option<String>,

    #[command(flatten)]
    catalog: CatalogArguments,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct ValidateArguments {
    /// Tables, as `name` or `schema.name`.
    #[arg(value_name = "TABLE", required_unless_present = "job")]
    tables: Vec<String>,

    /// All tables of this job.
    #[arg(long, conflicts_with = "tables")]
    job: Option<String>,

    #[command(flatten)]
    target: TargetArguments,

    #[command(flatten)]
    catalog: CatalogArguments,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub async fn list(arguments: LoadsArguments) -> Result<()> {
    let catalog = arguments.catalog.catalog();
    let tables = tables(&arguments.tables, arguments.job.as_deref(), &catalog)?;
    let mut warehouse = arguments.target.target()?.connect().await?;
    let loads = ledger::list(warehouse.as_mut(), &tables).await?;
    if arguments.json {
        return print_json(&loads);
    }
    if loads.is_empty() {
        note("no loads");
        return Ok(());
    }
    line(format!(
        "{:<28}  {:>5}  {:<10}  {:<19}  {:>8}  {:>11}  {:>11}  {:<36}  who",
        "table", "load", "mode", "started (UTC)", "seconds", "rows", "new", "run"
    ));
    for load in &loads {
        line(listed(load));
    }
    Ok(())
}

fn listed(load: &LoadEntry) -> String {
    let forced = if load.forced { " (forced)" } else { "" };
    format!(
        "{:<28}  {:>5}  {:<10}  {:<19}  {:>8.1}  {:>11}  {:>11}  {:<36}  {} as {}{forced}",
        load.table,
        load.number,
        load.mode,
        load.started_at.format("%Y-%m-%d %H:%M:%S"),
        load.seconds,
        load.rows,
        load.inserted,
        load.run_id,
        load.client,
        load.database_user,
    )
}

/// The tables that are named, or those of a job.
fn tables(named: &[String], job: Option<&str>, catalog: &Catalog) -> Result<Vec<TableName>> {
    let Some(job) = job else {
        return named.iter().map(|table| TableName::parse(table)).collect();
    };
    let job = catalog.job(job)?;
    let designs = Design::all(&job);
    designs.iter().map(Design::table).collect()
}

pub async fn validate(arguments: ValidateArguments) -> Result<()> {
    let catalog = arguments.catalog.catalog();
    let tables = tables(&arguments.tables, arguments.job.as_deref(), &catalog)?;
    let mut warehouse = arguments.target.target()?.connect().await?;
    let warehouse = warehouse.as_mut();
    let loads = ledger::list(warehouse, &tables).await?;
    let latest = tables.iter().map(|table| latest(&loads, table));
    let latest = latest.collect::<Result<Vec<_>>>()?;
    let jobs = latest.iter().map(|load| catalog.job(&load.job));
    let jobs = jobs.collect::<Result<Vec<_>>>()?;
    let validated = tables.iter().zip(&latest).zip(&jobs);
    let validated = validated.map(|((table, load), job)| {
        Ok(Validated {
            table: table.clone(),
            design: design(job, table)?,
            latest: load,
        })
    });
    let findings = find(warehouse, &validated.collect::<Result<Vec<_>>>()?).await?;
    match arguments.json {
        true => print_json(&findings)?,
        false => findings
            .iter()
            .for_each(|finding| tell(finding, tables.len())),
    }
    let failed = findings.iter().filter(|finding| finding.problem.is_some());
    match failed.count() {
        0 => Ok(()),
        count => {
            let cause = format!("{count} of {} checks failed", findings.len());
            Err(Error::new(Kind::Load, "validate", names(&tables), cause))
        }
    }
}

/// The last load of a table; the ledger lists them newest first.
fn latest<'a>(loads: &'a [LoadEntry], table: &TableName) -> Result<&'a LoadEntry> {
    let name = table.to_string();
    loads.iter().find(|load| load.table == name).ok_or_else(|| {
        let cause = "nothing was loaded into it";
        Error::new(Kind::Load, "validate", table, cause)
            .hint("`cinemill loads` lists what was loaded")
    })
}

/// What the job says of a table: by the place that it declares; of a job with one table, always.
fn design<'a>(job: &'a JobDefinition, table: &TableName) -> Result<Design<'a>> {
    let mut designs = Design::all(job).into_iter();
    let is_it = |design: &Design<'_>| {
        !job.has_tables() || design.table().is_ok_and(|declared| declared == *table)
    };
    designs.find(is_it).ok_or_else(|| {
        let cause = format!("the job {} declares no such table", job.name);
        Error::new(Kind::Definition, "validate", table, cause)
    })
}

fn names(tables: &[TableName]) -> String {
    let names: Vec<String> = tables.iter().map(TableName::to_string).collect();
    names.join(", ")
}

fn tell(finding: &Finding, tables: usize) {
    let about = match &finding.table {
        Some(table) if tables > 1 => format!("{table}: "),
        _ => String::new(),
    };
    let check = format!("{about}{}", finding.check);
    match &finding.problem {
        None => line(format!("ok      {check}")),
        Some(problem) => line(format!("FAILED  {check}: {problem}")),
    }
}

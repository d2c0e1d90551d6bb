//! `cinemill loads` and `cinemill validate`: what was loaded, and whether it still holds.

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_jobs::warehouse::dialect::TableName;
use cinemill_jobs::warehouse::ledger::{self, LoadEntry};
use cinemill_jobs::warehouse::validate::{Finding, validate as find};
use clap::Args;

use super::output::{line, note};
use super::request::CatalogArguments;
use super::runs::print_json;
use super::warehouse::TargetArguments;

#[derive(Debug, Args)]
pub struct LoadsArguments {
    #[command(flatten)]
    target: TargetArguments,

    /// Only the loads of this table.
    #[arg(long)]
    table: Option<String>,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct ValidateArguments {
    /// The table, as `name` or `schema.name`.
    table: String,

    #[command(flatten)]
    target: TargetArguments,

    #[command(flatten)]
    catalog: CatalogArguments,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub async fn list(arguments: LoadsArguments) -> Result<()> {
    let table = arguments
        .table
        .as_deref()
        .map(TableName::parse)
        .transpose()?;
    let mut warehouse = arguments.target.target()?.connect().await?;
    let loads = ledger::list(warehouse.as_mut(), table.as_ref()).await?;
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

pub async fn validate(arguments: ValidateArguments) -> Result<()> {
    let table = TableName::parse(&arguments.table)?;
    let mut warehouse = arguments.target.target()?.connect().await?;
    let warehouse = warehouse.as_mut();
    let loads = ledger::list(warehouse, Some(&table)).await?;
    let Some(latest) = loads.first() else {
        let cause = "nothing was loaded into it";
        return Err(Error::new(Kind::Load, "validate", &table, cause)
            .hint("`cinemill loads` lists what was loaded"));
    };
    let job = arguments.catalog.catalog().job(&latest.job)?;
    let findings = find(warehouse, &table, &job, latest).await?;
    match arguments.json {
        true => print_json(&findings)?,
        false => findings.iter().for_each(tell),
    }
    let failed = findings.iter().filter(|finding| finding.problem.is_some());
    match failed.count() {
        0 => Ok(()),
        count => {
            let cause = format!("{count} of {} checks failed", findings.len());
            Err(Error::new(Kind::Load, "validate", &table, cause))
        }
    }
}

fn tell(finding: &Finding) {
    match &finding.problem {
        None => line(format!("ok      {}", finding.check)),
        Some(problem) => line(format!("FAILED  {}: {problem}", finding.check)),
    }
}

//! `cinemill cluster describe`.

use cinemill_engine::error::Result;
use cinemill_jobs::cluster::{Description, Node, Role};
use cinemill_jobs::fleet::Executor;
use clap::Args;
use serde_json::json;

use crate::cli::output;
use crate::cli::runs::print_json;
use crate::cli::target::{ItsSchedulerArguments, TargetArguments};

#[derive(Debug, Args)]
pub struct DescribeArguments {
    #[command(flatten)]
    target: TargetArguments,

    #[command(flatten)]
    scheduler: ItsSchedulerArguments,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub async fn describe(arguments: DescribeArguments) -> Result<()> {
    let target = arguments.target.look().await?;
    let cluster = target.describe().await?;
    // A cluster can be looked at from where its scheduler cannot be reached.
    let known = match arguments.scheduler.client(target.as_ref()).await {
        Ok(client) => client.executors().await,
        Err(error) => Err(error),
    };
    if arguments.json {
        let mut json = json!(cluster);
        json["known_executors"] = json!(known.as_ref().ok());
        return print_json(&json);
    }
    head(&cluster);
    if let Err(error) = &known {
        output::note(format!("{error}"));
    }
    let known = known.ok();
    for node in &cluster.nodes {
        output::line(row(node, known.as_deref()));
    }
    Ok(())
}

fn head(cluster: &Description) {
    let Description {
        platform,
        id,
        name,
        state,
        reason,
        scheduler,
        executors,
        ..
    } = cluster;
    let named = if id == name {
        String::new()
    } else {
        format!(" ({name})")
    };
    let scheduler = scheduler.as_deref().unwrap_or("not known");
    output::line(format!(
        "{platform} cluster {id}{named}: {state}, {executors} executors wanted, scheduler {scheduler}"
    ));
    if let Some(reason) = reason {
        output::line(format!("reason: {reason}"));
    }
}

fn row(node: &Node, known: Option<&[Executor]>) -> String {
    let id = node.id.rsplit('/').next().unwrap_or(&node.id);
    let market = if node.is_spot { "spot" } else { "" };
    let name = node.names.first().map_or("", String::as_str);
    let does = match (
        node.role,
        known,
        known.and_then(|known| node.executor(known)),
    ) {
        (Role::Scheduler, _, _) => "scheduler".to_owned(),
        (Role::Executor, None, _) => String::new(),
        (Role::Executor, Some(_), None) => "no executor".to_owned(),
        (Role::Executor, _, Some(executor)) => format!(
            "{} {}/{} slots busy",
            executor.state.name(),
            executor.slots_busy,
            executor.slots
        ),
    };
    let text = format!(
        "{id:<20}  {:<14}  {market:<4}  {:<12}  {name:<15}  {does}",
        node.shape, node.state
    );
    text.trim_end().to_owned()
}

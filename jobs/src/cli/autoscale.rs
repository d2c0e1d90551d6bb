//! `cinemill autoscale`: the number of executors follows the slots that runs want.

use std::path::PathBuf;
use std::time::Duration;

use chrono::Utc;
use cinemill_engine::error::{Error, Kind, Result};
use cinemill_jobs::autoscale::{Controller, Limits, Report};
use cinemill_jobs::fleet::DRAIN_DEADLINE_S;
use clap::Args;

use super::output;
use super::signals::interrupted;
use super::target::{ItsSchedulerArguments, TargetArguments};

#[derive(Debug, Args)]
pub struct AutoscaleArguments {
    #[command(flatten)]
    target: TargetArguments,

    #[command(flatten)]
    scheduler: ItsSchedulerArguments,

    /// Fewest executors; with 0 an idle cluster has none.
    #[arg(long, default_value_t = 0)]
    min: usize,

    /// Most executors.
    #[arg(long)]
    max: usize,

    /// Seconds between two looks.
    #[arg(long, value_name = "SECONDS", default_value_t = 15,
          value_parser = clap::value_parser!(u64).range(1..))]
    interval_s: u64,

    /// Seconds between two requests for more executors.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    out_cooldown_s: u64,

    /// Seconds for which fewer executors must have been enough before any leave.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    scale_in_after_s: u64,

    /// Slots of an executor, for as long as none was seen.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    slots_per_executor: u64,

    /// Seconds until an executor that is too many leaves even if its tasks or files are needed.
    #[arg(long, value_name = "SECONDS", default_value_t = DRAIN_DEADLINE_S)]
    deadline_s: u64,

    /// File that is kept fresh while runs go on, as EMR's auto-termination looks at
    /// /emr/metricscollector/isbusy.
    #[arg(long, value_name = "FILE")]
    busy_marker: Option<PathBuf>,
}

/// Ends with 0 when it is told to.
pub async fn autoscale(arguments: AutoscaleArguments) -> Result<()> {
    let limits = limits(&arguments)?;
    let target = arguments.target.open().await?;
    let client = arguments.scheduler.client(target.as_ref()).await?;
    let controller = Controller {
        target: target.as_ref(),
        client: &client,
        limits,
        interval: Duration::from_secs(arguments.interval_s),
        drain_deadline_s: arguments.deadline_s,
        busy_marker: arguments.busy_marker,
    };
    output::note(format!(
        "following the slots of {}: {} to {} executors",
        client.scheduler(),
        limits.min,
        limits.max
    ));
    tokio::select! {
        never = controller.run(tell) => match never {},
        signal = interrupted() => signal,
    }
}

fn limits(arguments: &AutoscaleArguments) -> Result<Limits> {
    if arguments.min > arguments.max || arguments.max == 0 {
        let cause = format!("--min {} and --max {}", arguments.min, arguments.max);
        return Err(Error::new(Kind::Usage, "autoscale", "the cluster", cause)
            .hint("--max is 1 or more, and --min not above it"));
    }
    Ok(Limits {
        min: arguments.min,
        max: arguments.max,
        out_cooldown: Duration::from_secs(arguments.out_cooldown_s),
        in_after: Duration::from_secs(arguments.scale_in_after_s),
        slots_per_executor: arguments.slots_per_executor,
    })
}

fn tell(report: Report) {
    let at = Utc::now().format("%Y-%m-%dT%H:%M:%SZ");
    match report {
        Report::Scaling { from, to, wanted } => {
            output::note(format!(
                "{at} {from} → {to} executors: {wanted} slots wanted"
            ));
        }
        Report::Drained { clean, cut_off } => {
            output::note(format!(
                "{at} {clean} drained, {cut_off} cut off at the deadline"
            ));
        }
        Report::Idle(nodes) => {
            output::note(format!(
                "{at} {nodes} nodes have no executor, and are given back"
            ));
        }
        Report::Trouble(error) => {
            output::note(format!("{at} {error}"));
        }
    }
}

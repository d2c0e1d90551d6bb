//! `cinemill scale`: more or fewer executors.

use std::time::Duration;

use cinemill_engine::error::Result;
use cinemill_jobs::cluster::{Wish, scale as scale_cluster};
use cinemill_jobs::fleet::DRAIN_DEADLINE_S;
use clap::Args;

use super::output;
use super::target::{ItsSchedulerArguments, TargetArguments};

#[derive(Debug, Args)]
pub struct ScaleArguments {
    /// How many executors there shall be.
    #[arg(long)]
    executors: usize,

    #[command(flatten)]
    target: TargetArguments,

    #[command(flatten)]
    scheduler: ItsSchedulerArguments,

    /// Seconds until an executor that is too many leaves even if its tasks or files are needed.
    #[arg(long, value_name = "SECONDS", default_value_t = DRAIN_DEADLINE_S)]
    deadline_s: u64,

    /// Seconds that new executors may take until they take tasks; 0 does not wait for them.
    #[arg(long, value_name = "SECONDS", default_value_t = 900)]
    wait_s: u64,
}

pub async fn scale(arguments: ScaleArguments) -> Result<()> {
    let target = arguments.target.open().await?;
    let client = arguments.scheduler.client(target.as_ref()).await?;
    let executors = arguments.executors;
    let wait = Duration::from_secs(arguments.wait_s);
    let wish = Wish {
        executors,
        drain_deadline_s: arguments.deadline_s,
        ready_wait: (!wait.is_zero()).then_some(wait),
    };
    let scaled = scale_cluster(target.as_ref(), &client, wish).await?;
    output::line(format!(
        "{executors} executors: {} started, {} drained, {} cut off at the deadline",
        scaled.started, scaled.drained, scaled.cut_off
    ));
    if scaled.idle > 0 {
        let nodes = scaled.idle;
        output::note(format!("{nodes} nodes without an executor were given back"));
    }
    Ok(())
}

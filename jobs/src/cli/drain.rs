//! `cinemill drain`: makes an executor leave without losing what it did.

use std::time::Duration;

use cinemill_engine::error::Result;
use cinemill_jobs::fleet::{DRAIN_DEADLINE_S, Drain, DrainState};
use clap::Args;

use super::output;
use super::runs::SchedulerArguments;

/// How often `--wait` asks.
const ASK_INTERVAL: Duration = Duration::from_millis(250);

#[derive(Debug, Args)]
pub struct DrainArguments {
    /// Id of the executor; `cinemill executors` lists them.
    executor: String,

    /// Seconds until it leaves even if its tasks or files are needed.
    #[arg(long, value_name = "SECONDS", default_value_t = DRAIN_DEADLINE_S)]
    deadline_s: u64,

    /// Return when it has left.
    #[arg(long)]
    wait: bool,

    #[command(flatten)]
    scheduler: SchedulerArguments,
}

pub async fn drain(arguments: DrainArguments) -> Result<()> {
    let client = arguments.scheduler.client()?;
    let ask = || client.drain(&arguments.executor, arguments.deadline_s);
    let mut drain = ask().await?;
    let mut told = None;
    while arguments.wait && drain.state == DrainState::Draining {
        if drain.waits_for.is_some() && drain.waits_for != told {
            output::note(line(&drain));
            told.clone_from(&drain.waits_for);
        }
        tokio::time::sleep(ASK_INTERVAL).await;
        drain = ask().await?;
    }
    output::line(line(&drain));
    Ok(())
}

fn line(drain: &Drain) -> String {
    let executor = &drain.executor;
    match (drain.state, &drain.waits_for) {
        (DrainState::Draining, Some(need)) => {
            let left_s = drain.left_s.ceil();
            format!("executor {executor} drains: waits for {need}, {left_s} s left")
        }
        (DrainState::Draining, None) => format!("executor {executor} drains"),
        (DrainState::LeftClean, _) => format!("executor {executor} left, nothing was lost"),
        (DrainState::LeftWithLoss, _) => {
            format!("executor {executor} left at its deadline; what it ran is done again")
        }
    }
}

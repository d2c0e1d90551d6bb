//! `cinemill cluster logs`.

use std::time::Duration;

use cinemill_engine::error::Result;
use cinemill_jobs::cluster::{EcsTarget, EmrTarget, LogQuery, local_logs};
use clap::Args;

use crate::cli::duration;
use crate::cli::output;
use crate::cli::target::{Platform, TargetArguments};

#[derive(Debug, Args)]
pub struct LogsArguments {
    #[command(flatten)]
    target: TargetArguments,

    /// Step on EMR; the newest where neither step nor node is given.
    #[arg(long, value_name = "ID")]
    step: Option<String>,

    /// Instance on EMR, task on ECS, `scheduler` or `executor-<number>` here.
    #[arg(long, value_name = "ID", conflicts_with = "step")]
    node: Option<String>,

    /// How far back to look on ECS (as 90s, 10m or 2h).
    #[arg(long, value_name = "TIME", value_parser = duration::parse, default_value = "1h")]
    since: Duration,

    /// How many lines at the end of each log.
    #[arg(long, default_value_t = 50)]
    lines: usize,
}

pub async fn logs(arguments: LogsArguments) -> Result<()> {
    let query = LogQuery {
        step: arguments.step,
        node: arguments.node,
        since: Some(arguments.since),
        lines: arguments.lines,
    };
    let target = &arguments.target;
    let logs = match target.platform() {
        Platform::Local => local_logs(target.state_dir(), &query)?,
        Platform::Emr => EmrTarget::open(target.id()?).await?.logs(&query).await?,
        Platform::Ecs => EcsTarget::open(target.id()?).await?.logs(&query).await?,
    };
    for log in logs {
        output::line(format!("==> {} <==", log.name));
        log.lines.iter().for_each(output::line);
    }
    Ok(())
}

//! `cinemill cluster terminate`.

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_jobs::client::Client;
use cinemill_jobs::cluster::{EcsTarget, EmrTarget, Target};
use clap::Args;

use crate::cli::output;
use crate::cli::target::{Platform, TargetArguments};

#[derive(Debug, Args)]
pub struct TerminateArguments {
    #[command(flatten)]
    target: TargetArguments,

    /// End it even if runs go on there.
    #[arg(long)]
    force: bool,
}

pub async fn terminate(arguments: TerminateArguments) -> Result<()> {
    let name = arguments.target.id()?;
    match arguments.target.platform() {
        Platform::Local => {
            let cause = "it is on this machine";
            return Err(Error::new(Kind::Usage, "terminate cluster", name, cause)
                .hint("stop it with `cinemill cluster stop`"));
        }
        Platform::Emr => {
            let Some(target) = EmrTarget::find(name).await? else {
                output::line(format!("no cluster called {name} was alive"));
                return Ok(());
            };
            refuse_if_busy(&target, arguments.force).await?;
            target.terminate().await?;
        }
        Platform::Ecs => {
            let target = EcsTarget::open(name).await?;
            refuse_if_busy(&target, arguments.force).await?;
            target.terminate().await?;
        }
    }
    output::line(format!("terminated {name}"));
    Ok(())
}

/// From where the scheduler cannot be reached nobody knows of runs, and none keeps a cluster alive.
async fn refuse_if_busy(target: &dyn Target, force: bool) -> Result<()> {
    if force {
        return Ok(());
    }
    let Ok(cluster) = target.describe().await else {
        return Ok(());
    };
    let Some(scheduler) = &cluster.scheduler else {
        return Ok(());
    };
    let runs = Client::new(scheduler)?.runs().await.unwrap_or_default();
    let Some(run) = runs.iter().find(|run| !run.is_over()) else {
        return Ok(());
    };
    let cause = format!("run {} goes on there", run.run_id);
    Err(
        Error::new(Kind::Usage, "terminate cluster", &cluster.id, cause)
            .hint("wait for it or cancel it, or add --force"),
    )
}

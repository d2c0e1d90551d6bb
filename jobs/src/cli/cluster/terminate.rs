//! `cinemill cluster terminate`.

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_jobs::cluster::{EcsTarget, EmrTarget, Target};
use clap::Args;

use crate::cli::output;
use crate::cli::target::{ItsSchedulerArguments, Platform, TargetArguments};

#[derive(Debug, Args)]
pub struct TerminateArguments {
    #[command(flatten)]
    target: TargetArguments,

    #[command(flatten)]
    scheduler: ItsSchedulerArguments,

    /// End it even if runs go on there.
    #[arg(long)]
    force: bool,
}

pub async fn terminate(arguments: TerminateArguments) -> Result<()> {
    let name = arguments.target.id()?;
    let was_there = match arguments.target.platform() {
        Platform::Local => {
            let cause = "it is on this machine";
            return Err(Error::new(Kind::Usage, "terminate cluster", name, cause)
                .hint("stop it with `cinemill cluster stop`"));
        }
        Platform::Emr => terminate_emr(name, &arguments).await?,
        Platform::Ecs => {
            let target = EcsTarget::open(name).await?;
            arguments.refuse_if_busy(&target).await?;
            target.terminate().await?
        }
    };
    output::line(match was_there {
        true => format!("terminated {name}"),
        false => format!("no cluster called {name} was alive"),
    });
    Ok(())
}

/// All clusters of that name: two may have been begun at the same moment.
async fn terminate_emr(name: &str, arguments: &TerminateArguments) -> Result<bool> {
    let mut was_there = false;
    while let Some(target) = EmrTarget::find(name).await? {
        arguments.refuse_if_busy(&target).await?;
        target.terminate().await?;
        was_there = true;
        if target.id() == name {
            break;
        }
    }
    Ok(was_there)
}

impl TerminateArguments {
    /// From where the scheduler cannot be reached nobody knows of runs, and none keeps a cluster
    /// alive.
    async fn refuse_if_busy(&self, target: &dyn Target) -> Result<()> {
        if self.force {
            return Ok(());
        }
        let runs = match self.scheduler.client(target).await {
            Ok(client) => client.runs().await,
            Err(error) => Err(error),
        };
        let runs = runs.unwrap_or_else(|error| {
            output::note(format!("nobody knows whether runs go on: {error}"));
            Vec::new()
        });
        let Some(run) = runs.iter().find(|run| !run.is_over()) else {
            return Ok(());
        };
        let cause = format!("run {} goes on there", run.run_id);
        let cluster = self.target.id()?;
        Err(Error::new(Kind::Usage, "terminate cluster", cluster, cause)
            .hint("wait for it or cancel it, or add --force"))
    }
}

//! `cinemill cluster`: clusters to run on.

use std::path::PathBuf;

use cinemill_engine::error::Result;
use cinemill_jobs::cluster::{LocalCluster, start, stop};
use clap::{Args, Subcommand};

use super::output;

#[derive(Debug, Args)]
pub struct ClusterArguments {
    #[command(subcommand)]
    verb: ClusterVerb,
}

#[derive(Debug, Subcommand)]
enum ClusterVerb {
    /// Start a scheduler and executors as processes on this machine.
    Local(LocalArguments),
    /// Stop the cluster that `cluster local` started.
    Stop(StopArguments),
}

#[derive(Debug, Args)]
struct LocalArguments {
    /// How many executors.
    #[arg(long, default_value_t = 2)]
    executors: usize,

    /// How many tasks each executor runs side by side.
    #[arg(long, default_value_t = 1)]
    vcores: usize,

    /// Port of the scheduler.
    #[arg(long, default_value_t = 50050)]
    port: u16,

    #[command(flatten)]
    folder: FolderArguments,
}

#[derive(Debug, Args)]
struct StopArguments {
    #[command(flatten)]
    folder: FolderArguments,
}

#[derive(Debug, Args)]
struct FolderArguments {
    /// Folder of the cluster's state and logs.
    #[arg(long, value_name = "DIR", default_value = ".cinemill-cluster")]
    state_dir: PathBuf,
}

pub async fn cluster(arguments: ClusterArguments) -> Result<()> {
    match arguments.verb {
        ClusterVerb::Local(arguments) => {
            let LocalArguments {
                executors,
                vcores,
                port,
                folder,
            } = arguments;
            let cluster = LocalCluster {
                folder: folder.state_dir,
                port,
                executors,
                vcores,
            };
            let client = start(&cluster).await?;
            output::line(format!(
                "scheduler {}, {executors} executors of {vcores} vcores; state and logs in {}",
                client.scheduler(),
                cluster.folder.display()
            ));
            Ok(())
        }
        ClusterVerb::Stop(arguments) => {
            let stopped = stop(&arguments.folder.state_dir).await?;
            output::line(if stopped {
                "stopped"
            } else {
                "no cluster was running"
            });
            Ok(())
        }
    }
}

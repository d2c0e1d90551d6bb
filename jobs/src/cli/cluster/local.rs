//! `cinemill cluster local` and `stop`: a cluster of processes on this machine.

use std::path::PathBuf;

use cinemill_engine::error::Result;
use cinemill_jobs::cluster::{LocalCluster, start as start_cluster, stop as stop_cluster};
use clap::Args;

use crate::cli::output;

#[derive(Debug, Args)]
pub struct LocalArguments {
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
pub struct StopArguments {
    #[command(flatten)]
    folder: FolderArguments,
}

#[derive(Debug, Args)]
struct FolderArguments {
    /// Folder of the cluster's state and logs.
    #[arg(long, value_name = "DIR", default_value = ".cinemill-cluster")]
    state_dir: PathBuf,
}

pub async fn local(arguments: LocalArguments) -> Result<()> {
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
    let client = start_cluster(&cluster).await?;
    output::line(format!(
        "scheduler {}, {executors} executors of {vcores} vcores; state and logs in {}",
        client.scheduler(),
        cluster.folder.display()
    ));
    Ok(())
}

pub async fn stop(arguments: StopArguments) -> Result<()> {
    let stopped = stop_cluster(&arguments.folder.state_dir).await?;
    output::line(if stopped {
        "stopped"
    } else {
        "no cluster was running"
    });
    Ok(())
}

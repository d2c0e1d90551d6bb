//! `cinemill scale`: more or fewer executors.

use std::path::PathBuf;

use cinemill_engine::error::Result;
use cinemill_jobs::cluster::{LocalTarget, ScaleTarget};
use cinemill_jobs::fleet::DRAIN_DEADLINE_S;
use clap::{Args, ValueEnum};

use super::output;

#[derive(Debug, Args)]
pub struct ScaleArguments {
    /// How many executors there shall be.
    #[arg(long)]
    executors: usize,

    /// Where the cluster runs.
    #[arg(long, value_enum, default_value_t = TargetWord::Local)]
    target: TargetWord,

    /// Seconds until an executor that is too many leaves even if its tasks or files are needed.
    #[arg(long, value_name = "SECONDS", default_value_t = DRAIN_DEADLINE_S)]
    deadline_s: u64,

    /// Folder of the local cluster's state and logs.
    #[arg(long, value_name = "DIR", default_value = ".cinemill-cluster")]
    state_dir: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum TargetWord {
    /// Processes on this machine, as `cluster local` starts them.
    Local,
}

pub async fn scale(arguments: ScaleArguments) -> Result<()> {
    let target = match arguments.target {
        TargetWord::Local => LocalTarget {
            folder: arguments.state_dir,
        },
    };
    let executors = arguments.executors;
    let scaled = target.scale(executors, arguments.deadline_s).await?;
    output::line(format!(
        "{executors} executors: {} started, {} drained, {} cut off at the deadline",
        scaled.started, scaled.drained, scaled.cut_off
    ));
    Ok(())
}

//! `cinemill cluster create`.

use std::path::PathBuf;
use std::time::Duration;

use cinemill_engine::error::Result;
use cinemill_jobs::cluster::{Definition, EcsTarget, EmrTarget, Target, create_ecs, create_emr};
use clap::Args;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::cli::output;
use crate::cli::signals::interrupted;

#[derive(Debug, Args)]
pub struct CreateArguments {
    /// File that describes the cluster; the infrastructure's output `cluster_file` is one.
    file: PathBuf,

    /// Name of the cluster; the file's where not given. A living cluster of that name is taken.
    #[arg(long)]
    name: Option<String>,

    /// How many executors; the file's where not given.
    #[arg(long)]
    executors: Option<u32>,

    /// Seconds that an EMR cluster may take until it takes steps. One that is not ready by then is
    /// terminated.
    #[arg(long, value_name = "SECONDS", default_value_t = 1800)]
    wait_s: u64,

    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
}

pub async fn create(arguments: CreateArguments) -> Result<()> {
    let mut wanted = Definition::read(&arguments.file)?;
    if let Some(name) = arguments.name {
        wanted.rename(name);
    }
    if let Some(executors) = arguments.executors {
        wanted.resize(executors)?;
    }
    output::note(format!("creating cluster {}", wanted.name()));
    let (target, attached) = made(&wanted, Duration::from_secs(arguments.wait_s)).await?;
    let cluster = target.describe().await?;
    if arguments.json {
        let mut json = json!(cluster);
        json["attached"] = attached.into();
        output::line(json);
        return Ok(());
    }
    let verb = if attached { "found" } else { "created" };
    let scheduler = cluster.scheduler.as_deref().unwrap_or("not known yet");
    output::line(format!(
        "{verb} cluster {} ({}), {}, {} executors, scheduler {scheduler}",
        cluster.id, cluster.name, cluster.state, cluster.executors
    ));
    Ok(())
}

/// The cluster, and whether it was there before.
async fn made(wanted: &Definition, wait: Duration) -> Result<(Box<dyn Target>, bool)> {
    match wanted {
        Definition::Emr(wanted) => {
            let cancel = CancellationToken::new();
            let creation = create_emr(wanted, wait, &cancel);
            tokio::pin!(creation);
            let created = tokio::select! {
                created = &mut creation => created,
                _ = interrupted() => {
                    output::note("cancelling");
                    cancel.cancel();
                    creation.await
                }
            }?;
            let target = EmrTarget::open(&created.id).await?;
            Ok((Box::new(target), created.attached))
        }
        Definition::Ecs(wanted) => {
            let attached = create_ecs(wanted).await?;
            let target = EcsTarget::open(&wanted.name).await?;
            Ok((Box::new(target), attached))
        }
    }
}

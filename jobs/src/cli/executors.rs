//! `cinemill executors`: who takes part in a cluster.

use cinemill_engine::error::Result;
use cinemill_jobs::fleet::Executor;
use clap::Args;

use super::output;
use super::runs::{SchedulerArguments, print_json};

#[derive(Debug, Args)]
pub struct ExecutorsArguments {
    #[command(flatten)]
    scheduler: SchedulerArguments,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub async fn list(arguments: ExecutorsArguments) -> Result<()> {
    let executors = arguments.scheduler.client()?.executors().await?;
    if arguments.json {
        return print_json(&executors);
    }
    if executors.is_empty() {
        output::note("no executors");
        return Ok(());
    }
    output::line(format!(
        "{:<36}  {:<11}  {:>5}  {:>5}  {:>9}  {:>9}  {:>9}  address",
        "id", "state", "slots", "busy", "memory", "peak", "heartbeat"
    ));
    for executor in &executors {
        output::line(row(executor));
    }
    Ok(())
}

fn row(executor: &Executor) -> String {
    let Executor {
        id,
        host,
        port,
        state,
        slots,
        slots_busy,
        memory_bytes,
        memory_peak_bytes,
        heartbeat_age_s,
    } = executor;
    let (memory, peak) = (mebibytes(*memory_bytes), mebibytes(*memory_peak_bytes));
    let age = format!("{heartbeat_age_s} s ago");
    format!(
        "{id:<36}  {:<11}  {slots:>5}  {slots_busy:>5}  {memory:>9}  {peak:>9}  {age:>9}  \
         {host}:{port}",
        state.name()
    )
}

fn mebibytes(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "-".to_owned(), |bytes| format!("{} MiB", bytes >> 20))
}

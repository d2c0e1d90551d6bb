//! `cinemill submit`: a job on the cluster.

use cinemill_engine::error::Result;
use cinemill_jobs::api::SubmitRun;
use cinemill_jobs::client::Client;
use clap::Args;

use super::output;
use super::request::JobArguments;
use super::runs::{SchedulerArguments, follow};

#[derive(Debug, Args)]
pub struct SubmitArguments {
    #[command(flatten)]
    job: JobArguments,

    #[command(flatten)]
    scheduler: SchedulerArguments,

    /// Folder of the table, local to the executors or s3://….
    #[arg(long, value_name = "DIR")]
    output: String,

    /// Id of the run; a finished one is not run again, a running one is attached to. Generated
    /// where not given.
    #[arg(long)]
    run_id: Option<String>,

    /// Queue in which the run stands. Queues share the cluster's slots evenly.
    #[arg(long, value_name = "NAME")]
    queue: Option<String>,

    /// Task slots that the run may have at most; no limit where not given.
    #[arg(long, value_name = "SLOTS", value_parser = clap::value_parser!(u32).range(1..))]
    max_slots: Option<u32>,

    /// Print the run id and return; the run goes on without this process.
    #[arg(long)]
    detach: bool,
}

pub async fn submit(arguments: SubmitArguments) -> Result<()> {
    let mut request = arguments.job.request(&arguments.output, arguments.run_id)?;
    request.options.queue = arguments.queue;
    request.options.max_slots = arguments.max_slots;
    request.check()?;
    let run_id = request.run_id.clone();
    let client: Client = arguments.scheduler.client()?;
    let submitted = client
        .submit(&SubmitRun {
            request,
            detach: arguments.detach,
        })
        .await?;
    if arguments.detach {
        output::line(&run_id);
        return Ok(());
    }
    let verb = if submitted.attached {
        "attached to"
    } else {
        "submitted"
    };
    output::note(format!("{verb} run {run_id} on {}", client.scheduler()));
    // Only who began a run cancels it along with itself.
    let known_done = submitted.attached && submitted.run.is_over();
    follow(&client, &run_id, !submitted.attached, known_done).await
}

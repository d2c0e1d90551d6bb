//! `cinemill submit`: a job on the cluster.

use std::time::Duration;

use cinemill_engine::error::Result;
use cinemill_jobs::api::SubmitRun;
use cinemill_jobs::run::new_run_id;
use clap::Args;

use super::duration;
use super::output;
use super::request::JobArguments;
use super::runs::{PatienceArguments, SchedulerArguments, follow};

#[derive(Debug, Args)]
pub struct SubmitArguments {
    #[command(flatten)]
    job: JobArguments,

    #[command(flatten)]
    scheduler: SchedulerArguments,

    #[command(flatten)]
    patience: PatienceArguments,

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

    /// Time from now (as 90, 30s, 10m or 2h) after which the run is cancelled and fails. One that
    /// is attached to keeps its own.
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    deadline: Option<Duration>,
}

pub async fn submit(arguments: SubmitArguments) -> Result<()> {
    let mut request = arguments.job.request(&arguments.output, arguments.run_id)?;
    request.options.queue = arguments.queue;
    request.options.max_slots = arguments.max_slots;
    request.check()?;
    let run_id = request.run_id.clone();
    let attachment = arguments.patience.attach(&arguments.scheduler).await?;
    let submission = SubmitRun {
        request,
        detach: arguments.detach,
        deadline_s: arguments.deadline.map(|deadline| deadline.as_secs()),
        submission_id: Some(new_run_id()),
    };
    let submitted = attachment.submit(&submission).await?;
    if arguments.detach {
        output::line(&run_id);
        return Ok(());
    }
    let verb = if submitted.attached {
        "attached to"
    } else {
        "submitted"
    };
    let scheduler = attachment.client().scheduler();
    output::note(format!("{verb} run {run_id} on {scheduler}"));
    // Only who began a run cancels it along with itself.
    let own = (!submitted.attached).then_some(&submission);
    let known_done = submitted.attached && submitted.run.is_over();
    follow(&attachment, &run_id, own, known_done).await
}

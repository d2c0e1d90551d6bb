//! `cinemill submit`: a job on the cluster.

use std::sync::Arc;
use std::time::Duration;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_jobs::api::{SubmitRun, Submitted};
use cinemill_jobs::attach::Attachment;
use cinemill_jobs::run::{Outcome, new_run_id};
use clap::Args;

use super::duration;
use super::output;
use super::report::{Report, ReportArguments};
use super::request::JobArguments;
use super::runs::{PatienceArguments, SchedulerArguments, follow};
use super::signals::Interrupts;

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

    /// Tell how many rows the run would insert, update, delete and leave, and do nothing.
    #[arg(long, conflicts_with = "run_id")]
    dry_run: bool,

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
    #[arg(long, conflicts_with = "report")]
    detach: bool,

    /// Time from now (as 90, 30s, 10m or 2h) after which the run is cancelled and fails. One that
    /// is attached to keeps its own.
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    deadline: Option<Duration>,

    #[command(flatten)]
    report: ReportArguments,
}

pub async fn submit(mut arguments: SubmitArguments) -> Result<()> {
    let report = arguments.report.begin();
    let run_id = arguments.run_id.take().unwrap_or_else(new_run_id);
    if arguments.detach {
        begin(&arguments, &run_id, &report).await?;
        output::line(&run_id);
        return Ok(());
    }
    let work = execute(&arguments, &run_id, &report, Interrupts::new()?);
    report.of(&run_id, work).await
}

/// A run that was submitted, and by what.
struct Begun {
    attachment: Attachment,
    submission: SubmitRun,
    submitted: Submitted,
}

async fn begin(arguments: &SubmitArguments, run_id: &str, report: &Arc<Report>) -> Result<Begun> {
    let mut request = arguments.job.request(&arguments.output, run_id)?;
    request.options.queue.clone_from(&arguments.queue);
    request.options.max_slots = arguments.max_slots;
    request.options.dry_run = arguments.dry_run;
    request.check()?;
    let scheduler = &arguments.scheduler;
    let attachment = arguments.patience.attach(scheduler, report).await?;
    let submission = SubmitRun {
        request,
        detach: arguments.detach,
        deadline_s: arguments.deadline.map(|deadline| deadline.as_secs()),
        submission_id: Some(new_run_id()),
    };
    let submitted = attachment.submit(&submission).await?;
    Ok(Begun {
        attachment,
        submission,
        submitted,
    })
}

/// Submits the run and follows it to its end.
async fn execute(
    arguments: &SubmitArguments,
    run_id: &str,
    report: &Arc<Report>,
    mut interrupts: Interrupts,
) -> Result<Outcome> {
    let begun = tokio::select! {
        begun = begin(arguments, run_id, report) => begun?,
        () = interrupts.next() => return Err(interrupted(run_id)),
    };
    let Begun {
        attachment,
        submission,
        submitted,
    } = &begun;
    let verb = if submitted.attached {
        "attached to"
    } else {
        "submitted"
    };
    let scheduler = attachment.client().scheduler();
    report.note(format!("{verb} run {run_id} on {scheduler}"));
    // Only who began a run cancels it along with itself.
    let own = (!submitted.attached).then_some(submission);
    let mut outcome = follow(attachment, run_id, own, report, interrupts).await?;
    outcome.already_done |= submitted.attached && submitted.run.is_over();
    Ok(outcome)
}

fn interrupted(run_id: &str) -> Error {
    let cause = "it was interrupted before the scheduler had answered";
    Error::new(Kind::Cancelled, "submit run", run_id, cause)
        .hint("if it began all the same, it is cancelled when no client comes for it")
}

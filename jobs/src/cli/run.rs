//! `cinemill run`: a job inside this process.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cinemill_engine::error::Result;
use cinemill_jobs::run::{Embedded, EventSender, Outcome, deadline_after, drive_until, new_run_id};
use clap::Args;
use tokio_util::sync::CancellationToken;

use super::duration;
use super::progress::Progress;
use super::report::{Report, ReportArguments};
use super::request::JobArguments;
use super::signals::Interrupts;

#[derive(Debug, Args)]
pub struct RunArguments {
    #[command(flatten)]
    job: JobArguments,

    /// Folder of the table, local or s3://….
    #[arg(long, value_name = "DIR")]
    output: String,

    /// Tell how many rows the run would insert, update, delete and leave, and do nothing.
    #[arg(long, conflicts_with = "run_id")]
    dry_run: bool,

    /// Id of the run; a finished one is not run again. Generated where not given.
    #[arg(long)]
    run_id: Option<String>,

    /// Time from now (as 90, 30s, 10m or 2h) after which the run is cancelled and fails.
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    deadline: Option<Duration>,

    /// Folder for rows that do not fit into memory; the system's for temporary files where not
    /// given.
    #[arg(long, value_name = "DIR", env = "CINEMILL_SPILL_DIR")]
    spill_dir: Option<PathBuf>,

    /// Memory that the process is to stay within, in MiB; operators get 60 % of it, and spill what
    /// they cannot hold. The machine's where not given.
    #[arg(long, value_name = "MIB", env = "CINEMILL_MEMORY_MB",
          value_parser = clap::value_parser!(u64).range(1..))]
    memory_mb: Option<u64>,

    #[command(flatten)]
    report: ReportArguments,
}

pub async fn run(mut arguments: RunArguments) -> Result<()> {
    let interrupts = Interrupts::new()?;
    let report = arguments.report.begin();
    let run_id = arguments.run_id.take().unwrap_or_else(new_run_id);
    let work = execute(&arguments, &run_id, &report, interrupts);
    report.of(&run_id, work).await
}

async fn execute(
    arguments: &RunArguments,
    run_id: &str,
    report: &Arc<Report>,
    mut interrupts: Interrupts,
) -> Result<Outcome> {
    let mut request = arguments.job.request(&arguments.output, run_id)?;
    request.options.dry_run = arguments.dry_run;
    let deadline_at = arguments.deadline.and_then(deadline_after);
    let cancel = CancellationToken::new();
    let progress = Arc::new(Progress::new(report));
    let events: EventSender = {
        let progress = progress.clone();
        Arc::new(move |event| progress.show(&event))
    };
    let memory_bytes = arguments.memory_mb.map(|mb| mb << 20);
    let backend = Embedded::new(arguments.spill_dir.as_deref(), memory_bytes)?;
    let driven = async {
        let driven = drive_until(deadline_at, &request, &backend, &events, &cancel);
        tokio::pin!(driven);
        tokio::select! {
            done = &mut driven => done,
            () = interrupts.next() => {
                report.note("cancelling; again to leave at once");
                cancel.cancel();
                tokio::select! {
                    done = &mut driven => done,
                    () = interrupts.next() => Err(cancelled(run_id)),
                }
            }
        }
    };
    let done = driven.await;
    progress.finish();
    done
}

fn cancelled(run_id: &str) -> cinemill_engine::error::Error {
    use cinemill_engine::error::{Error, Kind};
    Error::new(Kind::Cancelled, "run", run_id, "it was interrupted twice")
        .hint("what it left in the output is hidden, and goes with the next run")
}

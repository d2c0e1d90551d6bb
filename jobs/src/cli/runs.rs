//! `cinemill runs`, `status`, `wait`, `cancel`: the runs of a scheduler.

use std::sync::Arc;
use std::time::Duration;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::table::RunState;
use cinemill_jobs::api::{Run, StreamItem, SubmitRun};
use cinemill_jobs::attach::Attachment;
use cinemill_jobs::client::Client;
use cinemill_jobs::run::Outcome;
use clap::Args;

use super::output;
use super::progress::Progress;
use super::report::{Report, ReportArguments};
use super::signals::Interrupts;

/// Where the scheduler is.
#[derive(Debug, Args)]
pub struct SchedulerArguments {
    /// The scheduler, as host:port.
    #[arg(long, env = "CINEMILL_SCHEDULER", default_value = "127.0.0.1:50050")]
    scheduler: String,
}

impl SchedulerArguments {
    pub fn client(&self) -> Result<Client> {
        Client::new(&self.scheduler)
    }
}

/// How long to wait for it.
#[derive(Debug, Args)]
pub struct PatienceArguments {
    /// Seconds to wait for a scheduler that went away, 60 where not given; given, also for one that
    /// is not there yet.
    #[arg(
        long = "wait-for-scheduler",
        value_name = "SECONDS",
        env = "CINEMILL_WAIT_FOR_SCHEDULER_S"
    )]
    seconds: Option<u64>,
}

/// How long a scheduler may be away that was there.
const AWAY_MAX: Duration = Duration::from_secs(60);

impl PatienceArguments {
    /// A client whose scheduler answers.
    pub async fn attach(
        &self,
        scheduler: &SchedulerArguments,
        report: &Arc<Report>,
    ) -> Result<Attachment> {
        let given = self.seconds.map(Duration::from_secs);
        let attachment = |wait: Duration| {
            let (client, report) = (scheduler.client()?, report.clone());
            Ok(Attachment::new(client, wait, move |text| report.note(text)))
        };
        attachment(given.unwrap_or_default())?.reach().await?;
        attachment(given.unwrap_or(AWAY_MAX))
    }
}

#[derive(Debug, Args)]
pub struct RunsArguments {
    #[command(flatten)]
    scheduler: SchedulerArguments,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct OneRunArguments {
    /// Id of the run.
    run_id: String,

    #[command(flatten)]
    scheduler: SchedulerArguments,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct StatusArguments {
    #[command(flatten)]
    run: OneRunArguments,

    /// Print the statistics of the columns that it wrote, too; JSON always has them.
    #[arg(long)]
    statistics: bool,
}

#[derive(Debug, Args)]
pub struct WaitArguments {
    /// Id of the run.
    run_id: String,

    #[command(flatten)]
    scheduler: SchedulerArguments,

    #[command(flatten)]
    patience: PatienceArguments,

    #[command(flatten)]
    report: ReportArguments,
}

pub async fn list(arguments: RunsArguments) -> Result<()> {
    let runs = arguments.scheduler.client()?.runs().await?;
    if arguments.json {
        return print_json(&runs);
    }
    for run in &runs {
        output::line(summary(run));
    }
    if runs.is_empty() {
        output::note("no runs");
    }
    Ok(())
}

pub async fn status(arguments: StatusArguments) -> Result<()> {
    let StatusArguments { run, statistics } = arguments;
    let OneRunArguments {
        run_id,
        scheduler,
        json,
    } = run;
    let run = scheduler.client()?.run(&run_id).await?;
    show(&run, json)?;
    match run.verdict.filter(|_| statistics && !json) {
        Some(verdict) => super::statistics::print(&verdict.statistics),
        None => Ok(()),
    }
}

/// Ends as the run ends, with its exit code. Ctrl-C ends the wait, not the run.
pub async fn wait(arguments: WaitArguments) -> Result<()> {
    let interrupts = Interrupts::new()?;
    let report = arguments.report.begin();
    let WaitArguments {
        run_id,
        scheduler,
        patience,
        ..
    } = &arguments;
    let work = async {
        let attachment = patience.attach(scheduler, &report).await?;
        follow(&attachment, run_id, None, &report, interrupts).await
    };
    report.of(run_id, work).await
}

pub async fn cancel(arguments: OneRunArguments) -> Result<()> {
    let run = arguments
        .scheduler
        .client()?
        .cancel(&arguments.run_id)
        .await?;
    show(&run, arguments.json)
}

fn show(run: &Run, json: bool) -> Result<()> {
    if json {
        return print_json(run);
    }
    output::line(summary(run));
    if let Some(verdict) = &run.verdict {
        for told in verdict.lines() {
            output::line(told);
        }
        output::line(verdict);
    }
    // A cancelled run's error says only that it was cancelled.
    if let Some(error) = run.error.as_ref().filter(|_| run.state == RunState::Failed) {
        output::line(format!("error: {error}"));
        if let Some(hint) = &error.hint {
            output::line(format!("hint: {hint}"));
        }
    }
    Ok(())
}

pub fn print_json(value: &impl serde::Serialize) -> Result<()> {
    let json = serde_json::to_string_pretty(value)
        .map_err(|cause| Error::new(Kind::Final, "print", "JSON", cause))?;
    output::line(json);
    Ok(())
}

fn summary(run: &Run) -> String {
    let state = run.state_name();
    let submitted = run.submitted_at.format("%Y-%m-%d %H:%M:%SZ");
    format!(
        "{}  {state:<9}  {}  {submitted}  {}",
        run.run_id, run.job, run.output
    )
}

/// Follows a run to its end and fails as it fails. A run of this process's own, of which the
/// submission is given, is cancelled by Ctrl-C and SIGTERM.
pub async fn follow(
    attachment: &Attachment,
    run_id: &str,
    own: Option<&SubmitRun>,
    report: &Arc<Report>,
    mut interrupts: Interrupts,
) -> Result<Outcome> {
    let progress = Progress::new(report);
    let followed = attachment.follow(run_id, own, |item| {
        if let StreamItem::Event(event) = item {
            progress.show(event);
        }
    });
    let ended = tokio::select! {
        run = followed => run,
        () = interrupts.next() => match own {
            Some(_) => {
                report.note(format!("cancelling run {run_id}"));
                attachment.client().cancel(run_id).await
            }
            None => Err(Error::new(Kind::Cancelled, "wait for run", run_id, "the wait was interrupted")
                .hint(format!("the run goes on; `cinemill cancel {run_id}` stops it"))),
        },
    };
    progress.finish();
    let run = ended?;
    if let Some(error) = run.error {
        return Err(error);
    }
    Ok(Outcome {
        verdict: run.verdict,
        already_done: run.already_done,
    })
}

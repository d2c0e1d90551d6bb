//! `cinemill load`: a published table into a warehouse.

use std::time::Duration;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_jobs::job::JobDefinition;
use cinemill_jobs::warehouse::checks::untranslated;
use cinemill_jobs::warehouse::dialect::TableName;
use cinemill_jobs::warehouse::load::{Load, Loaded, Mode};
use cinemill_jobs::warehouse::published::Published;
use cinemill_jobs::warehouse::target::Target;
use clap::{Args, ValueEnum};
use tokio_util::sync::CancellationToken;

use super::output::{line, note};
use super::request::CatalogArguments;
use super::runs::print_json;
use super::signals::interrupted;
use super::warehouse::{TargetArguments, client};
use super::{duration, progress};

/// How long a warehouse may take to stop a load that was cancelled.
const GRACE: Duration = Duration::from_secs(15);

#[derive(Debug, Args)]
pub struct LoadArguments {
    /// Folder of the published table, or its manifest; local or s3://….
    output: String,

    #[command(flatten)]
    target: TargetArguments,

    #[command(flatten)]
    catalog: CatalogArguments,

    /// The table, as `name` or `schema.name`; what job.toml says where not given.
    #[arg(long)]
    table: Option<String>,

    /// What becomes of the rows that the table has.
    #[arg(long, value_enum, default_value_t = ModeWord::Replace)]
    mode: ModeWord,

    /// Make the table where there is none.
    #[arg(long)]
    create: bool,

    /// Add columns to the table that the data has behind those of the table.
    #[arg(long)]
    evolve: bool,

    /// Load even what is in the table already.
    #[arg(long)]
    force: bool,

    /// Role with which Redshift reads the files: an ARN, or `default` for the warehouse's own.
    #[arg(
        long,
        value_name = "ARN",
        default_value = "default",
        env = "CINEMILL_IAM_ROLE"
    )]
    iam_role: String,

    /// Time from now (as 90, 30s, 10m or 2h) after which the load is cancelled and fails.
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    deadline: Option<Duration>,

    /// Print the entry of the ledger as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum ModeWord {
    /// They go, in the same transaction.
    Replace,
    /// They stay, and all rows are added; a key that is there fails the load.
    Append,
    /// Rows of the same key are replaced, others added.
    Merge,
    /// Only rows are added whose key is not there.
    AppendNew,
}

impl From<ModeWord> for Mode {
    fn from(word: ModeWord) -> Self {
        match word {
            ModeWord::Replace => Self::Replace,
            ModeWord::Append => Self::Append,
            ModeWord::Merge => Self::Merge,
            ModeWord::AppendNew => Self::AppendNew,
        }
    }
}

pub async fn load(arguments: LoadArguments) -> Result<()> {
    let target = arguments.target.target()?;
    let cancel = CancellationToken::new();
    let running = read_and_load(&arguments, &target, &cancel);
    let loaded = until_cancelled(running, arguments.deadline, &cancel).await?;
    tell(&loaded, arguments.json)
}

async fn read_and_load(
    arguments: &LoadArguments,
    target: &Target,
    cancel: &CancellationToken,
) -> Result<Loaded> {
    let published = tokio::select! {
        published = Published::open(&arguments.output) => published?,
        () = cancel.cancelled() => return Err(cancelled("nothing was sent")),
    };
    let job = arguments.catalog.catalog().job(&published.manifest.job)?;
    let table = table(arguments.table.as_deref(), &job)?;
    for name in untranslated(&job) {
        note(format!(
            "not checked in the warehouse, only before publishing: {name}"
        ));
    }
    let load = Load {
        id: uuid::Uuid::now_v7().to_string(),
        published: &published,
        job: &job,
        table,
        mode: arguments.mode.into(),
        create: arguments.create,
        evolve: arguments.evolve,
        force: arguments.force,
        iam_role: &arguments.iam_role,
        client: &client(),
        cancel,
    };
    let rows = published.manifest.rows;
    let spinner = progress::spinner(format!("loading {rows} rows into {}", load.table));
    let retrying = |error: &Error| spinner.suspend(|| note(format!("{error}; trying again")));
    let loaded = load.run(target, retrying).await;
    spinner.finish_and_clear();
    loaded
}

fn table(given: Option<&str>, job: &JobDefinition) -> Result<TableName> {
    TableName::parse(given.or(job.load.table.as_deref()).unwrap_or(&job.name))
}

/// Cancels at a signal or at the deadline, and waits until the warehouse has stopped.
async fn until_cancelled(
    running: impl Future<Output = Result<Loaded>>,
    deadline: Option<Duration>,
    cancel: &CancellationToken,
) -> Result<Loaded> {
    let over = async {
        match deadline {
            Some(deadline) => tokio::time::sleep(deadline).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(running);
    let kind = tokio::select! {
        done = &mut running => return done,
        () = over => Kind::Deadline,
        interrupted = interrupted() => {
            interrupted?;
            note("cancelling");
            Kind::Cancelled
        }
    };
    cancel.cancel();
    let silent = || {
        let cause = "it was cancelled, and the warehouse does not answer";
        cancelled(cause).hint("`cinemill loads` tells whether it was committed")
    };
    let stopped = tokio::time::timeout(GRACE, running).await;
    let stopped = stopped.unwrap_or_else(|_| Err(silent()));
    stopped.map_err(|error| match error.kind {
        Kind::Cancelled => Error { kind, ..error },
        _ => error,
    })
}

fn cancelled(cause: &str) -> Error {
    Error::new(Kind::Cancelled, "load", "the table", cause)
}

fn tell(loaded: &Loaded, json: bool) -> Result<()> {
    let entry = &loaded.entry;
    for warning in &loaded.warnings {
        note(format!("warning: {warning}"));
    }
    if json {
        return print_json(entry);
    }
    let (job, table, run) = (&entry.job, &entry.table, &entry.run_id);
    if loaded.already {
        let number = entry.number;
        line(format!(
            "{job} is in {table} already: load {number}, run {run}; nothing to do (--force repeats it)"
        ));
        return Ok(());
    }
    line(format!(
        "{job} loaded: {} rows ({} new) into {table}, which has {}, {}, {:.1} s, run {run}",
        entry.rows, entry.inserted, entry.table_rows, entry.mode, entry.seconds
    ));
    Ok(())
}

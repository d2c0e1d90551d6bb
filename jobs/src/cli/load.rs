//! `cinemill load`: published tables into a warehouse.

use std::time::Duration;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_jobs::job::JobDefinition;
use cinemill_jobs::warehouse::checks::untranslated;
use cinemill_jobs::warehouse::design::Design;
use cinemill_jobs::warehouse::dialect::TableName;
use cinemill_jobs::warehouse::ledger::LoadEntry;
use cinemill_jobs::warehouse::load::{Load, Loaded, LoadedTable, Mode, Part};
use cinemill_jobs::warehouse::published::{Published, PublishedTable};
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
    /// Folder of the published table or tables, or its manifest; local or s3://….
    output: String,

    #[command(flatten)]
    target: TargetArguments,

    #[command(flatten)]
    catalog: CatalogArguments,

    /// Only these of the job's tables, with commas between them; all where not given.
    #[arg(long, value_name = "OUTPUTS", value_delimiter = ',')]
    tables: Vec<String>,

    /// The table in the warehouse, as `name` or `schema.name`; what job.toml says where not given.
    /// For one table only.
    #[arg(long)]
    table: Option<String>,

    /// What becomes of the rows that a table has; what job.toml says where not given, or `replace`.
    #[arg(long, value_enum)]
    mode: Option<ModeWord>,

    /// Make tables where there are none.
    #[arg(long)]
    create: bool,

    /// Add columns to a table that the data has behind those of the table.
    #[arg(long)]
    evolve: bool,

    /// Load even what is in its table already.
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

    /// Print the entry of the ledger as JSON; where the job has several tables, an array of them.
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
        published = Published::open(&arguments.output, &arguments.tables) => published?,
        () = cancel.cancelled() => return Err(cancelled("nothing was sent")),
    };
    let job = arguments.catalog.catalog().job(&published.manifest.job)?;
    let parts = parts(arguments, &job, &published)?;
    for name in untranslated(&parts.iter().map(|part| part.design).collect::<Vec<_>>()) {
        note(format!(
            "not checked in the warehouse, only before publishing: {name}"
        ));
    }
    let rows: u64 = parts.iter().map(|part| part.rows.rows).sum();
    let into = match parts.as_slice() {
        [part] => part.table.to_string(),
        parts => format!("{} tables", parts.len()),
    };
    let load = Load {
        id: uuid::Uuid::now_v7().to_string(),
        published: &published,
        parts,
        create: arguments.create,
        evolve: arguments.evolve,
        force: arguments.force,
        iam_role: &arguments.iam_role,
        client: &client(),
        cancel,
    };
    let spinner = progress::spinner(format!("loading {rows} rows into {into}"));
    let retrying = |error: &Error| spinner.suspend(|| note(format!("{error}; trying again")));
    let loaded = load.run(target, retrying).await;
    spinner.finish_and_clear();
    loaded
}

/// What goes where, and how.
fn parts<'a>(
    arguments: &LoadArguments,
    job: &'a JobDefinition,
    published: &'a Published,
) -> Result<Vec<Part<'a>>> {
    let count = published.tables.len();
    if arguments.table.is_some() && count != 1 {
        let cause = format!("the job has {count} tables, and --table is for one");
        return Err(Error::new(Kind::Usage, "load", &job.name, cause)
            .hint("choose one with --tables, or say in job.toml where they go"));
    }
    let part = |(index, rows): (usize, &'a PublishedTable)| {
        let design = Design::of(job, &rows.name)?;
        let given = arguments.mode.map(Mode::from);
        Ok(Part {
            rows,
            design,
            table: match &arguments.table {
                Some(table) => TableName::parse(table)?,
                None => design.table()?,
            },
            mode: given.or(design.load.mode).unwrap_or(Mode::Replace),
            number: (count > 1).then_some(index + 1),
        })
    };
    published.tables.iter().enumerate().map(part).collect()
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
    for warning in &loaded.warnings {
        note(format!("warning: {warning}"));
    }
    let entries: Vec<&LoadEntry> = loaded.tables.iter().map(|table| &table.entry).collect();
    match (json, entries.as_slice()) {
        (true, [entry]) => print_json(entry),
        (true, entries) => print_json(&entries),
        (false, _) => {
            loaded.tables.iter().for_each(tell_of);
            Ok(())
        }
    }
}

fn tell_of(loaded: &LoadedTable) {
    let entry = &loaded.entry;
    let (job, table, run) = (&entry.job, &entry.table, &entry.run_id);
    if loaded.already {
        let number = entry.number;
        return line(format!(
            "{job} is in {table} already: load {number}, run {run}; nothing to do (--force repeats it)"
        ));
    }
    line(format!(
        "{job} loaded: {} rows ({} new) into {table}, which has {}, {}, {:.1} s, run {run}",
        entry.rows, entry.inserted, entry.table_rows, entry.mode, entry.seconds
    ));
}

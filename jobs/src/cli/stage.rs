//! `cinemill stage`: raw files into a folder from which jobs read.

use std::path::PathBuf;
use std::time::Duration;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::scratch::Scratch;
use cinemill_jobs::stage::{Means, Outcome, Source, Staged, Staging, Target, client};
use clap::Args;
use indicatif::HumanBytes;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::output::{self, line, note};
use super::runs::print_json;
use super::signals::interrupted;
use super::stage_progress::Progress;

/// How long a store may take to drop an upload that was cancelled.
const GRACE: Duration = Duration::from_secs(15);

#[derive(Debug, Args)]
pub struct StageArguments {
    /// The source: imdb, movielens, fred or kaggle.
    #[arg(required_unless_present = "source_file")]
    source: Option<String>,

    /// A source of one's own, described in a TOML file.
    #[arg(long, value_name = "FILE", conflicts_with = "source")]
    source_file: Option<PathBuf>,

    /// Folder that the files are brought to, local or s3://….
    #[arg(long, value_name = "FOLDER")]
    to: String,

    /// Where the files are instead: http(s)://…, sftp://…, s3://… or a folder; of a source of one
    /// file the file itself, too.
    #[arg(long, alias = "endpoint", value_name = "URL")]
    from: Option<String>,

    /// Cut .tsv.gz files into parts of so much text each, for several tasks to read.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    split_mb: Option<u64>,

    /// Folder that keeps the files as they came, below the date; local or s3://….
    #[arg(long, value_name = "FOLDER")]
    archive: Option<String>,

    /// Folder for files on their way; the system's one for temporary files where not given.
    #[arg(long, value_name = "DIR")]
    work_dir: Option<PathBuf>,

    /// For sftp://…: read this file instead of the user's own ssh_config. A password is taken from
    /// CINEMILL_SFTP_PASSWORD.
    #[arg(long, value_name = "FILE")]
    ssh_config: Option<PathBuf>,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub async fn stage(arguments: StageArguments) -> Result<()> {
    let source = match (&arguments.source, &arguments.source_file) {
        (_, Some(file)) => Source::read(file)?,
        (name, None) => Source::built_in(name.as_deref().unwrap_or_default())?,
    };
    let target = Target::open(&arguments.to)?;
    let archive = arguments.archive.as_deref().map(Target::open).transpose()?;
    let common = arguments.work_dir.clone();
    let work = Scratch::new(&common.unwrap_or_else(std::env::temp_dir), "cinemill-stage")?;
    let means = Means {
        http: client()?,
        ssh_config: arguments.ssh_config.clone(),
    };
    let cancel = CancellationToken::new();
    let staging = Staging {
        source: &source,
        from: arguments.from.as_deref(),
        target: &target,
        archive: archive.as_ref(),
        split_mb: arguments.split_mb,
        work: work.path(),
        means: &means,
        cancel: &cancel,
    };
    let progress = Progress::new();
    let told = |file: &str, event| progress.show(file, event);
    let outcomes = until_interrupted(staging.run(&told), &cancel).await?;
    progress.finish();
    tell(outcomes, arguments.json)
}

/// Cancels at a signal, and waits until what was begun is gone.
async fn until_interrupted(
    staging: impl Future<Output = Vec<Outcome>>,
    cancel: &CancellationToken,
) -> Result<Vec<Outcome>> {
    tokio::pin!(staging);
    tokio::select! {
        outcomes = &mut staging => return Ok(outcomes),
        interrupted = interrupted() => interrupted?,
    }
    note("cancelling");
    cancel.cancel();
    let stopped = tokio::time::timeout(GRACE, staging).await;
    stopped.map_err(|_| {
        let cause = "it was cancelled, and the store does not answer";
        Error::new(Kind::Cancelled, "stage", "the files", cause)
    })
}

/// A verdict for each file; the first failure is the command's own.
fn tell(outcomes: Vec<Outcome>, json: bool) -> Result<()> {
    if json {
        let told: Vec<_> = outcomes
            .iter()
            .map(|(file, outcome)| match outcome {
                Ok(staged) => json!(staged),
                Err(error) => json!({ "file": file, "error": error }),
            })
            .collect();
        print_json(&told)?;
    } else {
        let staged = outcomes
            .iter()
            .filter_map(|(_, outcome)| outcome.as_ref().ok());
        staged.for_each(|staged| line(verdict(staged)));
    }
    let mut failures = outcomes
        .into_iter()
        .filter_map(|(_, outcome)| outcome.err());
    let Some(first) = failures.next() else {
        return Ok(());
    };
    failures.for_each(|error| output::error(&error));
    Err(first)
}

fn verdict(staged: &Staged) -> String {
    let (file, bytes) = (&staged.file, HumanBytes(staged.bytes));
    if staged.unchanged {
        return format!("{file}: {bytes}, unchanged, skipped");
    }
    let parts = staged.outputs.iter().filter(|name| name.contains("/part-"));
    let made = match (parts.count(), staged.outputs.as_slice()) {
        (0, [only]) if only == file => String::new(),
        (0, outputs) => format!(", {}", outputs.join(", ")),
        (parts, _) => format!(", {parts} parts"),
    };
    let archived = match &staged.archived {
        Some(place) => format!(", archived as {place}"),
        None => String::new(),
    };
    format!(
        "{file}: {bytes}, staged{made}{archived}, sha256 {}",
        &staged.sha256
    )
}

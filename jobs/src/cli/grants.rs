//! `cinemill grants`: who may read and write which tables of a warehouse.

use std::path::PathBuf;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_jobs::warehouse::Warehouse;
use cinemill_jobs::warehouse::grants::{self, Change, GrantsFile};
use clap::{Args, Subcommand};
use tokio_util::sync::CancellationToken;

use super::output::{line, note};
use super::signals::interrupted;
use super::warehouse::TargetArguments;

#[derive(Debug, Args)]
pub struct GrantsArguments {
    #[command(subcommand)]
    verb: GrantsVerb,
}

#[derive(Debug, Subcommand)]
enum GrantsVerb {
    /// Print the statements that `apply` would execute.
    Diff(DiffArguments),
    /// Make the warehouse agree with the file, in one transaction.
    Apply(ApplyArguments),
}

#[derive(Debug, Args)]
struct DiffArguments {
    #[command(flatten)]
    grants: FileArguments,

    /// End with exit code 40 if there is a difference.
    #[arg(long)]
    check: bool,
}

#[derive(Debug, Args)]
struct ApplyArguments {
    #[command(flatten)]
    grants: FileArguments,
}

#[derive(Debug, Args)]
struct FileArguments {
    /// TOML file of groups, their members, and what they may read and write.
    file: PathBuf,

    #[command(flatten)]
    target: TargetArguments,
}

/// The file, the warehouse, and how they differ.
struct Compared {
    file: GrantsFile,
    warehouse: Box<dyn Warehouse>,
    changes: Vec<Change>,
}

impl FileArguments {
    async fn compare(&self) -> Result<Compared> {
        let target = self.target.target()?;
        let file = GrantsFile::read(&self.file)?;
        let mut warehouse = target.connect().await?;
        let changes = grants::plan(warehouse.as_mut(), &file).await?;
        Ok(Compared {
            file,
            warehouse,
            changes,
        })
    }
}

pub async fn grants(arguments: GrantsArguments) -> Result<()> {
    match arguments.verb {
        GrantsVerb::Diff(arguments) => diff(&arguments).await,
        GrantsVerb::Apply(arguments) => apply(&arguments).await,
    }
}

async fn diff(arguments: &DiffArguments) -> Result<()> {
    let changes = arguments.grants.compare().await?.changes;
    changes.iter().for_each(line);
    match changes.len() {
        0 => line("no differences"),
        count if arguments.check => {
            let file = arguments.grants.file.display();
            let cause = format!("the warehouse differs in {count} places");
            return Err(Error::new(Kind::Load, "check grants", file, cause)
                .hint("`cinemill grants apply` makes it agree"));
        }
        _ => {}
    }
    Ok(())
}

async fn apply(arguments: &ApplyArguments) -> Result<()> {
    let Compared {
        file,
        mut warehouse,
        changes,
    } = arguments.grants.compare().await?;
    if changes.is_empty() {
        line("no differences; nothing to do");
        return Ok(());
    }
    let cancel = CancellationToken::new();
    let applying = grants::apply(warehouse.as_mut(), &file, &changes, &cancel);
    tokio::pin!(applying);
    tokio::select! {
        done = &mut applying => done?,
        interrupted = interrupted() => {
            interrupted?;
            note("cancelling");
            cancel.cancel();
            applying.await?;
        }
    }
    changes.iter().for_each(line);
    Ok(())
}

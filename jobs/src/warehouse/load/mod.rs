//! A load: tables of a snapshot into tables of a warehouse, exactly once, all or none.

mod mode;
mod part;
mod script;

use std::collections::BTreeSet;
use std::time::Duration;

use cinemill_engine::error::{Error, Kind, Result};
use rand::Rng;
use tokio_util::sync::CancellationToken;

use super::design::Design;
use super::dialect::{Dialect, TableName};
use super::ledger::{self, LoadEntry, Noted};
use super::published::Published;
use super::redshift::CopyManifest;
use super::script::Script;
use super::table;
use super::target::Target;
use super::{Warehouse, cancelled};

pub use mode::Mode;
pub use part::{Part, Task};

/// What was in the tables before; a temporary table of a row for each.
pub const BEFORE: &str = "cinemill_before";
/// Where rows wait that are not all to be added as they are; a temporary table too.
const STAGE: &str = "cinemill_stage";
/// How often a load is tried that failed for a reason which may pass.
const ATTEMPTS_MAX: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// A load as it was asked for.
#[derive(Debug)]
pub struct Load<'a> {
    /// Of this load alone.
    pub id: String,
    pub published: &'a Published,
    /// The tables; at least one.
    pub parts: Vec<Part<'a>>,
    /// Make tables where there are none.
    pub create: bool,
    /// Add columns that a table does not have.
    pub evolve: bool,
    /// Load even what is in its table already.
    pub force: bool,
    /// The role with which Redshift reads the files: `default`, or its ARN.
    pub iam_role: &'a str,
    /// Who asks, for the ledger.
    pub client: &'a str,
    pub cancel: &'a CancellationToken,
}

/// What there is to do: for each part nothing, since the ledger has an entry of it, or a task.
enum Looked {
    Done(Box<LoadEntry>),
    ToDo(Task),
}

/// How a load ended.
#[derive(Debug)]
pub struct Loaded {
    /// In the order of the parts.
    pub tables: Vec<LoadedTable>,
    /// What went less well than it should, although the rows are there.
    pub warnings: Vec<String>,
}

#[derive(Debug)]
pub struct LoadedTable {
    pub entry: LoadEntry,
    /// The snapshot was in the table already; nothing was done.
    pub already: bool,
}

impl<'a> Load<'a> {
    /// Loads, and tries again what failed for a reason that may pass; `retrying` is told of that.
    /// The ledger decides whether there is anything left to do, so that a commit whose answer was
    /// lost is not done twice.
    ///
    /// # Errors
    /// `Load` where a table does not fit, a check failed or the warehouse refused: all tables are
    /// as before. `Retryable` where all tries failed. `Usage` and `Definition` before anything
    /// began.
    pub async fn run(&self, target: &Target, retrying: impl Fn(&Error)) -> Result<Loaded> {
        self.check_usage(target)?;
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            match self.attempt(target).await {
                Err(error) if may_pass(&error, attempt) => {
                    retrying(&error);
                    let jitter = rand::rng().random_range(0.5..1.5);
                    tokio::select! {
                        () = tokio::time::sleep(pause.mul_f64(jitter)) => {}
                        () = self.cancel.cancelled() => return Err(self.refused(cancelled())),
                    }
                    pause *= 2;
                }
                done => return done,
            }
        }
        Err(self.failed(Kind::Final, "there were no attempts"))
    }

    fn check_usage(&self, target: &Target) -> Result<()> {
        let is_redshift = !matches!(target, Target::Postgres(_));
        if is_redshift && self.published.table.location().is_local() {
            let cause = "Redshift reads files from S3 only, and these are on a local disk";
            let hint = "publish the table to s3://…, and load that";
            return Err(self.failed(Kind::Usage, cause).hint(hint));
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = self.parts.iter().find(|part| !names.insert(&part.table)) {
            let cause = format!("two tables of the job go into {}", twice.table);
            let hint = "give each a table of its own in job.toml, or load some with --tables";
            return Err(self.failed(Kind::Definition, &cause).hint(hint));
        }
        let dialect = match target {
            Target::Postgres(_) => Dialect::Postgres,
            _ => Dialect::Redshift,
        };
        let mut parts = self.parts.iter();
        parts.try_for_each(|part| part.check_usage(dialect))
    }

    async fn attempt(&self, target: &Target) -> Result<Loaded> {
        let looked = tokio::select! {
            looked = self.look(target) => looked?,
            () = self.cancel.cancelled() => return Err(self.refused(cancelled())),
        };
        let (mut warehouse, looked) = looked;
        let warehouse = warehouse.as_mut();
        let tasks = self.tasks(&looked);
        let mut warnings = Vec::new();
        let mut entries: Vec<Option<LoadEntry>> = looked.into_iter().map(Looked::entry).collect();
        if !tasks.is_empty() {
            let committed = self.transact(warehouse, &tasks).await;
            if let Err(error) = &committed
                && error.kind == Kind::Cancelled
            {
                return Err(self.refused(committed.err().unwrap_or_else(cancelled)));
            }
            let found = self.entries(warehouse, &tasks).await;
            self.judge(committed, found, &mut entries)?;
            warnings.extend(self.comment(warehouse, &tasks).await);
        }
        let tables = entries
            .into_iter()
            .flatten()
            .map(|entry| self.loaded(entry));
        Ok(Loaded {
            tables: tables.collect(),
            warnings,
        })
    }

    /// What became of a transaction, of which the ledger knows better than its answer: another
    /// loader was faster, or the answer was lost. Adds what was found to `entries`.
    fn judge(
        &self,
        committed: Result<()>,
        found: Result<Vec<Option<LoadEntry>>>,
        entries: &mut [Option<LoadEntry>],
    ) -> Result<()> {
        let found = match (committed, found) {
            (Ok(()), found) => found?,
            (Err(error), Ok(found)) if found.iter().any(Option::is_some) => {
                if found.iter().any(Option::is_none) && error.kind == Kind::Load {
                    let cause = "another load was faster with some of the tables";
                    return Err(self.failed(Kind::Retryable, cause));
                }
                found
            }
            (Err(error), _) => return Err(self.refused(error)),
        };
        let missing = entries.iter_mut().filter(|entry| entry.is_none());
        for (entry, found) in missing.zip(found) {
            *entry = Some(found.ok_or_else(|| self.no_entry())?);
        }
        Ok(())
    }

    /// Looks what there is to do; changes nothing but that it makes the ledger.
    async fn look(&self, target: &Target) -> Result<(Box<dyn Warehouse>, Vec<Looked>)> {
        let mut warehouse = target.connect().await?;
        ledger::prepare(warehouse.as_mut(), self.cancel).await?;
        let mut looked = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            looked.push(self.look_at(part, warehouse.as_mut()).await?);
        }
        Ok((warehouse, looked))
    }

    async fn look_at(&self, part: &Part<'_>, warehouse: &mut dyn Warehouse) -> Result<Looked> {
        let Some(columns) = table::columns(warehouse, &part.table).await? else {
            part.check_missing(warehouse, self.create).await?;
            return Ok(Looked::ToDo(Task {
                is_new: true,
                new_columns: 0,
            }));
        };
        if let Some(entry) = ledger::find(warehouse, &self.noted(part)).await? {
            return Ok(Looked::Done(Box::new(entry)));
        }
        let dialect = warehouse.dialect();
        let new_columns = part.compare(dialect, &columns, self.evolve).await?;
        Ok(Looked::ToDo(Task {
            is_new: false,
            new_columns,
        }))
    }

    fn tasks<'b>(&'b self, looked: &[Looked]) -> Vec<(&'b Part<'a>, Task)> {
        let parts = self.parts.iter().zip(looked);
        let tasks = parts.filter_map(|(part, looked)| match looked {
            Looked::Done(_) => None,
            Looked::ToDo(task) => Some((part, *task)),
        });
        tasks.collect()
    }

    async fn transact(
        &self,
        warehouse: &mut dyn Warehouse,
        tasks: &[(&Part<'a>, Task)],
    ) -> Result<()> {
        let dialect = warehouse.dialect();
        let mut manifests = Vec::new();
        if dialect == Dialect::Redshift {
            for (part, _) in tasks {
                manifests.push(CopyManifest::write(self.published, part.rows).await?);
            }
        }
        let places: Vec<&str> = manifests.iter().map(CopyManifest::url).collect();
        let script: Script<'_> = self.script(dialect, tasks, &places)?;
        let done = warehouse.transact(&script, self.cancel).await;
        let may_go_on = matches!(&done, Err(error) if error.kind == Kind::Retryable);
        for manifest in manifests.iter().filter(|_| !may_go_on) {
            if let Err(error) = manifest.remove().await {
                tracing::warn!(%error, "`cinemill gc` removes it");
            }
        }
        done
    }

    /// What the ledger knows of a part.
    pub fn noted<'b>(&'b self, part: &'b Part<'_>) -> Noted<'b> {
        Noted {
            id: &self.id,
            table: &part.table,
            mode: part.mode,
            published: self.published,
            rows: part.rows,
            client: self.client,
            forced: self.force,
        }
    }

    async fn entries(
        &self,
        warehouse: &mut dyn Warehouse,
        tasks: &[(&Part<'_>, Task)],
    ) -> Result<Vec<Option<LoadEntry>>> {
        let mut entries = Vec::with_capacity(tasks.len());
        for (part, _) in tasks {
            entries.push(ledger::find(warehouse, &self.noted(part)).await?);
        }
        Ok(entries)
    }

    fn loaded(&self, entry: LoadEntry) -> LoadedTable {
        LoadedTable {
            already: entry.id != self.id,
            entry,
        }
    }

    fn no_entry(&self) -> Error {
        let cause = "it was committed, but the ledger has no entry of it";
        self.failed(Kind::Final, cause)
            .hint("somebody changed cinemill.loads; load again with --force")
    }

    /// Comments do not belong to the load: a table without them serves as well. Tells what went
    /// wrong.
    async fn comment(
        &self,
        warehouse: &mut dyn Warehouse,
        tasks: &[(&Part<'_>, Task)],
    ) -> Option<String> {
        let new = tasks.iter().filter(|(_, task)| task.is_new);
        for (part, _) in new {
            if let Err(error) = part.comment(warehouse).await {
                return Some(error.to_string());
            }
        }
        None
    }

    /// The error of a transaction, as the failure of this load.
    fn refused(&self, error: Error) -> Error {
        let before = match self.parts.len() {
            1 => "the table is as before",
            _ => "all tables are as before",
        };
        let rolled_back = match error.kind {
            Kind::Load | Kind::Final => format!("; it was rolled back, {before}"),
            // It is about a file, and says which.
            Kind::Input => return error,
            _ => String::new(),
        };
        let mut refused = self.failed(error.kind, &format!("{}{rolled_back}", error.cause));
        refused.hint = error.hint;
        refused
    }

    fn failed(&self, kind: Kind, cause: &str) -> Error {
        Error::new(kind, "load", self.name(), cause)
    }

    /// For messages.
    fn name(&self) -> String {
        match self.parts.as_slice() {
            [part] => part.name(),
            parts => format!(
                "{} into {} tables",
                self.published.manifest.job,
                parts.len()
            ),
        }
    }

    fn designs(&self) -> Vec<(&TableName, Design<'a>)> {
        let parts = self.parts.iter();
        parts.map(|part| (&part.table, part.design)).collect()
    }

    /// All tables of the load.
    fn table_names(&self) -> BTreeSet<&TableName> {
        self.parts.iter().map(|part| &part.table).collect()
    }
}

impl Looked {
    fn entry(self) -> Option<LoadEntry> {
        match self {
            Self::Done(entry) => Some(*entry),
            Self::ToDo(_) => None,
        }
    }
}

/// Who could be reached once may come back.
fn may_pass(error: &Error, attempt: u32) -> bool {
    let passes = match error.kind {
        Kind::Retryable => true,
        Kind::Unreachable => attempt > 1,
        _ => false,
    };
    passes && attempt < ATTEMPTS_MAX
}

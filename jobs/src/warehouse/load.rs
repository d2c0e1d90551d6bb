//! A load: a snapshot into a table, exactly once.

use std::time::Duration;

use cinemill_engine::error::{Error, Kind, Result};
use rand::Rng;
use tokio_util::sync::CancellationToken;

use super::checks;
use super::compare::{Comparison, load_name};
use super::ddl::Declared;
use super::dialect::{Dialect, TableName, quote, quote_all};
use super::ledger::{self, LoadEntry, Noted};
use super::published::Published;
use super::redshift::CopyManifest;
use super::script::Script;
use super::table;
use super::target::Target;
use super::{Warehouse, cancelled};
use crate::job::JobDefinition;

/// What was in the table before; a temporary table of one row.
pub const BEFORE: &str = "cinemill_before";
/// Where rows wait that are not all to be added as they are; a temporary table too.
const STAGE: &str = "cinemill_stage";
/// How often a load is tried that failed for a reason which may pass.
const ATTEMPTS_MAX: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// What becomes of the rows that the table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// They go; the table has the snapshot's rows alone.
    Replace,
    /// They stay; the snapshot's rows are added, and none may have a key that is there.
    Append,
    /// They stay, but for those whose key the snapshot has: these are replaced.
    Merge,
    /// They stay; rows of the snapshot whose key is not there are added.
    AppendNew,
}

impl Mode {
    pub fn name(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Append => "append",
            Self::Merge => "merge",
            Self::AppendNew => "append_new",
        }
    }

    fn needs_key(self) -> bool {
        matches!(self, Self::Merge | Self::AppendNew)
    }
}

/// A load as it was asked for.
#[derive(Debug)]
pub struct Load<'a> {
    /// Of this load alone.
    pub id: String,
    pub published: &'a Published,
    pub job: &'a JobDefinition,
    pub table: TableName,
    pub mode: Mode,
    /// Make the table where there is none.
    pub create: bool,
    /// Add columns that the table does not have.
    pub evolve: bool,
    /// Load even what is in the table already.
    pub force: bool,
    /// The role with which Redshift reads the files: `default`, or its ARN.
    pub iam_role: &'a str,
    /// Who asks, for the ledger.
    pub client: &'a str,
    pub cancel: &'a CancellationToken,
}

/// What there is to do.
enum Looked {
    /// Nothing: this load is in the ledger.
    Done(Box<LoadEntry>),
    ToDo {
        warehouse: Box<dyn Warehouse>,
        is_new: bool,
        new_columns: usize,
    },
}

/// How a load ended.
#[derive(Debug)]
pub struct Loaded {
    pub entry: LoadEntry,
    /// The snapshot was in the table already; nothing was done.
    pub already: bool,
    /// What went less well than it should, although the rows are there.
    pub warnings: Vec<String>,
}

impl Load<'_> {
    /// Loads, and tries again what failed for a reason that may pass; `retrying` is told of that.
    /// The ledger decides whether there is anything left to do, so that a commit whose answer was
    /// lost is not done twice.
    ///
    /// # Errors
    /// `Load` where the table does not fit, a check failed or the warehouse refused: the table is
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
        Err(Error::new(
            Kind::Final,
            "load",
            self.name(),
            "there were no attempts",
        ))
    }

    fn check_usage(&self, target: &Target) -> Result<()> {
        let wrong = |kind, cause: &str| Error::new(kind, "load", self.name(), cause);
        let is_redshift = !matches!(target, Target::Postgres(_));
        if is_redshift && self.published.table.location().is_local() {
            let cause = "Redshift reads files from S3 only, and these are on a local disk";
            return Err(
                wrong(Kind::Usage, cause).hint("publish the table to s3://…, and load that")
            );
        }
        let max = match target {
            Target::Postgres(_) => Dialect::Postgres.name_bytes_max(),
            _ => Dialect::Redshift.name_bytes_max(),
        };
        let names = [&self.table.schema, &self.table.table].into_iter();
        let names = names.map(String::as_str).chain(self.published.names());
        if let Some(name) = names.into_iter().find(|name| name.len() > max) {
            let cause = format!("the name `{name}` is longer than {max} bytes");
            return Err(wrong(Kind::Usage, &cause).hint("the database would cut it off"));
        }
        if self.mode.needs_key() && self.job.key().is_empty() {
            let cause = format!(
                "the job declares no key, and {} goes by it",
                self.mode.name()
            );
            return Err(wrong(Kind::Definition, &cause).hint("add output.key to job.toml"));
        }
        Ok(())
    }

    async fn attempt(&self, target: &Target) -> Result<Loaded> {
        let looked = tokio::select! {
            looked = self.look(target) => looked?,
            () = self.cancel.cancelled() => return Err(self.refused(cancelled())),
        };
        let (mut warehouse, is_new, new_columns) = match looked {
            Looked::Done(entry) => return Ok(self.loaded(*entry)),
            Looked::ToDo {
                warehouse,
                is_new,
                new_columns,
            } => (warehouse, is_new, new_columns),
        };
        let warehouse = warehouse.as_mut();
        let mut loaded = match self.transact(warehouse, is_new, new_columns).await {
            Err(error) if error.kind == Kind::Cancelled => return Err(self.refused(error)),
            committed => match (committed, self.already(warehouse).await) {
                // Where the commit failed: another loader was faster, or the answer was lost.
                (_, Ok(Some(entry))) => self.loaded(entry),
                (Err(error), _) => return Err(self.refused(error)),
                (Ok(()), Err(error)) => return Err(error),
                (Ok(()), Ok(None)) => return Err(self.no_entry()),
            },
        };
        if is_new && let Err(error) = self.comment(warehouse).await {
            loaded.warnings.push(error.to_string());
        }
        Ok(loaded)
    }

    /// Looks what there is to do; changes nothing but that it makes the ledger.
    async fn look(&self, target: &Target) -> Result<Looked> {
        let mut warehouse = target.connect().await?;
        ledger::prepare(warehouse.as_mut(), self.cancel).await?;
        let columns = table::columns(warehouse.as_mut(), &self.table).await?;
        let new_columns = match &columns {
            None => self.check_missing(warehouse.as_mut()).await.map(|()| 0)?,
            Some(columns) => match self.already(warehouse.as_mut()).await? {
                Some(entry) => return Ok(Looked::Done(Box::new(entry))),
                None => self.compare(warehouse.dialect(), columns).await?,
            },
        };
        Ok(Looked::ToDo {
            warehouse,
            is_new: columns.is_none(),
            new_columns,
        })
    }

    async fn transact(
        &self,
        warehouse: &mut dyn Warehouse,
        is_new: bool,
        new_columns: usize,
    ) -> Result<()> {
        let dialect = warehouse.dialect();
        if dialect == Dialect::Postgres {
            let script = self.script(dialect, is_new, new_columns, None)?;
            return warehouse.transact(&script, self.cancel).await;
        }
        let manifest = CopyManifest::write(self.published).await?;
        let script = self.script(dialect, is_new, new_columns, Some(manifest.url()))?;
        let done = warehouse.transact(&script, self.cancel).await;
        let may_go_on = matches!(&done, Err(error) if error.kind == Kind::Retryable);
        if !may_go_on && let Err(error) = manifest.remove().await {
            tracing::warn!(%error, "`cinemill gc` removes it");
        }
        done
    }

    /// What the ledger knows of the load.
    pub fn noted(&self) -> Noted<'_> {
        Noted {
            id: &self.id,
            table: &self.table,
            mode: self.mode,
            published: self.published,
            client: self.client,
            forced: self.force,
        }
    }

    async fn already(&self, warehouse: &mut dyn Warehouse) -> Result<Option<LoadEntry>> {
        ledger::find(warehouse, &self.noted()).await
    }

    fn loaded(&self, entry: LoadEntry) -> Loaded {
        Loaded {
            already: entry.id != self.id,
            entry,
            warnings: Vec::new(),
        }
    }

    fn no_entry(&self) -> Error {
        let cause = "it was committed, but the ledger has no entry of it";
        Error::new(Kind::Final, "load", self.name(), cause)
            .hint("somebody changed cinemill.loads; load again with --force")
    }

    async fn compare(
        &self,
        dialect: Dialect,
        columns: &[super::table::TableColumn],
    ) -> Result<usize> {
        let key = self.job.key();
        let comparison = Comparison::new(dialect, self.published, key, columns).await?;
        comparison.check(self.published, &self.table, self.evolve)?;
        Ok(comparison.new_columns)
    }

    /// All that is done in one transaction.
    ///
    /// # Errors
    /// `Definition` and `Load` where the table cannot be made as declared.
    pub fn script(
        &self,
        dialect: Dialect,
        is_new: bool,
        new_columns: usize,
        copy_manifest: Option<&str>,
    ) -> Result<Script<'_>> {
        let mut script = Script {
            statements: Vec::new(),
            rows: Some(self.published),
        };
        script.work(ledger::lock(dialect, &self.table));
        let declared = Declared::new(dialect, &self.table, self.job, self.published)?;
        if is_new {
            script.work(declared.create()?);
        }
        script.check(ledger::guard(dialect, &self.noted()));
        for statement in declared.add_columns(new_columns)? {
            script.work(statement);
        }
        match self.mode {
            Mode::Replace => self.replace(&mut script, dialect, copy_manifest),
            Mode::Append | Mode::Merge | Mode::AppendNew => {
                self.add(&mut script, dialect, copy_manifest);
            }
        }
        for check in checks::expectations(dialect, &self.table, self.job) {
            script.check(check.sql);
        }
        if is_new {
            for statement in declared.indexes() {
                script.work(statement);
            }
        }
        script.work(ledger::note(dialect, &self.noted()));
        if dialect == Dialect::Postgres {
            // Redshift analyses tables by itself; PostgreSQL does too, but minutes later.
            script.work(format!("ANALYZE {}", self.table.sql()));
        }
        Ok(script)
    }

    fn replace(&self, script: &mut Script<'_>, dialect: Dialect, copy_manifest: Option<&str>) {
        let table = self.table.sql();
        let rows = self.published.manifest.rows;
        script.work(format!(
            "CREATE TEMP TABLE {BEFORE} AS\nSELECT CAST({rows} AS BIGINT) AS inserted_rows"
        ));
        script.work(format!("DELETE FROM {table}"));
        script.copy(self.copy(dialect, &table, copy_manifest));
        script.check(checks::same_rows(dialect, &table, self.published));
    }

    /// Adds rows by way of a table of their own, where they are checked first.
    fn add(&self, script: &mut Script<'_>, dialect: Dialect, copy_manifest: Option<&str>) {
        let table = self.table.sql();
        let key: Vec<&str> = self.job.key().iter().map(String::as_str).collect();
        script.work(format!(
            "CREATE TEMP TABLE {STAGE} (LIKE {table} INCLUDING DEFAULTS)"
        ));
        script.copy(self.copy(dialect, STAGE, copy_manifest));
        script.check(checks::same_rows(dialect, STAGE, self.published));
        if !key.is_empty() {
            script.check(checks::repeated_key(dialect, STAGE, &key));
        }
        if dialect == Dialect::Postgres {
            script.work(format!("ANALYZE {STAGE}"));
        }
        let inserted = match self.mode {
            Mode::Replace | Mode::Append => format!("(SELECT COUNT(*) FROM {STAGE})"),
            Mode::Merge | Mode::AppendNew => {
                let absent = self.absent(&key);
                format!("(SELECT COUNT(*) FROM {STAGE} AS s WHERE {absent})")
            }
        };
        script.work(format!(
            "CREATE TEMP TABLE {BEFORE} AS\nSELECT\n    {inserted} AS inserted_rows,\n    \
             (SELECT COUNT(*) FROM {table}) AS table_rows"
        ));
        script.work(match self.mode {
            Mode::Replace | Mode::Append => self.insert("TRUE"),
            Mode::AppendNew => self.insert(&self.absent(&key)),
            Mode::Merge => self.merge(&key),
        });
        script.check(rows_added(dialect, &table));
    }

    fn insert(&self, condition: &str) -> String {
        let (table, columns) = (self.table.sql(), quote_all(self.published.names()));
        let values: Vec<String> = self
            .published
            .names()
            .map(|c| format!("s.{}", quote(c)))
            .collect();
        format!(
            "INSERT INTO {table} ({columns})\nSELECT {}\nFROM {STAGE} AS s\nWHERE {condition}",
            values.join(", ")
        )
    }

    /// Whether the table has no row with the key of the stage's row `s`.
    fn absent(&self, key: &[&str]) -> String {
        let same: Vec<String> = key
            .iter()
            .map(|column| format!("t.{0} = s.{0}", quote(column)))
            .collect();
        format!(
            "NOT EXISTS (\n    SELECT 1 FROM {} AS t WHERE {}\n)",
            self.table.sql(),
            same.join(" AND ")
        )
    }

    /// Redshift's `MERGE` takes no alias for its target, and no query for its source.
    fn merge(&self, key: &[&str]) -> String {
        let (table, columns) = (self.table.sql(), quote_all(self.published.names()));
        let target = quote(&self.table.table);
        let same: Vec<String> = key
            .iter()
            .map(|column| format!("{target}.{0} = {STAGE}.{0}", quote(column)))
            .collect();
        let values: Vec<String> = self
            .published
            .names()
            .map(|column| format!("{STAGE}.{}", quote(column)))
            .collect();
        let others: Vec<&str> = self
            .published
            .names()
            .filter(|c| !key.contains(c))
            .collect();
        // A table of keys alone has nothing else to update.
        let updated = if others.is_empty() { key } else { &others };
        let updates: Vec<String> = updated
            .iter()
            .map(|column| format!("{0} = {STAGE}.{0}", quote(column)))
            .collect();
        format!(
            "MERGE INTO {table}\nUSING {STAGE}\nON {}\nWHEN MATCHED THEN UPDATE SET\n    {}\n\
             WHEN NOT MATCHED THEN INSERT ({columns})\nVALUES ({})",
            same.join(" AND "),
            updates.join(",\n    "),
            values.join(", ")
        )
    }

    fn copy(&self, dialect: Dialect, table: &str, copy_manifest: Option<&str>) -> String {
        match dialect {
            Dialect::Postgres => {
                let columns = quote_all(self.published.names());
                format!("COPY {table} ({columns}) FROM STDIN (FORMAT binary)")
            }
            Dialect::Redshift => {
                let place = dialect.string(copy_manifest.unwrap_or_default());
                let role = match self.iam_role {
                    "default" => "default".to_owned(),
                    arn => dialect.string(arn),
                };
                format!("COPY {table}\nFROM {place}\nIAM_ROLE {role}\nFORMAT AS PARQUET\nMANIFEST")
            }
        }
    }

    /// Comments do not belong to the load: a table without them serves as well.
    async fn comment(&self, warehouse: &mut dyn Warehouse) -> Result<()> {
        let dialect = warehouse.dialect();
        let declared = Declared::new(dialect, &self.table, self.job, self.published)?;
        for comments in declared.comments().chunks(super::redshift::STATEMENTS_MAX) {
            let mut script = Script::default();
            for comment in comments {
                script.work(comment);
            }
            // The rows are there; a cancellation comes too late.
            warehouse
                .transact(&script, &CancellationToken::new())
                .await?;
        }
        Ok(())
    }

    /// Whether it is fine that the table's columns are not to be seen.
    async fn check_missing(&self, warehouse: &mut dyn Warehouse) -> Result<()> {
        let TableName { schema, table } = &self.table;
        let wrong = |kind, cause| Error::new(kind, "load", self.name(), cause);
        if table::exist(warehouse, schema, &[table]).await? {
            let cause = "this user may neither read nor write the table; nothing was sent";
            return Err(
                wrong(Kind::Final, cause).hint("`cinemill grants` gives who loads its rights")
            );
        }
        if !self.create {
            let cause = "there is no such table; nothing was sent";
            let hint = "--create makes it as job.toml declares it";
            return Err(wrong(Kind::Load, cause).hint(hint));
        }
        Ok(())
    }

    /// The error of a transaction, as the failure of this load.
    fn refused(&self, error: Error) -> Error {
        let rolled_back = match error.kind {
            Kind::Load | Kind::Final => "; it was rolled back, the table is as before",
            // It is about a file, and says which.
            Kind::Input => return error,
            _ => "",
        };
        let cause = format!("{}{rolled_back}", error.cause);
        let mut refused = Error::new(error.kind, "load", self.name(), cause);
        refused.hint = error.hint;
        refused
    }

    fn name(&self) -> String {
        load_name(self.published, &self.table)
    }
}

/// The table has as many rows more as were new.
fn rows_added(dialect: Dialect, table: &str) -> String {
    let words = dialect.string("rows of the table: expected ");
    let found = dialect.string(", found ");
    format!(
        "SELECT CASE\n    WHEN a.table_rows <> b.table_rows + b.inserted_rows\n    \
         THEN {words} || CAST(b.table_rows + b.inserted_rows AS VARCHAR)\n        \
         || {found} || CAST(a.table_rows AS VARCHAR)\nEND\n\
         FROM (SELECT COUNT(*) AS table_rows FROM {table}) AS a\nCROSS JOIN {BEFORE} AS b"
    )
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

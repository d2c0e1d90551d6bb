//! One table of a load, and the statements that are about it alone.

use cinemill_engine::error::{Error, Kind, Result};
use tokio_util::sync::CancellationToken;

use super::{BEFORE, Mode, STAGE};
use crate::warehouse::Warehouse;
use crate::warehouse::checks;
use crate::warehouse::compare::{Comparison, load_name};
use crate::warehouse::ddl::Declared;
use crate::warehouse::design::Design;
use crate::warehouse::dialect::{Dialect, TableName, quote, quote_all};
use crate::warehouse::published::PublishedTable;
use crate::warehouse::redshift::STATEMENTS_MAX;
use crate::warehouse::script::Script;
use crate::warehouse::table::{self, TableColumn};

/// A table and what is to come into it.
#[derive(Debug)]
pub struct Part<'a> {
    pub rows: &'a PublishedTable,
    pub design: Design<'a>,
    pub table: TableName,
    pub mode: Mode,
    /// Where it is one of several, which one, from 1.
    pub number: Option<usize>,
}

/// What there is to do about a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Task {
    /// There is no such table yet.
    pub is_new: bool,
    /// How many of the data's last columns the table does not have yet.
    pub new_columns: usize,
}

impl<'a> Part<'a> {
    /// `imdb_titles into public.imdb_titles`.
    pub fn name(&self) -> String {
        load_name(self.rows, &self.table)
    }

    pub fn check_usage(&self, dialect: Dialect) -> Result<()> {
        let wrong = |kind, cause: &str| Error::new(kind, "load", self.name(), cause);
        let max = dialect.name_bytes_max();
        let names = [&self.table.schema, &self.table.table].into_iter();
        let mut names = names.map(String::as_str).chain(self.rows.names());
        if let Some(name) = names.find(|name| name.len() > max) {
            let cause = format!("the name `{name}` is longer than {max} bytes");
            return Err(wrong(Kind::Usage, &cause).hint("the database would cut it off"));
        }
        if self.mode.needs_key() && self.design.key().is_empty() {
            let mode = self.mode.name();
            let cause = format!("the job declares no key, and {mode} goes by it");
            return Err(wrong(Kind::Definition, &cause).hint("add output.key to job.toml"));
        }
        Ok(())
    }

    /// How many columns the table lacks.
    pub async fn compare(
        &self,
        dialect: Dialect,
        columns: &[TableColumn],
        evolve: bool,
    ) -> Result<usize> {
        let key = self.design.key();
        let comparison = Comparison::new(dialect, self.rows, key, columns).await?;
        comparison.check(self.rows, &self.table, evolve)?;
        Ok(comparison.new_columns)
    }

    /// Whether it is fine that the table's columns are not to be seen.
    pub async fn check_missing(&self, warehouse: &mut dyn Warehouse, create: bool) -> Result<()> {
        let TableName { schema, table } = &self.table;
        let wrong = |kind, cause| Error::new(kind, "load", self.name(), cause);
        if table::exist(warehouse, schema, &[table]).await? {
            let cause = "this user may neither read nor write the table; nothing was sent";
            return Err(
                wrong(Kind::Final, cause).hint("`cinemill grants` gives who loads its rights")
            );
        }
        if !create {
            let cause = "there is no such table; nothing was sent";
            let hint = "--create makes it as job.toml declares it";
            return Err(wrong(Kind::Load, cause).hint(hint));
        }
        Ok(())
    }

    pub fn declared(&self, dialect: Dialect) -> Result<Declared<'_>> {
        Declared::new(dialect, &self.table, self.design, self.rows)
    }

    /// A check whose words say which table it is about, where there are several.
    pub fn told(&self, dialect: Dialect, check: &str) -> String {
        if self.number.is_none() {
            return check.to_owned();
        }
        let words = dialect.string(&format!("{}: ", self.table));
        format!("SELECT {words} || (\n{check}\n)")
    }

    /// Where rows wait that are not all to be added as they are; a temporary table.
    pub fn stage(&self) -> String {
        match self.number {
            None => STAGE.to_owned(),
            Some(number) => format!("{STAGE}_{number}"),
        }
    }

    pub fn create_stage(&self) -> String {
        let (stage, table) = (self.stage(), self.table.sql());
        format!("CREATE TEMP TABLE {stage} (LIKE {table} INCLUDING DEFAULTS)")
    }

    /// Whether the stage has the rows of the snapshot, and no key twice.
    pub fn stage_checks(&self, dialect: Dialect) -> Vec<String> {
        let (stage, key) = (self.stage(), self.key());
        let mut checks = vec![checks::same_rows(dialect, &stage, self.rows)];
        if !key.is_empty() {
            checks.push(checks::repeated_key(dialect, &stage, &key));
        }
        checks
    }

    /// A row about the table as it is before: how many rows it has, and how many are new to it.
    pub fn before(&self, dialect: Dialect) -> String {
        let name = dialect.string(&self.table.to_string());
        let (stage, table) = (self.stage(), self.table.sql());
        let (inserted, before) = match self.mode {
            // They all go.
            Mode::Replace => (self.rows.rows.to_string(), "0".to_owned()),
            mode => {
                let new = match mode {
                    Mode::Merge | Mode::AppendNew => format!(" AS s WHERE {}", self.absent()),
                    Mode::Replace | Mode::Append => String::new(),
                };
                let inserted = format!("(SELECT COUNT(*) FROM {stage}{new})");
                (inserted, format!("(SELECT COUNT(*) FROM {table})"))
            }
        };
        format!(
            "SELECT\n    CAST({name} AS VARCHAR(256)) AS target_table,\n    \
             CAST({inserted} AS BIGINT) AS inserted_rows,\n    \
             CAST({before} AS BIGINT) AS table_rows"
        )
    }

    /// Adds the stage's rows to the table.
    pub fn add(&self) -> String {
        match self.mode {
            Mode::Replace | Mode::Append => self.insert("TRUE"),
            Mode::AppendNew => self.insert(&self.absent()),
            Mode::Merge => self.merge(),
        }
    }

    fn insert(&self, condition: &str) -> String {
        let (table, columns) = (self.table.sql(), quote_all(self.rows.names()));
        let values = self.rows.names().map(|c| format!("s.{}", quote(c)));
        format!(
            "INSERT INTO {table} ({columns})\nSELECT {}\nFROM {} AS s\nWHERE {condition}",
            values.collect::<Vec<_>>().join(", "),
            self.stage()
        )
    }

    /// Whether the table has no row with the key of the stage's row `s`.
    fn absent(&self) -> String {
        let same = self.key();
        let same = same
            .iter()
            .map(|column| format!("t.{0} = s.{0}", quote(column)));
        format!(
            "NOT EXISTS (\n    SELECT 1 FROM {} AS t WHERE {}\n)",
            self.table.sql(),
            same.collect::<Vec<_>>().join(" AND ")
        )
    }

    /// Redshift's `MERGE` takes no alias for its target, and no query for its source.
    fn merge(&self) -> String {
        let (table, stage, key) = (self.table.sql(), self.stage(), self.key());
        let (columns, target) = (quote_all(self.rows.names()), quote(&self.table.table));
        let same = key.iter();
        let same = same.map(|column| format!("{target}.{0} = {stage}.{0}", quote(column)));
        let values = self.rows.names();
        let values = values.map(|column| format!("{stage}.{}", quote(column)));
        let others: Vec<&str> = self.rows.names().filter(|c| !key.contains(c)).collect();
        // A table of keys alone has nothing else to update.
        let updated = if others.is_empty() { &key } else { &others };
        let updates = updated.iter();
        let updates = updates.map(|column| format!("{0} = {stage}.{0}", quote(column)));
        format!(
            "MERGE INTO {table}\nUSING {stage}\nON {}\nWHEN MATCHED THEN UPDATE SET\n    {}\n\
             WHEN NOT MATCHED THEN INSERT ({columns})\nVALUES ({})",
            same.collect::<Vec<_>>().join(" AND "),
            updates.collect::<Vec<_>>().join(",\n    "),
            values.collect::<Vec<_>>().join(", ")
        )
    }

    /// Brings the published rows into a table, the stage or the table itself.
    pub fn copy(&self, dialect: Dialect, into: &str, manifest: &str, iam_role: &str) -> String {
        match dialect {
            Dialect::Postgres => {
                let columns = quote_all(self.rows.names());
                format!("COPY {into} ({columns}) FROM STDIN (FORMAT binary)")
            }
            Dialect::Redshift => {
                let place = dialect.string(manifest);
                let role = match iam_role {
                    "default" => "default".to_owned(),
                    arn => dialect.string(arn),
                };
                format!("COPY {into}\nFROM {place}\nIAM_ROLE {role}\nFORMAT AS PARQUET\nMANIFEST")
            }
        }
    }

    /// Whether what came into the table is what was to come.
    pub fn arrival_check(&self, dialect: Dialect) -> String {
        let table = self.table.sql();
        match self.mode {
            Mode::Replace => checks::same_rows(dialect, &table, self.rows),
            _ => self.rows_added(dialect),
        }
    }

    /// The table has as many rows more as were new.
    fn rows_added(&self, dialect: Dialect) -> String {
        let (table, name) = (self.table.sql(), dialect.string(&self.table.to_string()));
        let words = dialect.string("rows of the table: expected ");
        let found = dialect.string(", found ");
        format!(
            "SELECT CASE\n    WHEN a.table_rows <> b.table_rows + b.inserted_rows\n    \
             THEN {words} || CAST(b.table_rows + b.inserted_rows AS VARCHAR)\n        \
             || {found} || CAST(a.table_rows AS VARCHAR)\nEND\n\
             FROM (SELECT COUNT(*) AS table_rows FROM {table}) AS a\nCROSS JOIN {BEFORE} AS b\n\
             WHERE b.target_table = {name}"
        )
    }

    /// Comments on the table and its columns.
    ///
    /// # Errors
    /// As [`Warehouse::transact`].
    pub async fn comment(&self, warehouse: &mut dyn Warehouse) -> Result<()> {
        let comments = self.declared(warehouse.dialect())?.comments();
        for comments in comments.chunks(STATEMENTS_MAX) {
            let mut script = Script::default();
            for comment in comments {
                script.work(comment);
            }
            // The rows are there; a cancellation comes too late.
            let never = CancellationToken::new();
            warehouse.transact(&script, &never).await?;
        }
        Ok(())
    }

    fn key(&self) -> Vec<&'a str> {
        self.design.key().iter().map(String::as_str).collect()
    }
}

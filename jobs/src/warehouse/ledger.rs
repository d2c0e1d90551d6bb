//! The ledger of loads: a table in the warehouse itself, so that a load and its entry are committed
//! together or not at all.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDateTime, Utc};
use cinemill_engine::error::{Error, Kind, Result};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::dialect::{Dialect, TableName};
use super::published::{Published, PublishedTable};
use super::script::Script;
use super::{Row, Warehouse, table};
use crate::warehouse::load::{BEFORE, Mode};

/// Where the ledger is.
pub const SCHEMA: &str = "cinemill";
const LOADS: &str = "cinemill.loads";
/// The table, and the view over it.
pub const PARTS: &[&str] = &["loads", "freshness"];
/// Redshift has no locks but those of tables; nobody reads this one.
const LOCK: &str = "cinemill.load_lock";

const TABLE: &str = "CREATE TABLE IF NOT EXISTS cinemill.loads (
    table_name VARCHAR(256) NOT NULL,
    load_number INTEGER NOT NULL,
    load_id VARCHAR(36) NOT NULL,
    mode VARCHAR(16) NOT NULL,
    job VARCHAR(256) NOT NULL,
    run_id VARCHAR(256) NOT NULL,
    source VARCHAR(2048) NOT NULL,
    published_at TIMESTAMP NOT NULL,
    loaded_rows BIGINT NOT NULL,
    inserted_rows BIGINT NOT NULL,
    table_rows BIGINT NOT NULL,
    loaded_bytes BIGINT NOT NULL,
    started_at TIMESTAMP NOT NULL,
    finished_at TIMESTAMP NOT NULL,
    database_user VARCHAR(256) NOT NULL,
    client VARCHAR(512) NOT NULL,
    forced BOOLEAN NOT NULL,
    PRIMARY KEY (table_name, load_number)
)";

const FRESHNESS: &str = "CREATE OR REPLACE VIEW cinemill.freshness AS
SELECT
    latest.table_name,
    latest.finished_at AS loaded_at,
    latest.published_at,
    latest.job,
    latest.run_id,
    latest.source,
    latest.mode,
    latest.loaded_rows,
    latest.table_rows
FROM cinemill.loads AS latest
INNER JOIN (
    SELECT
        table_name,
        MAX(load_number) AS load_number
    FROM cinemill.loads
    GROUP BY table_name
) AS newest
    ON latest.table_name = newest.table_name AND latest.load_number = newest.load_number";

const COLUMNS: &str = "table_name, load_number, load_id, mode, job, run_id, source, published_at, \
                       loaded_rows, inserted_rows, table_rows, loaded_bytes, started_at, \
                       finished_at, database_user, client, forced";

/// One load, as the ledger has it. Times are UTC.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoadEntry {
    pub table: String,
    /// Counts the loads into this table from 1.
    pub number: u64,
    pub id: String,
    pub mode: String,
    pub job: String,
    pub run_id: String,
    /// The manifest.
    pub source: String,
    pub published_at: DateTime<Utc>,
    /// Rows of the manifest, and how many of them were new to the table.
    pub rows: u64,
    pub inserted: u64,
    /// Rows of the table afterwards.
    pub table_rows: u64,
    pub bytes: u64,
    pub started_at: DateTime<Utc>,
    pub seconds: f64,
    pub database_user: String,
    pub client: String,
    pub forced: bool,
}

/// Makes the ledger where there is none.
///
/// # Errors
/// As [`Warehouse::transact`].
pub async fn prepare(warehouse: &mut dyn Warehouse, cancel: &CancellationToken) -> Result<()> {
    if exists(warehouse, PARTS).await? {
        return Ok(());
    }
    let mut script = Script::default();
    let dialect = warehouse.dialect();
    for statement in definition(dialect) {
        script.work(statement);
    }
    let made = warehouse.transact(&script, cancel).await;
    match &made {
        // Somebody else made it at the same time.
        Err(error) if error.kind == Kind::Load && exists(warehouse, PARTS).await? => Ok(()),
        _ => made,
    }
}

/// The statements that make the ledger.
pub fn definition(dialect: Dialect) -> Vec<String> {
    let mut statements = Vec::new();
    match dialect {
        // Two that come at once would otherwise trip over each other.
        Dialect::Postgres => statements.push(advisory_lock(SCHEMA)),
        Dialect::Redshift => {}
    }
    statements.push(format!("CREATE SCHEMA IF NOT EXISTS {SCHEMA}"));
    statements.push(TABLE.to_owned());
    if dialect == Dialect::Redshift {
        statements.push(format!(
            "CREATE TABLE IF NOT EXISTS {LOCK} (locked BOOLEAN)"
        ));
    }
    statements.push(FRESHNESS.to_owned());
    statements
}

async fn exists(warehouse: &mut dyn Warehouse, parts: &[&str]) -> Result<bool> {
    table::exist(warehouse, SCHEMA, parts).await
}

/// Holds up other loads into these tables until the transaction ends, and reads of nobody. Loads of
/// several tables take them in one order, so that none waits for another that waits for it.
pub fn locks(dialect: Dialect, tables: &BTreeSet<&TableName>) -> Vec<String> {
    match dialect {
        Dialect::Postgres => {
            let tables = tables.iter();
            tables
                .map(|table| advisory_lock(&table.to_string()))
                .collect()
        }
        Dialect::Redshift => vec![format!("LOCK {LOCK}")],
    }
}

fn advisory_lock(name: &str) -> String {
    let name = Dialect::Postgres.string(&format!("cinemill load: {name}"));
    format!("SELECT pg_advisory_xact_lock(hashtextextended({name}, 0))")
}

/// Notes a load of tables, a row for each; [`BEFORE`] tells how many rows each had before, and how
/// many are new.
pub fn note(dialect: Dialect, tables: &[Noted<'_>]) -> String {
    let rows: Vec<String> = tables.iter().map(|table| noted(dialect, table)).collect();
    format!(
        "INSERT INTO {LOADS} ({COLUMNS})\n{}",
        rows.join("\nUNION ALL\n")
    )
}

fn noted(dialect: Dialect, load: &Noted<'_>) -> String {
    let text = |text: &str| dialect.string(text);
    let Noted {
        id,
        table,
        mode,
        published,
        rows,
        client,
        forced,
    } = load;
    let manifest = &published.manifest;
    let (started, finished) = match dialect {
        Dialect::Postgres => (
            "CURRENT_TIMESTAMP AT TIME ZONE 'UTC'",
            "CLOCK_TIMESTAMP() AT TIME ZONE 'UTC'",
        ),
        // The end is known in whole seconds only, and shall not come before the start.
        Dialect::Redshift => ("DATE_TRUNC('second', SYSDATE)", "GETDATE()"),
    };
    format!(
        "SELECT\n    {name},\n    (\n        SELECT COALESCE(MAX(l.load_number), 0) + 1\n        \
         FROM {LOADS} AS l\n        WHERE l.table_name = {name}\n    ),\n    \
         {id},\n    {mode},\n    {job},\n    {run_id},\n    {source},\n    {published_at},\n    \
         {loaded},\n    b.inserted_rows,\n    (SELECT COUNT(*) FROM {sql}),\n    {bytes},\n    \
         {started},\n    {finished},\n    CURRENT_USER,\n    {client},\n    {forced}\n\
         FROM {BEFORE} AS b\nWHERE b.target_table = {name}",
        name = text(&table.to_string()),
        id = text(id),
        mode = text(mode.name()),
        job = text(&manifest.job),
        run_id = text(&manifest.run_id),
        source = text(&published.source()),
        published_at = published_at(published),
        loaded = rows.rows,
        bytes = rows.bytes,
        sql = table.sql(),
        client = text(client),
        forced = if *forced { "TRUE" } else { "FALSE" },
    )
}

/// What an entry says of the load of one table.
pub struct Noted<'a> {
    /// Of this load alone, in all its attempts.
    pub id: &'a str,
    pub table: &'a TableName,
    pub mode: Mode,
    pub published: &'a Published,
    pub rows: &'a PublishedTable,
    pub client: &'a str,
    pub forced: bool,
}

/// The snapshot's time as a literal.
fn published_at(published: &Published) -> String {
    let at = published.manifest.committed_at;
    format!("TIMESTAMP '{}'", at.format("%Y-%m-%d %H:%M:%S%.6f"))
}

/// A check that fails where there is nothing left to do.
pub fn guard(dialect: Dialect, load: &Noted<'_>) -> String {
    let entries = match load.forced {
        true => own_entry(dialect, load),
        false => entries_of_snapshot(dialect, load),
    };
    format!(
        "SELECT 'the snapshot is in the table already: load ' || CAST(MAX(l.load_number) AS VARCHAR)\n\
         {entries}"
    )
}

/// The entry that leaves nothing to do for a load: its own, or an earlier one's of the same
/// snapshot.
///
/// # Errors
/// As [`Warehouse::query`].
pub async fn find(warehouse: &mut dyn Warehouse, load: &Noted<'_>) -> Result<Option<LoadEntry>> {
    for query in find_queries(warehouse.dialect(), load) {
        if let Some(row) = warehouse.query(&query).await?.first() {
            return entry(row).map(Some);
        }
    }
    Ok(None)
}

/// Asks for that entry, one question after the other.
pub fn find_queries(dialect: Dialect, load: &Noted<'_>) -> Vec<String> {
    let mut entries = vec![own_entry(dialect, load)];
    if !load.forced {
        entries.push(entries_of_snapshot(dialect, load));
    }
    let columns = COLUMNS.replace(", ", ", l.");
    let ask =
        |entries| format!("SELECT l.{columns}\n{entries}\nORDER BY l.load_number DESC\nLIMIT 1");
    entries.into_iter().map(ask).collect()
}

fn own_entry(dialect: Dialect, load: &Noted<'_>) -> String {
    let [name, id] = [&load.table.to_string(), load.id].map(|text| dialect.string(text));
    format!("FROM {LOADS} AS l\nWHERE l.table_name = {name} AND l.load_id = {id}")
}

/// Replacing is needless if the snapshot was the last one that the table was replaced by and
/// nothing came after; adding is, if all of it came in since the table was replaced, and so is
/// adding new keys, if they did. Nothing is, if somebody emptied the table or made it anew.
fn entries_of_snapshot(dialect: Dialect, load: &Noted<'_>) -> String {
    let name = dialect.string(&load.table.to_string());
    let table = load.table.sql();
    let last = format!(
        "SELECT COALESCE(MAX(m.load_number), 0) FROM {LOADS} AS m\n        \
         WHERE m.table_name = {name}"
    );
    let added = format!(
        "l.load_number >= (\n        {last} AND m.mode = 'replace'\n    )\n    \
         AND EXISTS (SELECT 1 FROM {table})"
    );
    let since = match load.mode {
        Mode::Replace => format!(
            "l.mode = 'replace'\n    AND l.load_number = (\n        {last}\n    )\n    \
             AND l.table_rows = (SELECT COUNT(*) FROM {table})"
        ),
        Mode::Append | Mode::Merge => format!("l.mode <> 'append_new'\n    AND {added}"),
        Mode::AppendNew => added,
    };
    format!(
        "FROM {LOADS} AS l\nWHERE\n    l.table_name = {name}\n    AND l.job = {job}\n    \
         AND l.run_id = {run_id}\n    AND l.published_at = {at}\n    AND {since}",
        // A copy of the folder is the same snapshot.
        job = dialect.string(&load.published.manifest.job),
        run_id = dialect.string(&load.published.manifest.run_id),
        at = published_at(load.published),
    )
}

/// All loads, newest first; those of these tables where any are given.
///
/// # Errors
/// As [`Warehouse::query`].
pub async fn list(warehouse: &mut dyn Warehouse, tables: &[TableName]) -> Result<Vec<LoadEntry>> {
    if !exists(warehouse, &PARTS[..1]).await? {
        return Ok(Vec::new());
    }
    let query = list_query(warehouse.dialect(), tables);
    let rows = warehouse.query(&query).await?;
    rows.iter().map(entry).collect()
}

/// Asks for the loads.
pub fn list_query(dialect: Dialect, tables: &[TableName]) -> String {
    let names = tables
        .iter()
        .map(|table| dialect.string(&table.to_string()));
    let only = match names.collect::<Vec<_>>().as_slice() {
        [] => String::new(),
        [name] => format!("WHERE table_name = {name}\n"),
        names => format!("WHERE table_name IN ({})\n", names.join(", ")),
    };
    format!("SELECT {COLUMNS}\nFROM {LOADS}\n{only}ORDER BY finished_at DESC, load_number DESC")
}

fn entry(row: &Row) -> Result<LoadEntry> {
    read_entry(row).ok_or_else(|| {
        let cause = format!("an entry cannot be understood: {row:?}");
        Error::new(Kind::Final, "read", "the ledger of loads", cause)
    })
}

fn read_entry(row: &Row) -> Option<LoadEntry> {
    let text = |index: usize| row.get(index)?.clone();
    let number = |index: usize| text(index)?.parse::<u64>().ok();
    let started_at = time(&text(12)?)?;
    let seconds = (time(&text(13)?)? - started_at).as_seconds_f64();
    Some(LoadEntry {
        table: text(0)?,
        number: number(1)?,
        id: text(2)?,
        mode: text(3)?,
        job: text(4)?,
        run_id: text(5)?,
        source: text(6)?,
        published_at: time(&text(7)?)?,
        rows: number(8)?,
        inserted: number(9)?,
        table_rows: number(10)?,
        bytes: number(11)?,
        started_at,
        seconds,
        database_user: text(14)?,
        client: text(15)?,
        forced: text(16)?.starts_with('t'),
    })
}

fn time(text: &str) -> Option<DateTime<Utc>> {
    let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok()?;
    Some(time.and_utc())
}

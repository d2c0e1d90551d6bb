//! What a comparison found.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use serde::{Serialize, Serializer};
use serde_json::Value;

/// How long a cell may be where it is shown to people.
const CELL_CHARS_MAX: usize = 60;

/// What a run changed.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Difference {
    pub output: String,
    pub run: String,
    pub against: String,
    pub tables: Vec<TableDifference>,
    /// Runs whose snapshots are no longer kept, so that no rows could be compared.
    pub missing_files: Vec<String>,
}

/// What became of one table.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TableDifference {
    pub table: String,
    /// Empty where rows were compared as multisets.
    pub key: Vec<String>,
    /// Absent where the table was not there, or it is not known.
    pub rows_before: Option<u64>,
    pub rows_after: Option<u64>,
    pub columns: Vec<ColumnChange>,
    /// Absent where one of the snapshots does not have the table, or is no longer kept.
    pub rows: Option<RowChanges>,
    pub statistics: Vec<StatisticsChange>,
}

/// A column that came, went, or has another type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ColumnChange {
    pub column: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// How rows differ.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RowChanges {
    pub inserted: u64,
    pub deleted: u64,
    /// 0 in a table without a key: there a changed row is one less and one more.
    pub changed: u64,
    pub unchanged: u64,
    /// In how many of the changed rows each column has another value.
    pub changed_columns: BTreeMap<String, u64>,
    pub examples: Vec<Example>,
}

/// Columns with their values as texts, in order; in JSON an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row(pub Vec<(String, Option<String>)>);

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// One row that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Example {
    Inserted { row: Row },
    Deleted { row: Row },
    Changed { key: Row, cells: Vec<Cell> },
}

/// A cell that has another value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cell {
    pub column: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// A figure of a column that differs between the records of the runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StatisticsChange {
    pub column: String,
    pub figure: &'static str,
    pub before: Value,
    pub after: Value,
}

/// The columns that differ.
pub fn column_changes(
    before: &[(String, String)],
    after: &[(String, String)],
) -> Vec<ColumnChange> {
    let find = |columns: &[(String, String)], name: &str| {
        let found = columns.iter().find(|(column, _)| column == name);
        found.map(|(_, kind)| kind.clone())
    };
    let gone = before
        .iter()
        .filter(|(name, _)| find(after, name).is_none());
    let all = after.iter().chain(gone).map(|(name, _)| ColumnChange {
        column: name.clone(),
        before: find(before, name),
        after: find(after, name),
    });
    all.filter(|change| change.before != change.after).collect()
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: run {} against run {}",
            self.output, self.run, self.against
        )?;
        for run in &self.missing_files {
            writeln!(
                f,
                "the files of run {run} are gone (keep_snapshots in job.toml keeps them): statistics only"
            )?;
        }
        for table in &self.tables {
            write!(f, "{table}")?;
        }
        Ok(())
    }
}

impl fmt::Display for TableDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count =
            |rows: Option<u64>| rows.map_or_else(|| "none".to_owned(), |rows| rows.to_string());
        write!(
            f,
            "table {}: {} → {} rows",
            self.table,
            count(self.rows_before),
            count(self.rows_after)
        )?;
        if let Some(rows) = &self.rows {
            write!(
                f,
                ": {} inserted, {} deleted, ",
                rows.inserted, rows.deleted
            )?;
            if !self.key.is_empty() {
                write!(f, "{} changed, ", rows.changed)?;
            }
            write!(f, "{} unchanged", rows.unchanged)?;
        }
        writeln!(f)?;
        for change in &self.columns {
            match (&change.before, &change.after) {
                (None, Some(kind)) => writeln!(f, "  new column {} {kind}", change.column)?,
                (Some(kind), None) => writeln!(f, "  no more column {} {kind}", change.column)?,
                (before, after) => {
                    let (before, after) = (before.as_deref(), after.as_deref());
                    let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
                    writeln!(f, "  column {}: {before} → {after}", change.column)?;
                }
            }
        }
        match &self.rows {
            Some(rows) => write!(f, "{rows}"),
            None => {
                for change in &self.statistics {
                    let StatisticsChange {
                        column,
                        figure,
                        before,
                        after,
                    } = change;
                    writeln!(f, "  {column}: {figure} {before} → {after}")?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for RowChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.changed_columns.is_empty() {
            let columns = self.changed_columns.iter();
            let columns: Vec<String> = columns
                .map(|(name, rows)| format!("{name} {rows}"))
                .collect();
            writeln!(f, "  changed cells: {}", columns.join(", "))?;
        }
        for example in &self.examples {
            match example {
                Example::Inserted { row } => writeln!(f, "  + {}", cells(row))?,
                Example::Deleted { row } => writeln!(f, "  - {}", cells(row))?,
                Example::Changed {
                    key,
                    cells: changed,
                } => {
                    let mut text = String::new();
                    for Cell {
                        column,
                        before,
                        after,
                    } in changed
                    {
                        let gap = if text.is_empty() { "" } else { ", " };
                        let (before, after) = (shown(before.as_deref()), shown(after.as_deref()));
                        write!(text, "{gap}{column}: {before} → {after}")?;
                    }
                    writeln!(f, "  ~ {}: {text}", cells(key))?;
                }
            }
        }
        Ok(())
    }
}

fn cells(row: &Row) -> String {
    let cells = row
        .0
        .iter()
        .map(|(name, value)| format!("{name}={}", shown(value.as_deref())));
    cells.collect::<Vec<_>>().join(", ")
}

fn shown(value: Option<&str>) -> String {
    let Some(value) = value else {
        return "null".to_owned();
    };
    match value.char_indices().nth(CELL_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

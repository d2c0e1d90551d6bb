//! Whether a table can take a snapshot's rows: asked before anything is sent.

use cinemill_engine::error::{Error, Kind, Result};

use super::dialect::{Dialect, TableName};
use super::published::{PublishedTable, SourceColumn};
use super::table::TableColumn;
use super::types::SqlType;

/// What a comparison found.
#[derive(Debug, Default)]
pub struct Comparison {
    /// What does not fit, a line per column.
    pub mismatches: Vec<String>,
    /// How many of the data's last columns the table does not have yet.
    pub new_columns: usize,
}

impl Comparison {
    /// Compares by position: that is how rows are loaded.
    ///
    /// # Errors
    /// As reading the files fails, which is done only to name a text that is too long.
    pub async fn new(
        dialect: Dialect,
        rows: &PublishedTable,
        key: &[String],
        table: &[TableColumn],
    ) -> Result<Self> {
        let mut comparison = Self::default();
        let data = &rows.columns;
        for (index, (source, column)) in data.iter().zip(table).enumerate() {
            let mut found = mismatches(dialect, source, column);
            if found.is_empty()
                && let SqlType::Text { max: Some(max) } = column.sql_type
            {
                found.extend(too_long(dialect, rows, key, index, max).await?);
            }
            let position = index + 1;
            let lines = found
                .into_iter()
                .map(|cause| format!("column {position}: {cause}"));
            comparison.mismatches.extend(lines);
        }
        for (index, column) in table.iter().enumerate().skip(data.len()) {
            let (position, name) = (index + 1, &column.name);
            let line = format!("column {position}: the data has no `{name}`, which the table has");
            comparison.mismatches.push(line);
        }
        for (index, source) in data.iter().enumerate().skip(table.len()) {
            if let Err(cause) = type_of(dialect, source) {
                let position = index + 1;
                comparison
                    .mismatches
                    .push(format!("column {position}: {cause}"));
            }
        }
        comparison.new_columns = data.len().saturating_sub(table.len());
        Ok(comparison)
    }

    /// Fails where rows cannot be loaded; new columns are fine where they are to be `evolved`.
    pub fn check(&self, rows: &PublishedTable, table: &TableName, evolve: bool) -> Result<()> {
        let mut lines = self.mismatches.clone();
        let first_new = rows.columns.len() - self.new_columns;
        if !evolve {
            let new = rows.columns.iter().enumerate().skip(first_new);
            lines.extend(new.map(|(index, column)| {
                let (position, name) = (index + 1, &column.name);
                format!("column {position}: the table has no `{name}`, which the data has")
            }));
        }
        if lines.is_empty() {
            return Ok(());
        }
        let count = lines.len();
        let cause = format!(
            "the data does not fit the table ({count} mismatches); nothing was sent\n  {}",
            lines.join("\n  ")
        );
        let error = Error::new(Kind::Load, "load", load_name(rows, table), cause);
        Err(error.hint(match self.mismatches.is_empty() {
            true => "--evolve adds the new columns to the table",
            false => "change the table, or load into another one with --table; --create makes it",
        }))
    }
}

/// `imdb_titles into public.imdb_titles`.
pub fn load_name(rows: &PublishedTable, table: &TableName) -> String {
    format!("{} into {table}", rows.name)
}

/// The type that a column of the data is loaded into.
///
/// # Errors
/// In words, where there is none.
pub fn type_of(dialect: Dialect, source: &SourceColumn) -> Result<SqlType, String> {
    SqlType::of(&source.data_type, dialect).ok_or_else(|| {
        let (name, kind) = (&source.name, &source.data_type);
        format!("`{name}` is of type {kind}, which cannot be loaded; cast it in the job")
    })
}

fn mismatches(dialect: Dialect, source: &SourceColumn, column: &TableColumn) -> Vec<String> {
    let (name, in_table) = (&source.name, &column.name);
    let same_name = match dialect {
        Dialect::Postgres => name == in_table,
        // Redshift folds names.
        Dialect::Redshift => name.eq_ignore_ascii_case(in_table),
    };
    if !same_name {
        return vec![format!("the data has `{name}`, the table `{in_table}`")];
    }
    let mut found = Vec::new();
    match type_of(dialect, source) {
        Err(cause) => found.push(cause),
        Ok(data) if !column.sql_type.takes(&data) => found.push(format!(
            "`{name}` is {} in the data, but {} in the table",
            data.sql(dialect),
            column.sql_type.sql(dialect)
        )),
        Ok(_) => {}
    }
    let nulls = source.figures.nulls;
    if nulls > 0 && !column.nullable {
        found.push(format!(
            "`{name}` is NOT NULL in the table, but the data has {nulls} nulls"
        ));
    }
    found
}

/// A text that is longer than the column, if there is one.
async fn too_long(
    dialect: Dialect,
    rows: &PublishedTable,
    key: &[String],
    index: usize,
    max: u32,
) -> Result<Option<String>> {
    let source = &rows.columns[index];
    let longest = source.figures.max_bytes.unwrap_or(0);
    // No text has more characters than bytes.
    if longest <= u64::from(max) {
        return Ok(None);
    }
    let limit = max as usize;
    let is_too_long = |text: &str| match dialect {
        Dialect::Postgres => text.chars().count() > limit,
        Dialect::Redshift => text.len() > limit,
    };
    let found = rows.find_text(index, key, is_too_long).await?;
    Ok(found.map(|found| {
        let (name, row) = (&source.name, &found.row);
        let (bytes, characters) = (found.bytes, found.characters);
        match dialect {
            Dialect::Postgres => format!(
                "`{name}` holds up to {max} characters in the table, but has {characters} in {row}"
            ),
            Dialect::Redshift => format!(
                "`{name}` holds up to {max} bytes in the table, but has {bytes} in {row} \
                 (the longest has {longest})"
            ),
        }
    }))
}

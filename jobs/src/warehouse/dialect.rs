//! How the two kinds of warehouse write SQL, where they differ.

use std::fmt;

use cinemill_engine::error::{Error, Kind, Result};

/// Whose SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Postgres,
    Redshift,
}

impl Dialect {
    /// How many bytes of a name count.
    pub fn name_bytes_max(self) -> usize {
        match self {
            Self::Postgres => 63,
            Self::Redshift => 127,
        }
    }

    /// A text as a literal.
    pub fn string(self, text: &str) -> String {
        let text = text.replace('\'', "''");
        match self {
            Self::Postgres => format!("'{text}'"),
            // In Redshift a backslash escapes.
            Self::Redshift => format!("'{}'", text.replace('\\', "\\\\")),
        }
    }
}

/// A name of a column, table or group, as both dialects quote it.
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Quoted names with commas between them.
pub fn quote_all<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(quote).collect();
    names.join(", ")
}

/// A table of a warehouse.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    pub schema: String,
    pub table: String,
}

/// Where tables are that name no schema.
const DEFAULT_SCHEMA: &str = "public";

impl TableName {
    /// Reads `table` or `schema.table`.
    ///
    /// # Errors
    /// `Usage` for anything else.
    pub fn parse(text: &str) -> Result<Self> {
        let (schema, table) = text.split_once('.').unwrap_or((DEFAULT_SCHEMA, text));
        let is_temporary = schema.starts_with("pg_");
        if [schema, table].iter().all(|name| is_name(name)) && !is_temporary {
            return Ok(Self {
                schema: schema.to_owned(),
                table: table.to_owned(),
            });
        }
        let cause = "a table is `name` or `schema.name`, of letters, digits and `_`, in a schema \
                     that is not the database's own";
        Err(Error::new(Kind::Usage, "understand table", text, cause))
    }

    /// As it stands in SQL.
    pub fn sql(&self) -> String {
        format!("{}.{}", quote(&self.schema), quote(&self.table))
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

/// Whether a name needs no thought in any warehouse.
pub fn is_name(text: &str) -> bool {
    let mut characters = text.chars();
    let begins_well = characters
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    begins_well && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

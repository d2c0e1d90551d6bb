//! The statements that make and change tables.

use cinemill_engine::error::{Error, Kind, Result};

use super::compare::type_of;
use super::design::Design;
use super::dialect::{Dialect, TableName, quote, quote_all};
use super::published::{PublishedTable, SourceColumn};
use super::types::SqlType;
use crate::job::ColumnDefinition;

/// A table as `job.toml` declares it, for the columns that the data has.
pub struct Declared<'a> {
    dialect: Dialect,
    table: &'a TableName,
    design: Design<'a>,
    columns: &'a [SourceColumn],
}

impl<'a> Declared<'a> {
    /// # Errors
    /// `Definition` where `job.toml` names a column that the data does not have.
    pub fn new(
        dialect: Dialect,
        table: &'a TableName,
        design: Design<'a>,
        rows: &'a PublishedTable,
    ) -> Result<Self> {
        let load = design.load;
        let named = load.columns.keys().map(|name| ("columns", name));
        let named = named
            .chain(load.sort_key.iter().map(|name| ("sort_key", name)))
            .chain(load.dist_key.iter().map(|name| ("dist_key", name)));
        for (place, name) in named {
            if !rows.names().any(|column| column == name) {
                let cause = format!("load.{place}: {} has no column `{name}`", rows.name);
                let job = &design.job.name;
                return Err(Error::new(Kind::Definition, "read job", job, cause));
            }
        }
        Ok(Self {
            dialect,
            table,
            design,
            columns: &rows.columns,
        })
    }

    /// Makes the table unless it is there.
    ///
    /// # Errors
    /// `Load` where a column has a type that no warehouse has.
    pub fn create(&self) -> Result<String> {
        let mut lines = Vec::with_capacity(self.columns.len() + 1);
        for column in self.columns {
            lines.push(self.column(column)?);
        }
        let key = self.design.key();
        if !key.is_empty() {
            lines.push(format!("PRIMARY KEY ({})", self.names(key)));
        }
        let table = self.table.sql();
        let layout = match self.dialect {
            Dialect::Postgres => String::new(),
            Dialect::Redshift => self.layout(),
        };
        Ok(format!(
            "CREATE TABLE IF NOT EXISTS {table} (\n    {}\n){layout}",
            lines.join(",\n    ")
        ))
    }

    /// Adds the last `count` columns of the data to the table.
    ///
    /// # Errors
    /// As [`Declared::create`].
    pub fn add_columns(&self, count: usize) -> Result<Vec<String>> {
        let new = &self.columns[self.columns.len() - count..];
        let add = |column| {
            let column = self.column(column)?;
            Ok(format!(
                "ALTER TABLE {} ADD COLUMN {column}",
                self.table.sql()
            ))
        };
        new.iter().map(add).collect()
    }

    /// What makes the job's questions fast in PostgreSQL; Redshift has sort keys instead.
    pub fn indexes(&self) -> Vec<String> {
        if self.dialect == Dialect::Redshift {
            return Vec::new();
        }
        let TableName { table, .. } = self.table;
        let indexes = self.design.load.indexes.iter().enumerate();
        indexes
            .map(|(number, columns)| {
                let name = quote(&format!("{table}_{}", number + 1));
                let table = self.table.sql();
                format!("CREATE INDEX IF NOT EXISTS {name} ON {table} ({columns})")
            })
            .collect()
    }

    /// The comments of the table and its columns.
    pub fn comments(&self) -> Vec<String> {
        let table = self.table.sql();
        let text = |text: &str| self.dialect.string(text);
        let mut comments = Vec::new();
        if let Some(description) = self.design.description() {
            let comment = text(description);
            comments.push(format!("COMMENT ON TABLE {table} IS {comment}"));
        }
        let declared = self.design.load.columns.iter();
        comments.extend(declared.filter_map(|(name, column)| {
            let (name, comment) = (quote(name), text(column.comment.as_deref()?));
            Some(format!("COMMENT ON COLUMN {table}.{name} IS {comment}"))
        }));
        comments
    }

    fn column(&self, source: &SourceColumn) -> Result<String> {
        let wrong = |cause: String| Error::new(Kind::Load, "create table", self.table, cause);
        let none = ColumnDefinition::default();
        let declared = self.design.load.columns.get(&source.name).unwrap_or(&none);
        let mut sql_type = type_of(self.dialect, source).map_err(wrong)?;
        if let (SqlType::Text { max }, Dialect::Redshift) = (&mut sql_type, self.dialect) {
            *max = declared.bytes;
        }
        let mut line = format!("{} {}", quote(&source.name), sql_type.sql(self.dialect));
        if self.design.key().contains(&source.name) {
            line.push_str(" NOT NULL");
        }
        if let (Some(encoding), Dialect::Redshift) = (&declared.encode, self.dialect) {
            line.push_str(" ENCODE ");
            line.push_str(encoding);
        }
        Ok(line)
    }

    fn layout(&self) -> String {
        let load = self.design.load;
        let mut layout = match &load.dist_key {
            Some(column) => format!("\nDISTSTYLE KEY DISTKEY ({})", quote(column)),
            None => "\nDISTSTYLE AUTO".to_owned(),
        };
        layout.push_str(&match load.sort_key.as_slice() {
            [] => "\nSORTKEY AUTO".to_owned(),
            columns => format!("\nCOMPOUND SORTKEY ({})", self.names(columns)),
        });
        layout
    }

    fn names(&self, names: &[String]) -> String {
        quote_all(names.iter().map(String::as_str))
    }
}

//! Statements that belong into one transaction.

use crate::warehouse::published::PublishedTable;

/// A transaction in the making.
#[derive(Debug, Default)]
pub struct Script<'a> {
    pub statements: Vec<Statement<'a>>,
}

#[derive(Debug, Clone)]
pub struct Statement<'a> {
    pub purpose: Purpose<'a>,
    pub sql: String,
}

#[derive(Debug, Clone, Copy)]
pub enum Purpose<'a> {
    /// Changes something.
    Work,
    /// Brings published rows in. Redshift reads them from the store itself; PostgreSQL is sent
    /// them.
    Copy(&'a PublishedTable),
    /// A query of one row and one column, which is null if all is well, and else says what is not.
    Check,
}

impl<'a> Script<'a> {
    pub fn work(&mut self, sql: impl Into<String>) {
        self.push(Purpose::Work, sql.into());
    }

    pub fn copy(&mut self, rows: &'a PublishedTable, sql: impl Into<String>) {
        self.push(Purpose::Copy(rows), sql.into());
    }

    pub fn check(&mut self, sql: impl Into<String>) {
        self.push(Purpose::Check, sql.into());
    }

    fn push(&mut self, purpose: Purpose<'a>, sql: String) {
        self.statements.push(Statement { purpose, sql });
    }
}

impl Statement<'_> {
    pub fn is_check(&self) -> bool {
        matches!(self.purpose, Purpose::Check)
    }
}

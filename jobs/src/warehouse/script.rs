//! Statements that belong into one transaction.

use crate::warehouse::published::Published;

/// A transaction in the making.
#[derive(Debug, Default)]
pub struct Script<'a> {
    pub statements: Vec<Statement>,
    /// What the copy statement copies.
    pub rows: Option<&'a Published>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub purpose: Purpose,
    pub sql: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// Changes something.
    Work,
    /// Brings the published rows in. Redshift reads them from the store itself; PostgreSQL is sent
    /// them.
    Copy,
    /// A query of one row and one column, which is null if all is well, and else says what is not.
    Check,
}

impl Script<'_> {
    pub fn work(&mut self, sql: impl Into<String>) {
        self.push(Purpose::Work, sql.into());
    }

    pub fn copy(&mut self, sql: impl Into<String>) {
        self.push(Purpose::Copy, sql.into());
    }

    pub fn check(&mut self, sql: impl Into<String>) {
        self.push(Purpose::Check, sql.into());
    }

    fn push(&mut self, purpose: Purpose, sql: String) {
        self.statements.push(Statement { purpose, sql });
    }
}

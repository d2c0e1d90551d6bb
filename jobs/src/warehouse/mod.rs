//! Warehouses: loading published tables into PostgreSQL and Redshift, and what people do with them
//! there. This is the only door to a warehouse.
//!
//! A load is a script of statements ([`script`]) that a [`Warehouse`] executes in one transaction:
//! PostgreSQL over its wire protocol, Redshift over the same or through its Data API.

pub mod checks;
pub mod compare;
pub mod ddl;
pub mod design;
pub mod dialect;
mod expectation;
pub mod grants;
pub mod ledger;
pub mod load;
pub mod postgres;
pub mod published;
pub mod redshift;
pub mod script;
pub mod table;
pub mod target;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
pub mod types;
pub mod validate;

use async_trait::async_trait;
use cinemill_engine::error::{Error, Kind, Result};
use tokio_util::sync::CancellationToken;

use dialect::Dialect;
use script::Script;

/// One row of an answer: values in the warehouse's own text form, `None` for null.
pub type Row = Vec<Option<String>>;

/// A database that statements can be sent to.
#[async_trait]
pub trait Warehouse: Send {
    fn dialect(&self) -> Dialect;

    /// The rows of one query, outside of any transaction.
    ///
    /// # Errors
    /// `Unreachable` or `Retryable` where the connection failed, `Load` where the warehouse refused
    /// the statement, `Final` where this user may not.
    async fn query(&mut self, sql: &str) -> Result<Vec<Row>>;

    /// Executes all statements in one transaction.
    ///
    /// # Errors
    /// As [`Warehouse::query`]; `Load` too where a check found something, and `Cancelled`. Nothing
    /// is changed then, unless the error is `Retryable`: the commit itself may have been on its
    /// way.
    async fn transact(&mut self, script: &Script<'_>, cancel: &CancellationToken) -> Result<()>;
}

fn cancelled() -> Error {
    let cause = "it was cancelled; what was begun is rolled back";
    Error::new(Kind::Cancelled, "finish", "the transaction", cause)
}

//! The checks alone: whether a table still is what its last load left, and what its job expects.

use cinemill_engine::error::Result;

use super::Warehouse;
use super::checks::{self, Check};
use super::dialect::{Dialect, TableName};
use super::ledger::LoadEntry;
use crate::job::JobDefinition;

/// A check and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    pub check: String,
    /// What is wrong; `None` where all is well.
    pub problem: Option<String>,
}

/// Runs all checks, each by itself, so that one that fails hides no other.
///
/// # Errors
/// As [`Warehouse::query`].
pub async fn validate(
    warehouse: &mut dyn Warehouse,
    table: &TableName,
    job: &JobDefinition,
    latest: &LoadEntry,
) -> Result<Vec<Finding>> {
    let dialect = warehouse.dialect();
    let mut all = vec![rows(dialect, table, latest)];
    all.extend(checks::expectations(dialect, table, job));
    let mut findings = Vec::with_capacity(all.len());
    for check in all {
        let rows = warehouse.query(&check.sql).await?;
        let problem = rows
            .into_iter()
            .next()
            .and_then(|row| row.into_iter().next());
        findings.push(Finding {
            check: check.name,
            problem: problem.flatten(),
        });
    }
    Ok(findings)
}

/// Nobody but the loader changed the number of rows.
fn rows(dialect: Dialect, table: &TableName, latest: &LoadEntry) -> Check {
    let (rows, number) = (latest.table_rows, latest.number);
    let words = dialect.string(&format!(
        "load {number} left {rows} rows, but now there are "
    ));
    Check {
        name: format!("as many rows as load {number} left"),
        sql: format!(
            "SELECT CASE\n    WHEN f.n <> {rows} THEN {words} || CAST(f.n AS VARCHAR)\nEND\n\
             FROM (SELECT COUNT(*) AS n FROM {}) AS f",
            table.sql()
        ),
    }
}

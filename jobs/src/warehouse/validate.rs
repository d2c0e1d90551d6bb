//! The checks alone: whether a table still is what its last load left, and what its job expects.

use cinemill_engine::error::Result;

use super::Warehouse;
use super::checks::{self, Check};
use super::design::Design;
use super::dialect::{Dialect, TableName};
use super::ledger::LoadEntry;

/// A check and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// `None` where it is about several.
    pub table: Option<String>,
    pub check: String,
    /// What is wrong; `None` where all is well.
    pub problem: Option<String>,
}

/// A table that is looked at.
#[derive(Debug)]
pub struct Validated<'a> {
    pub table: TableName,
    pub design: Design<'a>,
    pub latest: &'a LoadEntry,
}

/// Runs all checks, each by itself, so that one that fails hides no other.
///
/// # Errors
/// As [`Warehouse::query`].
pub async fn validate(
    warehouse: &mut dyn Warehouse,
    tables: &[Validated<'_>],
) -> Result<Vec<Finding>> {
    let dialect = warehouse.dialect();
    let mut findings = Vec::new();
    for each in tables {
        let mut checks = vec![rows(dialect, &each.table, each.latest)];
        checks.extend(checks::expectations(dialect, &each.table, each.design));
        let table = each.table.to_string();
        for check in checks {
            findings.push(find(warehouse, Some(&table), check).await?);
        }
    }
    let tables: Vec<_> = tables
        .iter()
        .map(|each| (&each.table, each.design))
        .collect();
    for check in checks::references(dialect, &tables) {
        // Its name says which tables it is about.
        findings.push(find(warehouse, None, check).await?);
    }
    Ok(findings)
}

async fn find(warehouse: &mut dyn Warehouse, table: Option<&str>, check: Check) -> Result<Finding> {
    let rows = warehouse.query(&check.sql).await?;
    let first = rows.into_iter().next();
    Ok(Finding {
        table: table.map(str::to_owned),
        check: check.name,
        problem: first.and_then(|row| row.into_iter().next()).flatten(),
    })
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

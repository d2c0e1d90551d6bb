//! `[load]`: what a job's tables are like in a warehouse.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::warehouse::dialect::{TableName, is_name};
use crate::warehouse::load::Mode;
use crate::warehouse::types::TEXT_BYTES_MAX;

/// The table in a warehouse.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoadDefinition {
    /// `schema.table`; the job's name in the schema `public` where not given.
    pub table: Option<String>,
    /// What becomes of the rows that the table has, unless the load says otherwise.
    pub mode: Option<Mode>,
    /// The table in a line, for the warehouse; the job's description where it has one table.
    pub comment: Option<String>,
    /// Redshift: the column by whose values rows are spread over the slices.
    pub dist_key: Option<String>,
    /// Redshift: the columns by which rows are kept sorted.
    pub sort_key: Vec<String>,
    /// PostgreSQL: what stands between the parentheses of `CREATE INDEX`, for each index.
    pub indexes: Vec<String>,
    pub columns: BTreeMap<String, ColumnDefinition>,
    /// Where a job has several tables: each by its name.
    pub tables: BTreeMap<String, LoadDefinition>,
}

/// What `CREATE TABLE` says of a column, beyond its type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ColumnDefinition {
    /// Redshift: how many bytes a text may have.
    pub bytes: Option<u32>,
    /// Redshift: how the column is compressed.
    pub encode: Option<String>,
    pub comment: Option<String>,
}

impl LoadDefinition {
    pub(super) fn check(&self) -> Result<(), String> {
        if let Some(table) = &self.table {
            TableName::parse(table).map_err(|error| format!("load.table: {}", error.cause))?;
        }
        for (name, table) in &self.tables {
            let nested = table.tables.is_empty();
            let checked = table
                .check()
                .map_err(|cause| format!("load.tables.{name}: {cause}"));
            checked.and(
                nested
                    .then_some(())
                    .ok_or("load: tables have no tables".to_owned()),
            )?;
        }
        for (name, column) in &self.columns {
            let place = format!("load.columns.{name}");
            if !column
                .bytes
                .is_none_or(|bytes| (1..=TEXT_BYTES_MAX).contains(&bytes))
            {
                return Err(format!("{place}.bytes: it is from 1 to {TEXT_BYTES_MAX}"));
            }
            // It becomes a part of a statement as it is.
            if !column.encode.as_deref().is_none_or(is_name) {
                return Err(format!("{place}.encode: an encoding is one word"));
            }
        }
        Ok(())
    }
}

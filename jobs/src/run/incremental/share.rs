//! A share of a job's records: those of some buckets of the table's key.

use std::collections::BTreeMap;
use std::sync::Arc;

use cinemill_engine::buckets::{self, BucketSet};
use cinemill_engine::error::{Error, Result};
use datafusion::catalog::TableProvider;
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, ident, lit};

use crate::job::{Dependence, JobDefinition};

/// Some of the rows of a table, by their keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Share {
    /// Those in a set of buckets.
    Changed(BucketSet),
    /// Those in one of several buckets.
    Chunk { index: u32, chunks: u32 },
    /// Of each input the records in a set of buckets of its own column, whatever depends on them.
    Records(BTreeMap<String, BucketSet>),
}

impl Share {
    /// Whether the value of a key is in it.
    pub fn has(&self, key: Expr) -> Expr {
        match self {
            Self::Changed(set) => buckets::is_in(key, set),
            // The records tell nothing of rows.
            Self::Records(_) => lit(true),
            Self::Chunk { index, chunks } => {
                buckets::bucket(key, *chunks).eq(lit(index.cast_signed()))
            }
        }
    }

    /// The records of an input that belong to it; all where they cannot be told apart.
    pub fn of_input(
        &self,
        job: &JobDefinition,
        input: &str,
        table: Arc<dyn TableProvider>,
    ) -> Result<Arc<dyn TableProvider>> {
        let condition = match (self, job.incremental.get(input)) {
            (Self::Records(sets), Some(dependence)) => match sets.get(input) {
                Some(set) if set.is_empty() => {
                    return Ok(Arc::new(EmptyTable::new(table.schema())));
                }
                Some(set) => buckets::is_in(ident(dependence.column()), set),
                None => return Ok(table),
            },
            (Self::Changed(_) | Self::Chunk { .. }, Some(Dependence::Column(column))) => {
                self.has(ident(column))
            }
            _ => return Ok(table),
        };
        let filtered = LogicalPlanBuilder::scan(input, provider_as_source(table), None)
            .and_then(|scan| scan.filter(condition))
            .and_then(LogicalPlanBuilder::build)
            .map_err(|cause| Error::from_datafusion(&cause, "plan input", input))?;
        Ok(Arc::new(ViewTable::new(filtered, None)))
    }
}

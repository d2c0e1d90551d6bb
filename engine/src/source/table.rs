//! A text input as a table.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{RecordBatch, UInt32Array, UInt64Array};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::scan::TextScanExec;
use super::spec::{Split, TextSpec};
use super::splits::splits;

/// An input whose files have been looked at. Filters and limits stay with the plan.
#[derive(Debug, Clone)]
pub struct TextTable {
    spec: Arc<TextSpec>,
    schema: SchemaRef,
    target_partitions: usize,
    split_bytes_max: u64,
}

impl TextTable {
    /// A table that is read by at most `target_partitions` partitions, in ranges of at most
    /// `split_bytes_max` bytes where files can be cut.
    pub fn new(spec: Arc<TextSpec>, target_partitions: usize, split_bytes_max: u64) -> Self {
        let schema = spec.schema();
        Self {
            spec,
            schema,
            target_partitions,
            split_bytes_max,
        }
    }

    pub fn spec(&self) -> &Arc<TextSpec> {
        &self.spec
    }
}

#[async_trait]
impl TableProvider for TextTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let groups = splits(&self.spec, self.target_partitions, self.split_bytes_max);
        let child = splits_exec(&groups)?;
        let projection = match projection {
            Some(columns) => columns.clone(),
            None => (0..self.spec.columns.len()).collect(),
        };
        Ok(Arc::new(TextScanExec::new(
            Arc::clone(&self.spec),
            projection,
            child,
        )?))
    }
}

/// The schema of ranges as rows: `file`, `start`, `end`.
fn splits_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("file", DataType::UInt32, false),
        Field::new("start", DataType::UInt64, false),
        Field::new("end", DataType::UInt64, false),
    ]))
}

/// Ranges as the rows of an in-memory source, one partition per group and at least one: the child
/// of a [`TextScanExec`].
///
/// # Errors
/// None in practice; the in-memory source may refuse its batches.
pub fn splits_exec(groups: &[Vec<Split>]) -> Result<Arc<dyn ExecutionPlan>> {
    let schema = splits_schema();
    let mut partitions = Vec::with_capacity(groups.len().max(1));
    for group in groups {
        let files: UInt32Array = group.iter().map(|split| Some(split.file)).collect();
        let starts: UInt64Array = group.iter().map(|split| Some(split.start)).collect();
        let ends: UInt64Array = group.iter().map(|split| Some(split.end)).collect();
        let columns = vec![
            Arc::new(files) as _,
            Arc::new(starts) as _,
            Arc::new(ends) as _,
        ];
        partitions.push(vec![RecordBatch::try_new(Arc::clone(&schema), columns)?]);
    }
    if partitions.is_empty() {
        partitions.push(Vec::new());
    }
    Ok(MemorySourceConfig::try_new_exec(&partitions, schema, None)?)
}

/// The ranges in a batch of such rows; `None` if it has another schema.
pub(super) fn splits_of(batch: &RecordBatch) -> Option<Vec<Split>> {
    let files: &UInt32Array = batch.column_by_name("file")?.as_any().downcast_ref()?;
    let starts: &UInt64Array = batch.column_by_name("start")?.as_any().downcast_ref()?;
    let ends: &UInt64Array = batch.column_by_name("end")?.as_any().downcast_ref()?;
    let split = |row: usize| Split {
        file: files.value(row),
        start: starts.value(row),
        end: ends.value(row),
    };
    Some((0..batch.num_rows()).map(split).collect())
}

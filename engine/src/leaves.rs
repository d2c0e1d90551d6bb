//! Leaves without data as sources of rows in memory.
//!
//! A task on an executor has a slice of its stage's plan. Ballista slices an empty leaf, or that of
//! a single row, into one of another kind where the task has nothing to do with it, and the tasks of
//! the stage then tell metrics of different numbers of operators: the scheduler refuses them, and
//! the job never ends. Sources in memory stay what they are.

use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, RecordBatchOptions, new_null_array};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::ScalarValue;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

/// Puts sources in memory in the places of [`EmptyExec`] and [`PlaceholderRowExec`].
#[derive(Debug)]
pub struct LeavesInMemory;

impl PhysicalOptimizerRule for LeavesInMemory {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let partitions = node.output_partitioning().partition_count();
            if node.is::<EmptyExec>() {
                return Ok(Transformed::yes(source(
                    &vec![vec![]; partitions],
                    node.schema(),
                )?));
            }
            if node.is::<PlaceholderRowExec>() {
                let row = row_of_nulls(&node.schema())?;
                return Ok(Transformed::yes(source(
                    &vec![vec![row]; partitions],
                    node.schema(),
                )?));
            }
            Ok(Transformed::no(node))
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "leaves_in_memory"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn source(partitions: &[Vec<RecordBatch>], schema: SchemaRef) -> Result<Arc<dyn ExecutionPlan>> {
    Ok(MemorySourceConfig::try_new_exec(partitions, schema, None)?)
}

/// A row as [`PlaceholderRowExec`] gives one, of the schema that it declares.
fn row_of_nulls(schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = schema.fields().iter();
    let columns = columns.map(|field| match field.is_nullable() {
        true => Ok(new_null_array(field.data_type(), 1)),
        // Nobody reads the values of such a row.
        false => ScalarValue::new_default(field.data_type())?.to_array(),
    });
    let one_row = RecordBatchOptions::new().with_row_count(Some(1));
    Ok(RecordBatch::try_new_with_options(
        schema.clone(),
        columns.collect::<Result<_>>()?,
        &one_row,
    )?)
}

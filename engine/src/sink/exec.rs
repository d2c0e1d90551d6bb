//! The sink's physical operator: every task writes its own partition and reports what it wrote.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray, UInt32Array};
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::cast::{as_string_array, as_uint32_array};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::expressions::col;
use datafusion::physical_expr::{
    Distribution, EquivalenceProperties, LexRequirement, OrderingRequirements, PhysicalExpr,
    PhysicalSortRequirement,
};
use datafusion::physical_plan::execution_plan::{
    Boundedness, ChildrenPropertiesMode, EmissionType,
};
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricBuilder, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties,
    InputDistributionRequirements, Partitioning, PlanProperties, ReplaceChildrenOptions,
    SendableRecordBatchStream,
};
use futures::{StreamExt, TryStreamExt};

use super::spec::{SinkSpec, TaskReport};
use super::writer::PartitionWriter;
use crate::store::Requests;

/// The one column of the sink's output: a [`TaskReport`] as JSON.
const REPORT: &str = "report";

/// Schema of the sink's output: one row per partition.
pub fn report_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new(REPORT, DataType::Utf8, false)]))
}

/// Reads the reports back from the sink's output.
pub fn read_reports(batches: &[RecordBatch]) -> Result<Vec<TaskReport>> {
    let mut reports = Vec::new();
    for batch in batches {
        let column = as_string_array(batch.column(0))?;
        for json in column.iter().flatten() {
            let report = serde_json::from_str(json)
                .map_err(|cause| DataFusionError::External(Box::new(cause)))?;
            reports.push(report);
        }
    }
    Ok(reports)
}

/// Writes each partition of its input to staged files. Output: one report per partition.
///
/// Its second child delivers one row per partition: the partition's number in the whole table. A
/// task on an executor has a slice of the plan with partitions counted anew from 0; because Ballista
/// slices in-memory leaves along with all others, the number arrives with the slice.
#[derive(Debug)]
pub struct SinkExec {
    input: Arc<dyn ExecutionPlan>,
    numbers: Arc<dyn ExecutionPlan>,
    spec: Arc<SinkSpec>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl SinkExec {
    /// A sink for all partitions of `input`.
    pub fn try_new(input: Arc<dyn ExecutionPlan>, spec: Arc<SinkSpec>) -> Result<Self> {
        let numbers = partition_numbers(input.output_partitioning().partition_count())?;
        Ok(Self::with_numbers(input, numbers, spec))
    }

    /// A sink for some partitions, whose numbers are known.
    pub fn with_numbers(
        input: Arc<dyn ExecutionPlan>,
        numbers: Arc<dyn ExecutionPlan>,
        spec: Arc<SinkSpec>,
    ) -> Self {
        let partitions = input.output_partitioning().partition_count();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(report_schema()),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        let metrics = ExecutionPlanMetricsSet::new();
        Self {
            input,
            numbers,
            spec,
            properties: Arc::new(properties),
            metrics,
        }
    }

    pub fn spec(&self) -> &Arc<SinkSpec> {
        &self.spec
    }

    fn expressions(&self, names: &[String]) -> Vec<Arc<dyn PhysicalExpr>> {
        let schema = self.input.schema();
        names
            .iter()
            .filter_map(|name| col(name, &schema).ok())
            .collect()
    }
}

/// A leaf with one row per partition: its number.
fn partition_numbers(partitions: usize) -> Result<Arc<dyn ExecutionPlan>> {
    let schema = Arc::new(Schema::new(vec![Field::new(
        "partition",
        DataType::UInt32,
        false,
    )]));
    let batches = (0..partitions).map(|number| {
        let column: ArrayRef = Arc::new(UInt32Array::from(vec![number as u32]));
        Ok(vec![RecordBatch::try_new(schema.clone(), vec![column])?])
    });
    let batches = batches.collect::<Result<Vec<_>>>()?;
    Ok(MemorySourceConfig::try_new_exec(&batches, schema, None)?)
}

async fn read_number(rows: SendableRecordBatchStream) -> Result<usize> {
    let batches: Vec<RecordBatch> = rows.try_collect().await?;
    match batches.as_slice() {
        [batch] if batch.num_rows() == 1 => Ok(as_uint32_array(batch.column(0))?.value(0) as usize),
        _ => Err(DataFusionError::Internal(
            "a partition of the sink has no number".to_owned(),
        )),
    }
}

impl DisplayAs for SinkExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(
            f,
            "SinkExec: table={}, compression={:?}",
            self.spec.table, self.spec.compression
        )?;
        if !self.spec.partition_by.is_empty() {
            write!(f, ", partition_by=[{}]", self.spec.partition_by.join(", "))?;
        }
        if !self.spec.sort_by.is_empty() {
            write!(f, ", sort_by=[{}]", self.spec.sort_by.join(", "))?;
        }
        Ok(())
    }
}

impl ExecutionPlan for SinkExec {
    fn name(&self) -> &'static str {
        "SinkExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    /// All rows of one Hive folder go to one task, so that each folder gets few files.
    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        let keys = self.expressions(&self.spec.partition_by);
        let rows = match keys.is_empty() {
            true => Distribution::UnspecifiedDistribution,
            false => Distribution::KeyPartitioned(keys),
        };
        InputDistributionRequirements::new(vec![rows, Distribution::UnspecifiedDistribution])
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![true, false]
    }

    /// Sorted by folder, so that a task has one file open at a time.
    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        let mut columns = self.spec.partition_by.clone();
        columns.extend(self.spec.sort_by.iter().cloned());
        let options = SortOptions {
            descending: false,
            nulls_first: true,
        };
        let order = self
            .expressions(&columns)
            .into_iter()
            .map(|expr| PhysicalSortRequirement::new(expr, Some(options)));
        vec![
            LexRequirement::new(order).map(OrderingRequirements::new),
            None,
        ]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input, &self.numbers]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let [input, numbers]: [Arc<dyn ExecutionPlan>; 2] = children.try_into().map_err(|_| {
            DataFusionError::Internal("the sink needs rows and partition numbers".to_owned())
        })?;
        let count = |plan: &Arc<dyn ExecutionPlan>| plan.output_partitioning().partition_count();
        if count(&input) == count(&numbers) {
            return Ok(Arc::new(Self::with_numbers(
                input,
                numbers,
                self.spec.clone(),
            )));
        }
        // An optimizer rule cut the input anew; a slice would have cut both.
        Ok(Arc::new(Self::try_new(input, self.spec.clone())?))
    }

    #[allow(deprecated)]
    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(
            children,
            ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute),
        )
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let number = self.numbers.execute(partition, context.clone())?;
        let mut rows = self.input.execute(partition, context)?;
        let spec = self.spec.clone();
        let rows_written = MetricBuilder::new(&self.metrics).counter("rows_written", partition);
        let bytes_written = MetricBuilder::new(&self.metrics).counter("bytes_written", partition);
        let requests = Requests::of_operator(&self.metrics, partition);
        let report = async move {
            let number = read_number(number).await?;
            let mut writer = PartitionWriter::new(spec, &rows.schema(), number)?;
            while let Some(batch) = rows.next().await {
                let batch = batch?;
                if batch.num_rows() > 0 {
                    writer.write(&batch).await?;
                    rows_written.add(batch.num_rows());
                }
            }
            let report = writer.finish().await?;
            bytes_written.add(report.parts.iter().map(|part| part.bytes as usize).sum());
            let json = serde_json::to_string(&report)
                .map_err(|cause| DataFusionError::External(Box::new(cause)))?;
            let column: ArrayRef = Arc::new(StringArray::from(vec![json]));
            Ok(RecordBatch::try_new(report_schema(), vec![column])?)
        };
        let report = async move { requests.count(report).await };
        let stream = futures::stream::once(report).map_err(|e: DataFusionError| e);
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            report_schema(),
            stream,
        )))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

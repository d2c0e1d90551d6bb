//! The sink's physical operator: every task writes its own partition and reports what it wrote.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
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
    DisplayAs, DisplayFormatType, ExecutionPlan, InputDistributionRequirements, PlanProperties,
    ReplaceChildrenOptions, SendableRecordBatchStream,
};
use futures::{StreamExt, TryStreamExt};

use super::spec::{SinkSpec, TaskReport};
use super::writer::PartitionWriter;

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
        let column = datafusion::common::cast::as_string_array(batch.column(0))?;
        for json in column.iter().flatten() {
            let report = serde_json::from_str(json)
                .map_err(|cause| DataFusionError::External(Box::new(cause)))?;
            reports.push(report);
        }
    }
    Ok(reports)
}

/// Writes each partition of its input to staged files. Output: one report per partition.
#[derive(Debug)]
pub struct SinkExec {
    input: Arc<dyn ExecutionPlan>,
    spec: Arc<SinkSpec>,
    /// The numbers of the partitions within the whole table where this plan holds some of them
    /// only, as a task on an executor does.
    partition_ids: Option<Vec<usize>>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl SinkExec {
    pub fn new(input: Arc<dyn ExecutionPlan>, spec: Arc<SinkSpec>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(report_schema()),
            datafusion::physical_plan::Partitioning::UnknownPartitioning(
                input.properties().output_partitioning().partition_count(),
            ),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Self {
            input,
            spec,
            partition_ids: None,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    /// The same sink for some partitions of the table: local partition `i` is number `ids[i]`.
    #[must_use]
    pub fn with_partition_ids(&self, ids: Vec<usize>) -> Self {
        let mut numbered = Self::new(self.input.clone(), self.spec.clone());
        numbered.partition_ids = Some(ids);
        numbered
    }

    pub fn spec(&self) -> &Arc<SinkSpec> {
        &self.spec
    }

    fn partition_number(&self, local: usize) -> Result<usize> {
        match &self.partition_ids {
            None => Ok(local),
            Some(ids) => ids.get(local).copied().ok_or_else(|| {
                DataFusionError::Internal(format!("the sink has no partition {local} in {ids:?}"))
            }),
        }
    }

    fn expressions(&self, names: &[String]) -> Vec<Arc<dyn PhysicalExpr>> {
        let schema = self.input.schema();
        names
            .iter()
            .filter_map(|name| col(name, &schema).ok())
            .collect()
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
        InputDistributionRequirements::new(vec![if keys.is_empty() {
            Distribution::UnspecifiedDistribution
        } else {
            Distribution::KeyPartitioned(keys)
        }])
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
        vec![LexRequirement::new(order).map(OrderingRequirements::new)]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children
            .pop()
            .ok_or_else(|| DataFusionError::Internal("the sink needs an input".to_owned()))?;
        let mut sink = Self::new(input, self.spec.clone());
        sink.partition_ids.clone_from(&self.partition_ids);
        Ok(Arc::new(sink))
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
        let number = self.partition_number(partition)?;
        let mut rows = self.input.execute(partition, context)?;
        let spec = self.spec.clone();
        let rows_written = MetricBuilder::new(&self.metrics).counter("rows_written", partition);
        let bytes_written = MetricBuilder::new(&self.metrics).counter("bytes_written", partition);
        let report = async move {
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

//! The physical operator that turns byte ranges into rows.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Statistics, internal_datafusion_err, internal_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{
    Boundedness, EmissionType, ReplaceChildrenOptions, SchedulingType,
};
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
};
use futures::{Stream, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::Sender;

use super::fetch::Sizes;
use super::range::{Output, RangeReader, RangeScan, ScanMetrics, store_of};
use super::rejects::AuditFolder;
use super::spec::{ColumnType, Compression, Split, TextSpec};
use super::table::splits_of;
use crate::error::{Error, Kind};

/// How many batches may wait for the operator above.
const BATCHES_AHEAD: usize = 2;

/// A guess at what a scan gives, for the planner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanEstimate {
    pub rows: u64,
    /// Bytes of the Arrow data that the scan makes.
    pub bytes: u64,
}

impl ScanEstimate {
    /// The guess for the columns of `projection`.
    pub fn of(spec: &TextSpec, projection: &[usize]) -> Self {
        let rows: u64 = spec.files.iter().map(|file| file.records_estimate).sum();
        let text: u64 = spec
            .files
            .iter()
            .map(|file| match file.compression {
                Compression::None => file.size,
                Compression::Gzip | Compression::Zstd => file.size.saturating_mul(4),
            })
            .sum();
        let fields = spec
            .files
            .iter()
            .map(|file| u64::from(file.field_count))
            .max()
            .unwrap_or(1);
        // Each field is taken to be of the same length.
        let field_bytes = text / rows.max(1) / fields.max(1);
        let row_bytes: u64 = projection
            .iter()
            .map(|&column| match spec.columns[column].data_type {
                ColumnType::String => 4 + field_bytes,
                ColumnType::Int | ColumnType::Date => 4,
                ColumnType::Bigint | ColumnType::Double => 8,
                ColumnType::Boolean => 1,
            })
            .sum();
        Self {
            rows,
            bytes: rows.saturating_mul(row_bytes),
        }
    }
}

/// Reads the byte ranges that its child delivers, in their order, into record batches.
///
/// The child has one row per range (see [`super::splits_exec`]); its partitioning is that of the
/// scan. Failures of the input are [`Error`]s inside the DataFusion error.
#[derive(Debug, Clone)]
pub struct TextScanExec {
    spec: Arc<TextSpec>,
    projection: Arc<[usize]>,
    schema: SchemaRef,
    estimate: ScanEstimate,
    child: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

/// What travels to executors, besides the child.
#[derive(Serialize, Deserialize)]
struct Encoded<S> {
    spec: S,
    projection: Vec<usize>,
    estimate: ScanEstimate,
}

impl TextScanExec {
    /// A scan of the declared columns at the positions `projection`.
    ///
    /// # Errors
    /// `Internal` if a position is out of range.
    pub fn new(
        spec: Arc<TextSpec>,
        projection: Vec<usize>,
        child: Arc<dyn ExecutionPlan>,
    ) -> Result<Self> {
        let schema = Arc::new(spec.schema().project(&projection)?);
        let estimate = ScanEstimate::of(&spec, &projection);
        let properties = properties_of(&schema, &child);
        Ok(Self {
            spec,
            projection: projection.into(),
            schema,
            estimate,
            child,
            properties,
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    pub fn spec(&self) -> &Arc<TextSpec> {
        &self.spec
    }

    /// The positions of the delivered columns among the declared ones.
    pub fn projection(&self) -> &[usize] {
        &self.projection
    }

    /// The plan that delivers the ranges.
    pub fn child(&self) -> &Arc<dyn ExecutionPlan> {
        &self.child
    }

    pub fn estimate(&self) -> ScanEstimate {
        self.estimate
    }

    /// The node without its child, as JSON.
    ///
    /// # Errors
    /// `Final` if it cannot be written as JSON, which does not happen.
    pub fn encode(&self) -> crate::error::Result<Vec<u8>> {
        let projection = self.projection.to_vec();
        let encoded = Encoded {
            spec: self.spec.as_ref(),
            projection,
            estimate: self.estimate,
        };
        serde_json::to_vec(&encoded)
            .map_err(|error| Error::new(Kind::Final, "encode", "a text scan", error))
    }

    /// The node that [`TextScanExec::encode`] has written, over `child`.
    ///
    /// # Errors
    /// `Final` if the bytes are not such a node.
    pub fn decode(bytes: &[u8], child: Arc<dyn ExecutionPlan>) -> crate::error::Result<Self> {
        let wrong = |cause: String| Error::new(Kind::Final, "decode", "a text scan", cause);
        let encoded: Encoded<TextSpec> =
            serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
        let scan = Self::new(Arc::new(encoded.spec), encoded.projection, child)
            .map_err(|error| wrong(error.strip_backtrace()))?;
        Ok(Self {
            estimate: encoded.estimate,
            ..scan
        })
    }
}

fn properties_of(schema: &SchemaRef, child: &Arc<dyn ExecutionPlan>) -> Arc<PlanProperties> {
    let partitions = child.output_partitioning().partition_count();
    let partitioning = datafusion::physical_plan::Partitioning::UnknownPartitioning(partitions);
    let properties = PlanProperties::new(
        EquivalenceProperties::new(Arc::clone(schema)),
        partitioning,
        EmissionType::Incremental,
        Boundedness::Bounded,
    );
    // Batches come through a Tokio channel, which yields by itself.
    Arc::new(properties.with_scheduling_type(SchedulingType::Cooperative))
}

impl DisplayAs for TextScanExec {
    fn fmt_as(&self, kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self
            .schema
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .collect();
        let files = self.spec.files.len();
        let partitions = self.properties.partitioning.partition_count();
        let mode = self.spec.mode.name();
        match kind {
            DisplayFormatType::Default | DisplayFormatType::Verbose => write!(
                f,
                "TextScanExec: input={}, columns=[{}], files={files}, partitions={partitions}, \
                 mode={mode}",
                self.spec.input,
                names.join(", "),
            ),
            DisplayFormatType::TreeRender => {
                writeln!(f, "input={}", self.spec.input)?;
                writeln!(f, "files={files}")?;
                writeln!(f, "mode={mode}")
            }
        }
    }
}

impl ExecutionPlan for TextScanExec {
    fn name(&self) -> &'static str {
        "TextScanExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.child]
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let [child] = <[_; 1]>::try_from(children).map_err(|given| {
            internal_datafusion_err!("TextScanExec has 1 child, not {}", given.len())
        })?;
        let properties = properties_of(&self.schema, &child);
        let metrics = ExecutionPlanMetricsSet::new();
        Ok(Arc::new(Self {
            child,
            properties,
            metrics,
            ..self.as_ref().clone()
        }))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        use datafusion::physical_plan::execution_plan::ChildrenPropertiesMode::Recompute;
        self.replace_children(children, ReplaceChildrenOptions::new(Recompute))
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let runtime = context.runtime_env();
        let scan = RangeScan {
            spec: Arc::clone(&self.spec),
            projection: Arc::clone(&self.projection),
            schema: Arc::clone(&self.schema),
            batch_rows: context.session_config().batch_size().max(1),
            store: store_of(&self.spec, &runtime).map_err(Error::into_datafusion)?,
            audit: AuditFolder::of(&self.spec, &runtime).map_err(Error::into_datafusion)?,
            sizes: Sizes::default(),
            metrics: ScanMetrics::new(&self.metrics, partition),
        };
        let ranges = ranges_of(self.child.execute(partition, context)?);
        let schema = Arc::clone(&self.schema);
        let mut builder = RecordBatchReceiverStream::builder(schema, BATCHES_AHEAD);
        let sender = builder.tx();
        builder.spawn(read_ranges(scan, ranges, sender));
        Ok(builder.build())
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn statistics_from_inputs(
        &self,
        _input_stats: &[Arc<Statistics>],
        args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let partitions = self.properties.partitioning.partition_count().max(1);
        let share = match args.partition() {
            Some(_) => partitions as u64,
            None => 1,
        };
        let guess = |total: u64| {
            Precision::Inexact(usize::try_from(total.div_ceil(share)).unwrap_or(usize::MAX))
        };
        let mut statistics = Statistics::new_unknown(&self.schema);
        statistics.num_rows = guess(self.estimate.rows);
        statistics.total_byte_size = guess(self.estimate.bytes);
        Ok(Arc::new(statistics))
    }
}

/// The ranges in the rows of `stream`.
fn ranges_of(
    stream: SendableRecordBatchStream,
) -> impl Stream<Item = Result<Split>> + Send + Unpin {
    let ranges = stream.map(|batch| match splits_of(&batch?) {
        Some(splits) => Ok(splits),
        None => internal_err!("the child of a TextScanExec delivers no ranges"),
    });
    ranges
        .flat_map(|splits: Result<Vec<Split>>| {
            let (splits, failure) = match splits {
                Ok(splits) => (splits, None),
                Err(error) => (Vec::new(), Some(Err(error))),
            };
            futures::stream::iter(splits.into_iter().map(Ok).chain(failure))
        })
        .boxed()
}

/// Reads range after range; the first bytes of the next one are fetched while one is decoded.
async fn read_ranges(
    scan: RangeScan,
    mut ranges: impl Stream<Item = Result<Split>> + Send + Unpin,
    sender: Sender<Result<RecordBatch>>,
) -> Result<()> {
    let open = |split: Option<Result<Split>>| -> Result<Option<RangeReader>> {
        let Some(split) = split.transpose()? else {
            return Ok(None);
        };
        scan.open(split).map(Some).map_err(Error::into_datafusion)
    };
    let mut next = open(ranges.next().await)?;
    while let Some(reader) = next {
        next = open(ranges.next().await)?;
        let mut output = Channel {
            sender: sender.clone(),
        };
        let outcome = SpawnedTask::spawn_blocking(move || reader.run(&mut output))
            .await
            .map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))?;
        let read_whole = outcome.map_err(Error::into_datafusion)?.is_some();
        if !read_whole {
            break;
        }
    }
    scan.metrics.baseline.done();
    Ok(())
}

/// The way from the decoding thread to the operator above.
struct Channel {
    sender: Sender<Result<RecordBatch>>,
}

impl Output for Channel {
    fn batch(&mut self, batch: RecordBatch) -> bool {
        self.sender.blocking_send(Ok(batch)).is_ok()
    }

    fn closed(&self) -> bool {
        self.sender.is_closed()
    }
}

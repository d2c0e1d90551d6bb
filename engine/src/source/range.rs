//! Reads one range of one file: the blocking half of a scan.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::instant::Instant;
use datafusion::common::runtime::SpawnedTask;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::physical_plan::metrics::{
    BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder,
};
use object_store::ObjectStore;

use super::audit::RangeAudit;
use super::fetch::{
    FetchMetrics, Opened, Sizes, StoredBytes, decode_error, decompressed, read_error,
};
use super::records::{self, Extent, Record, ScanError};
use super::rejects::{AuditFolder, Auditor};
use super::rows::{Problem, Rows, value_of};
use super::spec::{BadRecords, Compression, HIGHEST_MAX_RECORD_BYTES, Split, TextSpec};
use crate::error::{Error, Kind, Result};
use crate::store::Requests;

/// A batch ends early when the records behind it have this many bytes, which keeps long records
/// from filling the memory.
const BATCH_BYTES: usize = 16 << 20;

/// How many records are read between two looks at whether anyone still wants them.
const RECORDS_BETWEEN_LOOKS: u64 = 8192;

/// What a scan tells about itself.
#[derive(Debug, Clone)]
pub(super) struct ScanMetrics {
    pub baseline: Arc<BaselineMetrics>,
    records: Count,
    rejects: Count,
    fetch: FetchMetrics,
}

impl ScanMetrics {
    pub(super) fn new(set: &ExecutionPlanMetricsSet, partition: usize) -> Self {
        Self {
            baseline: Arc::new(BaselineMetrics::new(set, partition)),
            records: MetricBuilder::new(set).counter("records", partition),
            rejects: MetricBuilder::new(set).counter("rejects", partition),
            fetch: FetchMetrics {
                bytes: MetricBuilder::new(set).counter("bytes_scanned", partition),
                wait: MetricBuilder::new(set).subset_time("fetch_wait", partition),
                requests: Requests::of_operator(set, partition),
            },
        }
    }
}

/// What the ranges of a scan have in common.
#[derive(Debug, Clone)]
pub(super) struct RangeScan {
    pub spec: Arc<TextSpec>,
    pub projection: Arc<[usize]>,
    /// The schema of the projection.
    pub schema: SchemaRef,
    pub batch_rows: usize,
    pub store: Arc<dyn ObjectStore>,
    pub audit: Option<AuditFolder>,
    pub sizes: Sizes,
    pub metrics: ScanMetrics,
}

/// Where batches go.
pub(super) trait Output {
    /// Takes a batch; false if nobody wants more.
    fn batch(&mut self, batch: RecordBatch) -> bool;
    /// Whether nobody wants more.
    fn closed(&self) -> bool;
}

struct Nowhere;

impl Output for Nowhere {
    fn batch(&mut self, _batch: RecordBatch) -> bool {
        true
    }

    fn closed(&self) -> bool {
        false
    }
}

/// The store that `spec` names.
pub(super) fn store_of(spec: &TextSpec, runtime: &RuntimeEnv) -> Result<Arc<dyn ObjectStore>> {
    ObjectStoreUrl::parse(&spec.store_url)
        .and_then(|url| runtime.object_store(&url))
        .map_err(|error| read_error(Kind::Final, &spec.input, error.strip_backtrace()))
}

/// Audits a range without making rows of it: for a range that no task has read to its end.
///
/// It writes the same objects as a scan would.
///
/// # Errors
/// Those of a scan: `Input` for what cannot be read, `Retryable` where it may pass.
pub async fn audit_range(
    runtime: &RuntimeEnv,
    spec: &Arc<TextSpec>,
    split: Split,
) -> Result<RangeAudit> {
    let scan = RangeScan {
        spec: Arc::clone(spec),
        projection: Arc::from([]),
        schema: Arc::new(Schema::empty()),
        batch_rows: usize::MAX,
        store: store_of(spec, runtime)?,
        audit: AuditFolder::of(spec, runtime)?,
        sizes: Sizes::default(),
        metrics: ScanMetrics::new(&ExecutionPlanMetricsSet::new(), 0),
    };
    let reader = scan.open(split)?;
    let outcome = SpawnedTask::spawn_blocking(move || reader.run(&mut Nowhere)).await;
    let outcome = outcome.map_err(|error| read_error(Kind::Retryable, &spec.input, error))?;
    outcome?.ok_or_else(|| read_error(Kind::Cancelled, &spec.input, "the audit was stopped"))
}

impl RangeScan {
    /// Begins to fetch a range; must be called within a Tokio runtime.
    pub(super) fn open(&self, split: Split) -> Result<RangeReader> {
        let spec = &self.spec;
        let Some(file) = spec.files.get(split.file as usize) else {
            let cause = format!("there is no file number {}", split.file);
            return Err(read_error(Kind::Final, &spec.input, cause));
        };
        let opened = Opened {
            store: Arc::clone(&self.store),
            store_url: Arc::from(spec.store_url.as_str()),
            input: Arc::from(spec.input.as_str()),
            file: Arc::new(file.clone()),
        };
        let cut = spec.splittable(file) && split.start > file.body_start;
        // The byte before the range tells whether its first byte begins a record.
        let base = if cut { split.start - 1 } else { split.start };
        let extent = Extent {
            base,
            skip_first: cut,
            end: if spec.splittable(file) {
                split.end
            } else {
                u64::MAX
            },
            max_record_bytes: spec.max_record_bytes.min(HIGHEST_MAX_RECORD_BYTES),
            window_bytes: self.sizes.window_bytes,
        };
        let stored = StoredBytes::new(
            opened.clone(),
            base,
            split.end,
            self.sizes,
            self.metrics.fetch.clone(),
        );
        let rows = Rows::new(spec, file, &self.projection, Arc::clone(&self.schema));
        let mut audit = self.audit.clone();
        if let Some(audit) = &mut audit {
            audit.requests = self.metrics.fetch.requests.clone();
        }
        let auditor = Auditor::new(Arc::clone(spec), split, audit);
        Ok(RangeReader {
            scan: self.clone(),
            opened,
            extent,
            stored,
            rows,
            auditor,
        })
    }
}

/// A range that is being fetched and waits to be decoded.
pub(super) struct RangeReader {
    scan: RangeScan,
    opened: Opened,
    extent: Extent,
    stored: StoredBytes,
    rows: Rows,
    auditor: Auditor,
}

/// Why [`records::scan`] ended early.
enum Stop {
    Scan(ScanError),
    Error(Error),
}

impl From<ScanError> for Stop {
    fn from(error: ScanError) -> Self {
        Self::Scan(error)
    }
}

impl RangeReader {
    /// Reads the range to its end, or until `output` wants no more, which gives no audit. Blocks.
    pub(super) fn run(self, output: &mut dyn Output) -> Result<Option<RangeAudit>> {
        let Self {
            scan,
            opened,
            extent,
            stored,
            rows,
            auditor,
        } = self;
        let started = Instant::now();
        let waited_before = scan.metrics.fetch.wait.value();
        let compression = opened.file.compression;
        let reader =
            decompressed(compression, stored).map_err(|error| decode_error(&opened, error))?;
        let mut header_pending = compression != Compression::None;
        let mut decoder = Decoder {
            scan: &scan,
            opened: &opened,
            rows,
            auditor,
            output,
            delivered: 0,
            output_wait: Duration::ZERO,
        };
        let mut stopped = false;
        let outcome = records::scan(reader, &scan.spec.format, extent, &mut |record| {
            if header_pending {
                header_pending = false;
                return Ok(ControlFlow::Continue(()));
            }
            let flow = decoder.record(record).map_err(Stop::Error)?;
            stopped = flow.is_break();
            Ok(flow)
        });
        outcome.map_err(|stop| match stop {
            Stop::Error(error) => error,
            Stop::Scan(ScanError::Io(error)) => decode_error(&opened, error),
            Stop::Scan(ScanError::TooLong(offset)) => too_long(&opened, &scan.spec, offset),
        })?;
        stopped = stopped || decoder.flush()?.is_break();
        let waited = scan
            .metrics
            .fetch
            .wait
            .value()
            .saturating_sub(waited_before);
        let waited = decoder.output_wait + Duration::from_nanos(waited as u64);
        let compute = started.elapsed().saturating_sub(waited);
        scan.metrics
            .baseline
            .elapsed_compute()
            .add_duration(compute);
        let Decoder {
            auditor, delivered, ..
        } = decoder;
        scan.metrics
            .records
            .add(usize::try_from(auditor.records).unwrap_or(usize::MAX));
        scan.metrics
            .rejects
            .add(usize::try_from(auditor.rejects).unwrap_or(usize::MAX));
        if stopped {
            Ok(None)
        } else {
            auditor.finish(delivered).map(Some)
        }
    }

    #[cfg(test)]
    pub(super) fn with_rejects_max(mut self, bytes: usize) -> Self {
        self.auditor = self.auditor.with_lines_max(bytes);
        self
    }
}

/// What happens to each record of a range.
struct Decoder<'a> {
    scan: &'a RangeScan,
    opened: &'a Opened,
    rows: Rows,
    auditor: Auditor,
    output: &'a mut dyn Output,
    delivered: u64,
    output_wait: Duration,
}

impl Decoder<'_> {
    #[inline]
    fn record(&mut self, record: &Record<'_>) -> Result<ControlFlow<()>> {
        self.auditor.records += 1;
        let problems = self.rows.push(record);
        if !problems.is_empty() {
            if self.scan.spec.mode == BadRecords::Fail {
                return Err(bad_record(
                    self.opened,
                    &self.scan.spec,
                    record,
                    problems[0],
                ));
            }
            self.auditor.reject(record, problems)?;
        }
        if self.rows.len() >= self.scan.batch_rows || self.rows.bytes() >= BATCH_BYTES {
            return self.flush();
        }
        if self.auditor.records.is_multiple_of(RECORDS_BETWEEN_LOOKS) && self.output.closed() {
            return Ok(ControlFlow::Break(()));
        }
        Ok(ControlFlow::Continue(()))
    }

    fn flush(&mut self) -> Result<ControlFlow<()>> {
        let rows = self.rows.len();
        if rows == 0 {
            return Ok(ControlFlow::Continue(()));
        }
        let spec = &self.scan.spec;
        let batch = self
            .rows
            .finish()
            .map_err(|error| read_error(Kind::Final, &spec.input, error))?;
        self.delivered += rows as u64;
        self.scan.metrics.baseline.record_output(rows);
        let waiting = Instant::now();
        let wanted = self.output.batch(batch);
        self.output_wait += waiting.elapsed();
        Ok(if wanted {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        })
    }
}

/// The limit of records is given in whole MiB where it is one.
pub(super) fn too_long(opened: &Opened, spec: &TextSpec, offset: u64) -> Error {
    let limit = spec.max_record_bytes;
    let limit = match limit % (1 << 20) {
        0 => format!("{} MiB", limit >> 20),
        _ => format!("{limit} bytes"),
    };
    let url = opened.url();
    let cause = format!("{url}: the record at byte {offset} is longer than {limit}");
    let hint = if spec.format.quote.is_some() {
        "the file may not be line-based text, or a quote in that record is never closed"
    } else {
        "the file may not be line-based text"
    };
    read_error(Kind::Input, &opened.input, cause).hint(hint)
}

/// The error of a reject in a scan that does not put up with any.
fn bad_record(opened: &Opened, spec: &TextSpec, record: &Record<'_>, problem: Problem) -> Error {
    let name = opened.file.name();
    let offset = record.offset;
    let reason = problem.reason(spec);
    let detail = match problem {
        Problem::BadValue(column) => {
            let field = opened.file.fields[column] as usize;
            let bytes = value_of(record, field, &[]).unwrap_or_default();
            format!(" (`{}`)", excerpt(bytes))
        }
        Problem::MissingFields | Problem::SurplusFields => {
            format!(" ({} of {})", record.fields.len(), opened.file.field_count)
        }
        Problem::InvalidUtf8 | Problem::BadQuote => String::new(),
    };
    let cause = format!("{name} has a bad record at byte {offset}: {reason}{detail}");
    read_error(Kind::Input, &opened.input, cause)
        .hint("set mode = \"permissive\" or \"drop\", or mend the file")
}

fn excerpt(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(256)]);
    let short: String = text.chars().take(60).collect();
    if short.len() < text.len() || bytes.len() > 256 {
        format!("{short}…")
    } else {
        short
    }
}

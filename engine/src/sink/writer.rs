//! Turns one partition's rows into staged Parquet files.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use datafusion::arrow::compute::{cast, partition};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::error::{DataFusionError, Result};
use datafusion::parquet::arrow::AsyncArrowWriter;
use datafusion::parquet::arrow::arrow_writer::ArrowWriterOptions;
use datafusion::parquet::basic::{Compression as Codec, GzipLevel, ZstdLevel};
use datafusion::parquet::file::properties::WriterProperties;
use std::sync::Arc;

use super::figures::{self, ColumnFigures};
use super::hive::folder_name;
use super::spec::{Compression, SAMPLES_MAX, SinkSpec, StagedPart, TaskReport, Violation};
use super::staged::StagedFile;
use super::statistics;

/// Rows per row group: large enough for fast scans, small enough to keep a task's memory low.
const ROW_GROUP_ROWS: usize = 512 * 1024;

/// The writer of one partition. Rows must arrive sorted by the partition columns.
pub struct PartitionWriter {
    spec: Arc<SinkSpec>,
    /// The table's columns: the input's less the expectations.
    schema: SchemaRef,
    partition_columns: Vec<usize>,
    key_columns: Vec<usize>,
    open: Option<OpenFile>,
    files: usize,
    report: TaskReport,
}

struct OpenFile {
    /// The Hive folders that lead to the file; empty where the table has none.
    folder: String,
    path: String,
    writer: AsyncArrowWriter<StagedFile>,
    figures: Vec<ColumnFigures>,
}

impl PartitionWriter {
    pub fn new(spec: Arc<SinkSpec>, input: &Schema, partition: usize) -> Result<Self> {
        let schema = table_schema(&spec, input);
        let indices = |names: &[String]| -> Result<Vec<usize>> {
            names
                .iter()
                .map(|name| Ok(schema.index_of(name)?))
                .collect()
        };
        let violations = spec
            .expectations
            .iter()
            .map(|e| Violation {
                name: e.name.clone(),
                rows: 0,
                samples: Vec::new(),
            })
            .collect();
        Ok(Self {
            partition_columns: indices(&spec.partition_by)?,
            key_columns: indices(&spec.key)?,
            spec,
            schema,
            open: None,
            files: 0,
            report: TaskReport {
                partition,
                rows: 0,
                parts: Vec::new(),
                violations,
                statistics: Vec::new(),
            },
        })
    }

    pub async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let table = self.table_columns(batch)?;
        self.check_expectations(batch, &table)?;
        self.report.rows += table.num_rows() as u64;
        if self.spec.statistics {
            statistics::add_batch(&mut self.report.statistics, &table);
        }
        if self.partition_columns.is_empty() {
            return self.append(String::new(), &table).await;
        }
        let keys: Vec<ArrayRef> = self
            .partition_columns
            .iter()
            .map(|&i| table.column(i).clone())
            .collect();
        for range in partition(&keys)?.ranges() {
            let folder = self.folder(&keys, range.start)?;
            self.append(folder, &table.slice(range.start, range.len()))
                .await?;
        }
        Ok(())
    }

    /// Finishes the open file and tells what was written.
    pub async fn finish(mut self) -> Result<TaskReport> {
        self.close().await?;
        self.report
            .violations
            .retain(|violation| violation.rows > 0);
        Ok(self.report)
    }

    /// Writes a file without rows, for a table that has none.
    pub async fn write_empty(&mut self) -> Result<()> {
        self.append(String::new(), &RecordBatch::new_empty(self.schema.clone()))
            .await
    }

    fn table_columns(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let columns = batch.columns()[..self.schema.fields().len()]
            .iter()
            .zip(self.schema.fields())
            .map(
                |(column, field)| match column.data_type() == field.data_type() {
                    true => Ok(column.clone()),
                    false => cast(column, field.data_type()),
                },
            )
            .collect::<Result<Vec<_>, _>>()?;
        Ok(RecordBatch::try_new(self.schema.clone(), columns)?)
    }

    fn check_expectations(&mut self, batch: &RecordBatch, table: &RecordBatch) -> Result<()> {
        for (expectation, violation) in self
            .spec
            .expectations
            .iter()
            .zip(&mut self.report.violations)
        {
            let column = batch.column_by_name(&expectation.column).ok_or_else(|| {
                DataFusionError::Internal(format!("no column {}", expectation.column))
            })?;
            let held = column.as_boolean();
            violation.rows += (held.len() - held.null_count() - held.true_count()) as u64;
            let wanted = SAMPLES_MAX.saturating_sub(violation.samples.len());
            for row in broken_rows(held).take(wanted) {
                violation
                    .samples
                    .push(render_key(table, &self.key_columns, row)?);
            }
        }
        Ok(())
    }

    fn folder(&self, keys: &[ArrayRef], row: usize) -> Result<String> {
        let names = self.spec.partition_by.iter().zip(keys).map(|(name, key)| {
            let text = cast(&key.slice(row, 1), &DataType::Utf8)?;
            let text = text.as_string::<i32>();
            Ok(folder_name(name, text.is_valid(0).then(|| text.value(0))))
        });
        Ok(names.collect::<Result<Vec<_>>>()?.join("/"))
    }

    async fn append(&mut self, folder: String, rows: &RecordBatch) -> Result<()> {
        if self.open.as_ref().is_some_and(|open| open.folder != folder) {
            self.close().await?;
        }
        if self.open.is_none() {
            self.open = Some(self.begin(folder).await?);
        }
        if let Some(open) = &mut self.open {
            figures::add_batch(&mut open.figures, rows);
            open.writer.write(rows).await?;
            let size = open.writer.bytes_written() + open.writer.in_progress_size();
            if size as u64 >= self.spec.target_file_bytes {
                self.close().await?;
            }
        }
        Ok(())
    }

    async fn begin(&mut self, folder: String) -> Result<OpenFile> {
        let name = self.spec.part_name(self.report.partition, self.files);
        self.files += 1;
        let folders = [self.spec.folder.as_str(), &folder, &name];
        let folders = folders.into_iter().filter(|name| !name.is_empty());
        let path = folders.collect::<Vec<_>>().join("/");
        let file = StagedFile::create(&self.spec, &path)
            .await
            .map_err(crate::error::Error::into_datafusion)?;
        let options = ArrowWriterOptions::new()
            .with_properties(properties(self.spec.compression)?)
            // Readers other than Arrow's know the plain Parquet schema.
            .with_skip_arrow_metadata(true);
        let writer = AsyncArrowWriter::try_new_with_options(file, self.schema.clone(), options)?;
        Ok(OpenFile {
            folder,
            path,
            writer,
            figures: Vec::new(),
        })
    }

    async fn close(&mut self) -> Result<()> {
        let Some(mut open) = self.open.take() else {
            return Ok(());
        };
        let figures = figures::into_footer(&open.figures)
            .map_err(|cause| DataFusionError::External(Box::new(cause)))?;
        open.writer.append_key_value_metadata(figures);
        let footer = open.writer.finish().await?;
        self.report.parts.push(StagedPart {
            path: open.path,
            rows: footer.file_metadata().num_rows() as u64,
            bytes: open.writer.bytes_written() as u64,
            staged: open.writer.into_inner().staged(),
        });
        Ok(())
    }
}

/// The table's schema: the input's without the expectations' columns. Every column is nullable, as
/// in Spark's files, so that a job's plan cannot change the schema by proving a column non-null.
pub fn table_schema(spec: &SinkSpec, input: &Schema) -> SchemaRef {
    let count = input.fields().len() - spec.expectations.len();
    stored_schema(&input.fields()[..count])
}

/// The schema of files that hold columns of these types.
pub fn stored_schema(columns: &[FieldRef]) -> SchemaRef {
    let fields = columns.iter().map(|field| {
        let data_type = match field.data_type() {
            DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
            DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
            // As Spark has them; other readers know no nanoseconds.
            DataType::Timestamp(_, zone) => {
                DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
            }
            other => other.clone(),
        };
        Field::new(field.name(), data_type, true)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn properties(compression: Compression) -> Result<WriterProperties> {
    let codec = match compression {
        Compression::None => Codec::UNCOMPRESSED,
        Compression::Snappy => Codec::SNAPPY,
        Compression::Zstd => Codec::ZSTD(ZstdLevel::try_new(3)?),
        Compression::Gzip => Codec::GZIP(GzipLevel::default()),
    };
    Ok(WriterProperties::builder()
        .set_compression(codec)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_created_by(format!("cinemill {}", env!("CARGO_PKG_VERSION")))
        .build())
}

fn broken_rows(held: &BooleanArray) -> impl Iterator<Item = usize> + '_ {
    held.iter()
        .enumerate()
        .filter(|(_, value)| *value == Some(false))
        .map(|(row, _)| row)
}

/// A row's key in words, as in `title_key=tt0000001`.
fn render_key(table: &RecordBatch, key_columns: &[usize], row: usize) -> Result<String> {
    let options = FormatOptions::default().with_null("null");
    let all: Vec<usize> = (0..table.num_columns()).collect();
    let columns = if key_columns.is_empty() {
        &all
    } else {
        key_columns
    };
    let parts = columns.iter().map(|&index| {
        let value = ArrayFormatter::try_new(table.column(index), &options)?
            .value(row)
            .to_string();
        Ok(format!("{}={value}", table.schema().field(index).name()))
    });
    Ok(parts.collect::<Result<Vec<_>>>()?.join(", "))
}

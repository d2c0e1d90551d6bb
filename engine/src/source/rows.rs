//! From records to rows, and the verdict whether a record fits.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Float64Builder, Int32Builder, Int64Builder,
    RecordBatch, RecordBatchOptions, StringBuilder,
};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;

use super::records::Record;
use super::spec::{BadRecords, ColumnType, SourceFile, TextSpec};
use super::values::{self, Cell};

/// One reason why a record is a reject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Problem {
    MissingFields,
    SurplusFields,
    InvalidUtf8,
    BadQuote,
    /// The value of this declared column is not of its type.
    BadValue(usize),
}

impl Problem {
    /// The reason as audits count it.
    pub(super) fn reason(self, spec: &TextSpec) -> String {
        match self {
            Self::MissingFields => "missing_fields".to_owned(),
            Self::SurplusFields => "surplus_fields".to_owned(),
            Self::InvalidUtf8 => "invalid_utf8".to_owned(),
            Self::BadQuote => "bad_quote".to_owned(),
            Self::BadValue(column) => format!("bad_value:{}", spec.columns[column].name),
        }
    }
}

/// What is done with one declared column of each record.
struct Step {
    /// The position in the record.
    field: usize,
    column: usize,
    parse: Option<ColumnType>,
    /// The builder that receives the value, if the query wants it.
    slot: Option<usize>,
}

/// Judges records and gathers those that are kept into record batches.
pub(super) struct Rows {
    nulls: Vec<Vec<u8>>,
    field_count: usize,
    steps: Vec<Step>,
    keep_rejects: bool,
    /// The value of each step of the record at hand.
    cells: Vec<Cell>,
    problems: Vec<Problem>,
    builders: Vec<Builder>,
    /// For each output column its builder.
    output: Vec<usize>,
    schema: SchemaRef,
    rows: usize,
    bytes: usize,
}

impl Rows {
    /// Rows of `projection` (positions among the declared columns), whose schema is `schema`.
    pub(super) fn new(
        spec: &TextSpec,
        file: &SourceFile,
        projection: &[usize],
        schema: SchemaRef,
    ) -> Self {
        let mut slots = vec![None; spec.columns.len()];
        let mut builders = Vec::new();
        let output = projection
            .iter()
            .map(|&column| {
                *slots[column].get_or_insert_with(|| {
                    builders.push(Builder::new(spec.columns[column].data_type));
                    builders.len() - 1
                })
            })
            .collect();
        // Typed columns are parsed whether the query wants them or not: which records are rejects
        // must not depend on the query.
        let steps: Vec<Step> = spec
            .columns
            .iter()
            .enumerate()
            .map(|(column, declared)| Step {
                field: file
                    .fields
                    .get(column)
                    .map_or(usize::MAX, |field| *field as usize),
                column,
                parse: declared.parsed_as(),
                slot: slots[column],
            })
            .filter(|step| step.parse.is_some() || step.slot.is_some())
            .collect();
        Self {
            nulls: spec
                .format
                .null
                .iter()
                .map(|text| text.as_bytes().to_vec())
                .collect(),
            field_count: file.field_count as usize,
            cells: vec![Cell::Null; steps.len()],
            steps,
            keep_rejects: spec.mode == BadRecords::Permissive,
            problems: Vec::new(),
            builders,
            output,
            schema,
            rows: 0,
            bytes: 0,
        }
    }

    /// The number of rows that [`Rows::finish`] would give.
    pub(super) fn len(&self) -> usize {
        self.rows
    }

    /// The bytes of the records behind those rows, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes a record in, unless it is a reject that is not kept; says what is wrong with it.
    #[inline]
    pub(super) fn push(&mut self, record: &Record<'_>) -> &[Problem] {
        self.judge(record);
        if self.problems.is_empty() || self.keep_rejects {
            self.append(record);
        }
        &self.problems
    }

    #[inline]
    fn judge(&mut self, record: &Record<'_>) {
        self.problems.clear();
        let count = record.fields.len();
        if count < self.field_count {
            self.problems.push(Problem::MissingFields);
        } else if count > self.field_count {
            self.problems.push(Problem::SurplusFields);
        }
        if record.text.is_none() {
            self.problems.push(Problem::InvalidUtf8);
        }
        if record.bad_quote {
            self.problems.push(Problem::BadQuote);
        }
        for (step, cell) in self.steps.iter().zip(&mut self.cells) {
            let Some(kind) = step.parse else { continue };
            *cell = match value_of(record, step.field, &self.nulls) {
                None => Cell::Null,
                Some(bytes) => values::parse(kind, bytes).unwrap_or_else(|| {
                    self.problems.push(Problem::BadValue(step.column));
                    Cell::Null
                }),
            };
        }
    }

    #[inline]
    fn append(&mut self, record: &Record<'_>) {
        for (step, cell) in self.steps.iter().zip(&self.cells) {
            let Some(slot) = step.slot else { continue };
            match &mut self.builders[slot] {
                Builder::Text(builder) => {
                    if value_of(record, step.field, &self.nulls).is_some() {
                        append_text(builder, record, step.field);
                    } else {
                        builder.append_null();
                    }
                }
                typed => typed.append_cell(*cell),
            }
        }
        self.rows += 1;
        self.bytes += record.raw.len();
    }

    /// The rows gathered so far as a batch.
    pub(super) fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        let arrays: Vec<ArrayRef> = self
            .builders
            .iter_mut()
            .map(|builder| builder.finish(rows))
            .collect();
        let columns = self
            .output
            .iter()
            .map(|slot| Arc::clone(&arrays[*slot]))
            .collect();
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
    }
}

/// The bytes of a field that is there and not null.
#[inline]
pub(super) fn value_of<'a>(
    record: &'a Record<'_>,
    field: usize,
    nulls: &[Vec<u8>],
) -> Option<&'a [u8]> {
    let (bytes, quoted) = record.field(field)?;
    if bytes.is_empty() {
        return quoted.then_some(bytes);
    }
    (!nulls.iter().any(|null| null == bytes)).then_some(bytes)
}

#[inline]
fn append_text(builder: &mut StringBuilder, record: &Record<'_>, field: usize) {
    let Some(range) = record.fields.get(field) else {
        return builder.append_null();
    };
    let range = range.start as usize..range.end as usize;
    match record.text.and_then(|text| text.get(range.clone())) {
        Some(text) => builder.append_value(text),
        None => builder.append_value(String::from_utf8_lossy(&record.data[range])),
    }
}

enum Builder {
    Text(StringBuilder),
    Int(Int32Builder),
    Bigint(Int64Builder),
    Double(Float64Builder),
    Boolean(BooleanBuilder),
    Date(Date32Builder),
}

impl Builder {
    fn new(kind: ColumnType) -> Self {
        match kind {
            ColumnType::String => Self::Text(StringBuilder::new()),
            ColumnType::Int => Self::Int(Int32Builder::new()),
            ColumnType::Bigint => Self::Bigint(Int64Builder::new()),
            ColumnType::Double => Self::Double(Float64Builder::new()),
            ColumnType::Boolean => Self::Boolean(BooleanBuilder::new()),
            ColumnType::Date => Self::Date(Date32Builder::new()),
        }
    }

    #[inline]
    fn append_cell(&mut self, cell: Cell) {
        match (self, cell) {
            (Self::Int(builder), Cell::Int(value)) => builder.append_value(value),
            (Self::Bigint(builder), Cell::Bigint(value)) => builder.append_value(value),
            (Self::Double(builder), Cell::Double(value)) => builder.append_value(value),
            (Self::Boolean(builder), Cell::Boolean(value)) => builder.append_value(value),
            (Self::Date(builder), Cell::Date(value)) => builder.append_value(value),
            (builder, _) => builder.append_null(),
        }
    }

    fn append_null(&mut self) {
        match self {
            Self::Text(builder) => builder.append_null(),
            Self::Int(builder) => builder.append_null(),
            Self::Bigint(builder) => builder.append_null(),
            Self::Double(builder) => builder.append_null(),
            Self::Boolean(builder) => builder.append_null(),
            Self::Date(builder) => builder.append_null(),
        }
    }

    /// The array of `rows` values; the next one is expected to be of the same size.
    fn finish(&mut self, rows: usize) -> ArrayRef {
        match self {
            Self::Text(builder) => {
                let bytes = builder.values_slice().len();
                let array = Arc::new(builder.finish());
                *builder = StringBuilder::with_capacity(rows, bytes + bytes / 8);
                array
            }
            Self::Int(builder) => Arc::new(builder.finish()),
            Self::Bigint(builder) => Arc::new(builder.finish()),
            Self::Double(builder) => Arc::new(builder.finish()),
            Self::Boolean(builder) => Arc::new(builder.finish()),
            Self::Date(builder) => Arc::new(builder.finish()),
        }
    }
}

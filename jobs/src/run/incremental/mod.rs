//! Runs that add to a table read only what changed since the run before.
//!
//! A run in a mode that adds rows notes for each input, in each of many buckets of its key, the sum
//! of its records' fingerprints. The next one sees from them in which buckets records came, went or
//! changed, and reads those alone: of each input that tells which rows depend on its records, and
//! for the others, of the rows that a relation says depend on them.

mod share;
mod state;

use std::collections::{BTreeMap, BTreeSet};

use cinemill_engine::buckets::{self, BucketSet};
use cinemill_engine::error::{Error, Result};
use cinemill_engine::sink::table::{Manifest, Table};
use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int32Type, Int64Type};
use datafusion::common::TableReference;
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::expr_fn::sum;
use datafusion::logical_expr::{Expr, ident, lit};
use datafusion::prelude::SessionContext;
use futures::FutureExt;
use tokio_util::sync::CancellationToken;

use super::inputs::{InputSource, ResolvedInput};
use super::pieces::Pieces;
use super::planner::Planner;
use crate::job::Dependence;

pub use share::Share;
pub use state::State;

/// How many records a bucket is to hold.
const RECORDS_PER_BUCKET: u64 = 8;
const BUCKETS_MIN: u64 = 1 << 10;
/// A set of these travels with each plan, as 128 KiB.
const BUCKETS_MAX: u64 = 1 << 20;

/// What a run has seen of its inputs.
#[derive(Debug, Default)]
pub struct Looked {
    /// The rows that may have changed; `None` for all.
    pub share: Option<Share>,
    /// The records that changed, came, or share a bucket with one that did; `None` for all.
    pub records: Option<Share>,
    /// What the next run is to know.
    pub state: Option<State>,
}

impl Pieces<'_> {
    /// Looks what changed since the run that `base` is of.
    pub(super) async fn look(
        &self,
        table: &Table,
        base: Option<&Manifest>,
        cancel: &CancellationToken,
    ) -> Result<Looked> {
        let job = &self.request.job;
        let adds = job.outputs.iter().any(|output| self.request.adds(output));
        if job.incremental.is_empty() || !adds || self.request.options.chunks.is_some() {
            return Ok(Looked::default());
        }
        let origin = state::origin(job, &self.request.params);
        let before = match base.and_then(|base| base.state.as_deref()) {
            Some(name) => table.read_state(name).await?,
            None => None,
        };
        let before = before.and_then(|bytes| State::from_bytes(&bytes));
        let before = before.filter(|state| state.origin == origin);
        let buckets = before
            .as_ref()
            .map_or_else(|| self.buckets(), |state| state.buckets);
        let state = self
            .fingerprints(State::new(buckets, origin), cancel)
            .await?;
        let Some(before) = before else {
            return Ok(Looked {
                state: Some(state),
                ..Looked::default()
            });
        };
        let changed = |input: &String| (input.clone(), state.changed_since(&before, input));
        let records: BTreeMap<String, BucketSet> = job.incremental.keys().map(changed).collect();
        let rows = self.changed_rows(&records, state.buckets, cancel).await?;
        let rows = rows.union(&BucketSet::of(state.buckets, before.skipped));
        Ok(Looked {
            share: Some(Share::Changed(rows)),
            records: Some(Share::Records(records)),
            state: Some(state),
        })
    }

    fn buckets(&self) -> u32 {
        let records = self.inputs.iter().map(records).max().unwrap_or_default();
        let wanted = (records / RECORDS_PER_BUCKET).next_power_of_two();
        wanted.clamp(BUCKETS_MIN, BUCKETS_MAX) as u32
    }

    async fn fingerprints(&self, empty: State, cancel: &CancellationToken) -> Result<State> {
        let phase = "look for changes";
        let rows = self
            .tried(phase, cancel, |planner| {
                async move {
                    let context = planner.session(self.inputs).await?;
                    let sums = sums(&context, &planner, empty.buckets).await;
                    let sums =
                        sums.map_err(|cause| Error::from_datafusion(&cause, "plan", phase))?;
                    self.collect(phase, sums, cancel).await
                }
                .boxed()
            })
            .await?;
        let mut state = empty;
        for batch in &rows {
            let names = cast(batch.column(0), &DataType::Utf8)
                .map_err(|cause| Error::from_datafusion(&cause.into(), "read", phase))?;
            let numbers = batch.column(1).as_primitive::<Int32Type>();
            let sums = batch.column(2).as_primitive::<Int64Type>();
            for row in 0..batch.num_rows() {
                let bucket = numbers.value(row).cast_unsigned();
                let input = names.as_string::<i32>().value(row);
                state.set(input, bucket, sums.value(row).cast_unsigned());
            }
        }
        Ok(state)
    }

    /// The buckets of the rows that may be others than before.
    async fn changed_rows(
        &self,
        records: &BTreeMap<String, BucketSet>,
        count: u32,
        cancel: &CancellationToken,
    ) -> Result<BucketSet> {
        let mut rows = BucketSet::of(count, []);
        for (input, changed) in records {
            rows = match &self.request.job.incremental[input] {
                Dependence::Through { key, through, row } if !changed.is_empty() => {
                    let path = (key.as_str(), through.as_str(), row.as_str());
                    rows.union(&self.traced(changed, path, count, cancel).await?)
                }
                _ => rows.union(changed),
            };
        }
        tracing::info!(
            run = self.request.run_id,
            changed = rows.len(),
            of = count,
            "rows of these buckets may have changed"
        );
        Ok(rows)
    }

    /// The buckets of the rows that depend on records of some buckets through a relation.
    async fn traced(
        &self,
        changed: &BucketSet,
        (key, through, row): (&str, &str, &str),
        count: u32,
        cancel: &CancellationToken,
    ) -> Result<BucketSet> {
        let phase = "look for changes";
        let rows = self
            .tried(phase, cancel, |planner| {
                async move {
                    let planned = planner.relation(through, self.inputs, &[]).await?;
                    let found = planned
                        .frame()
                        .filter(buckets::is_in(ident(key), changed))
                        .and_then(|rows| {
                            rows.select(vec![buckets::bucket(ident(row), count).alias("bucket")])
                        })
                        .and_then(DataFrame::distinct);
                    let found =
                        found.map_err(|cause| Error::from_datafusion(&cause, "plan", phase))?;
                    self.collect(phase, found, cancel).await
                }
                .boxed()
            })
            .await?;
        Ok(BucketSet::of(count, numbers(&rows)))
    }
}

/// Numbers of buckets, from a plan's rows.
pub fn numbers(batches: &[RecordBatch]) -> BTreeSet<u32> {
    let columns = batches
        .iter()
        .map(|batch| batch.column(0).as_primitive::<Int32Type>());
    columns
        .flat_map(|column| column.values().iter().map(|number| number.cast_unsigned()))
        .collect()
}

fn records(input: &ResolvedInput) -> u64 {
    match &input.source {
        InputSource::Text(spec) => spec.files.iter().map(|file| file.records_estimate).sum(),
        InputSource::Table(table) => table.rows(),
    }
}

/// For each input and bucket with records: the sum of their fingerprints.
async fn sums(
    context: &SessionContext,
    planner: &Planner<'_>,
    count: u32,
) -> Result<DataFrame, DataFusionError> {
    let mut all: Option<DataFrame> = None;
    for (input, dependence) in &planner.request().job.incremental {
        let table = context.table(TableReference::bare(input.as_str())).await?;
        let columns: Vec<Expr> = table
            .schema()
            .fields()
            .iter()
            .map(|f| ident(f.name()))
            .collect();
        let bucket = buckets::bucket(ident(dependence.column()), count).alias("bucket");
        let prints = table.select(vec![bucket, buckets::fingerprint(columns).alias("print")])?;
        let sums = prints
            .aggregate(
                vec![ident("bucket")],
                vec![sum(ident("print")).alias("sum")],
            )?
            .select(vec![
                lit(input.as_str()).alias("input"),
                ident("bucket"),
                ident("sum"),
            ])?;
        all = Some(match all {
            Some(before) => before.union(sums)?,
            None => sums,
        });
    }
    all.ok_or_else(|| DataFusionError::Internal("no inputs".to_owned()))
}

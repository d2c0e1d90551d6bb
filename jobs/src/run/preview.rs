//! What a run would do to the rows of its tables, found out without writing anything.

use cinemill_engine::error::Result;
use cinemill_engine::sink::table::Manifest;
use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::functions_aggregate::count::count_all;
use futures::FutureExt;
use tokio_util::sync::CancellationToken;

use super::modes::{self, Before, TableChange};
use super::pieces::Pieces;
use crate::job::{OutputDefinition, WriteMode};

impl Pieces<'_> {
    /// The changes that a run would make to the snapshot `base`.
    pub async fn preview(
        &self,
        base: Option<&Manifest>,
        cancel: &CancellationToken,
    ) -> Result<Vec<TableChange>> {
        let mut changes = Vec::new();
        for output in &self.request.job.outputs {
            let before = Before::of(output, &self.request.output, base);
            changes.push(self.preview_of(output, before.as_ref(), cancel).await?);
        }
        Ok(changes)
    }

    async fn preview_of(
        &self,
        output: &OutputDefinition,
        before: Option<&Before>,
        cancel: &CancellationToken,
    ) -> Result<TableChange> {
        let (phase, mode) = ("compare", self.request.mode(output));
        // Without a key nothing tells which row was which.
        let comparable = before.filter(|_| !output.key.is_empty());
        let rows = self
            .tried(phase, cancel, |planner| {
                async move {
                    let planned = planner.output(output, self.inputs, &[]).await?;
                    let rows = match comparable {
                        Some(before) => {
                            if mode != WriteMode::Overwrite {
                                before.check_fits(output, &planned)?;
                            }
                            modes::comparison(&planned, before, &output.key)?.frame()
                        }
                        None => planned
                            .frame()
                            .aggregate(Vec::new(), vec![count_all()])
                            .map_err(|cause| {
                                cinemill_engine::error::Error::from_datafusion(
                                    &cause, "plan", phase,
                                )
                            })?,
                    };
                    self.collect(phase, rows, cancel).await
                }
                .boxed()
            })
            .await?;
        if comparable.is_some() {
            return Ok(modes::counts_of(&rows, output, mode));
        }
        let counts = rows.iter().filter(|batch| batch.num_rows() > 0);
        let made = counts.map(|batch| batch.column(0).as_primitive::<Int64Type>().value(0));
        let made = made.sum::<i64>().unsigned_abs();
        let gone = before.map_or(0, Before::rows);
        Ok(TableChange::replaced(output, mode, made, gone))
    }
}

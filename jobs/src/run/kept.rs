//! Rows that a run keeps in tables of its own while it goes on: what would cost too much to be made
//! twice, and what is needed twice.

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::table::{Commit, Publication, Table};
use cinemill_engine::spark;
use datafusion::common::tree_node::TreeNode;
use datafusion::dataframe::DataFrame;
use datafusion::logical_expr::{Expr, LogicalPlan, ident};
use futures::FutureExt;
use tokio_util::sync::CancellationToken;

use super::checkpoints::{self, Checkpoint, Checkpoints};
use super::checks;
use super::incremental::Share;
use super::inputs::ResolvedInput;
use super::modes::{Before, Changes, IS_NEW};
use super::pieces::{Pieces, Written, audited};
use super::planner::{Planned, Planner};
use crate::job::{OutputDefinition, WriteMode};

/// What is kept.
#[derive(Clone, Copy)]
enum Kept<'k> {
    Relation(&'k str),
    /// The rows of an output that its table does not have, or has with other values.
    Changes {
        output: &'k OutputDefinition,
        before: &'k Before,
        /// Rows that the table has with other values do not count.
        only_new: bool,
    },
    /// The rows of an output whose `by` is in one of several buckets.
    Chunk {
        output: &'k OutputDefinition,
        by: &'k str,
        index: u32,
        chunks: u32,
    },
}

impl Kept<'_> {
    /// Its name among what the run keeps.
    fn name(&self) -> String {
        match self {
            Self::Relation(relation) => (*relation).to_owned(),
            Self::Changes { output, .. } => format!("{}.changes", output.name),
            Self::Chunk {
                output,
                index,
                chunks,
                ..
            } => format!("{}.chunk-{}-of-{chunks}", output.name, index + 1),
        }
    }

    /// In words, as a phase of the run.
    fn phase(&self) -> String {
        match self {
            Self::Relation(relation) => format!("checkpoint {relation}"),
            Self::Changes { .. } => "compare".to_owned(),
            Self::Chunk { index, chunks, .. } => format!("chunk {} of {chunks}", index + 1),
        }
    }

    async fn plan(
        &self,
        planner: Planner<'_>,
        inputs: &[ResolvedInput],
        made: &[Checkpoint],
    ) -> Result<Planned> {
        match self {
            Self::Relation(relation) => planner.relation(relation, inputs, made).await,
            Self::Changes {
                output,
                before,
                only_new,
            } => {
                let planned = planner.output(output, inputs, made).await?;
                before.check_fits(output, &planned)?;
                Changes::plan(planned, before, &output.key, *only_new)
            }
            Self::Chunk {
                output,
                by,
                index,
                chunks,
            } => {
                let share = Share::Chunk {
                    index: *index,
                    chunks: *chunks,
                };
                // Where the records tell to which rows they belong, others are not even read.
                let by_key = output.key.as_slice() == [*by];
                let planner = planner.share(by_key.then_some(&share));
                chunk(planner, output, by, &share, inputs, made).await
            }
        }
    }
}

/// The rows of an output that belong to a share by an expression.
async fn chunk(
    planner: Planner<'_>,
    output: &OutputDefinition,
    by: &str,
    share: &Share,
    inputs: &[ResolvedInput],
    made: &[Checkpoint],
) -> Result<Planned> {
    const BY: &str = "__chunk_by";
    let context = planner.session(inputs).await?;
    planner.relations(&context, made).await?;
    let planned = planner.relation(&output.relation, inputs, made).await?;
    let wrong = |cause: String| Error::new(Kind::Definition, "plan", "--chunk-by", cause);
    spark::check_expression(by).map_err(|fault| wrong(fault.to_string()))?;
    let sql = format!("SELECT *, ({by}\n) AS {BY} FROM {}", output.relation);
    let query = spark::parse(&sql, "--chunk-by")?;
    let rows = query.plan(&context.state()).await?;
    if let LogicalPlan::Projection(projection) = &rows
        && projection.expr.iter().any(differs_between_chunks)
    {
        let cause = "it has other values each time, so that rows would be lost or be there twice";
        return Err(wrong(cause.to_owned()).hint("go by columns, the key for example"));
    }
    let columns: Vec<String> = planned.columns();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let rows = DataFrame::new(context.state(), rows)
        .filter(share.has(ident(BY)))
        .and_then(|rows| rows.select_columns(&columns))
        .map_err(|cause| Error::from_datafusion(&cause, "plan", "--chunk-by"))?;
    Ok(planned.with_rows(rows.into_unoptimized_plan()))
}

/// Whether an expression has another value for the same row in another chunk. Each chunk is a query
/// of its own, so what is the same within one query is not enough.
fn differs_between_chunks(expr: &Expr) -> bool {
    const CLOCKS: [&str; 3] = ["now", "current_date", "current_time"];
    let is_clock = |expr: &Expr| match expr {
        Expr::ScalarFunction(call) => Ok(CLOCKS.contains(&call.func.name())),
        _ => Ok(false),
    };
    expr.is_volatile() || expr.exists(is_clock).unwrap_or(true)
}

impl Pieces<'_> {
    /// Makes the checkpoints that are worth it, or finds those that a driver before this one made.
    pub(super) async fn checkpoints(
        &self,
        places: &Checkpoints<'_>,
        cancel: &CancellationToken,
    ) -> Result<Vec<Checkpoint>> {
        let Some(bytes_min) = self.backend.checkpoint_bytes().await else {
            return Ok(Vec::new());
        };
        let context = self.planner.session(self.inputs).await?;
        let relations = self.planner.relations(&context, &[]).await?;
        let bytes = self.inputs.iter();
        let bytes = bytes.map(|input| (input.name.clone(), input.unpacked_bytes()));
        let job = &self.request.job;
        let outputs: Vec<&str> = job.outputs.iter().map(|o| o.relation.as_str()).collect();
        let chosen = checkpoints::choose(&relations, &outputs, &bytes.collect(), bytes_min);
        let chosen =
            chosen.map_err(|cause| Error::from_datafusion(&cause, "plan job", &job.name))?;
        let mut made = Vec::new();
        for relation in chosen {
            let kept = Kept::Relation(&relation);
            made.push(self.found_or_kept(kept, places, &made, cancel).await?);
        }
        Ok(made)
    }

    /// The rows of an output that its table does not have, or has with other values.
    pub(super) async fn changes(
        &self,
        output: &OutputDefinition,
        before: &Before,
        places: &Checkpoints<'_>,
        made: &[Checkpoint],
        cancel: &CancellationToken,
    ) -> Result<Checkpoint> {
        let kept = Kept::Changes {
            output,
            before,
            // What is left as it is must be known to runs that come after.
            only_new: self.request.mode(output) == WriteMode::AppendNew
                && self.request.job.incremental.is_empty(),
        };
        let changes = self.found_or_kept(kept, places, made, cancel).await?;
        self.check_key(output, &changes, Some(IS_NEW), cancel)
            .await?;
        Ok(changes)
    }

    /// The rows of an output, made one chunk after the other. Those that a driver before this one
    /// made are not made again.
    pub(super) async fn chunks(
        &self,
        output: &OutputDefinition,
        (by, chunks): (&str, u32),
        places: &Checkpoints<'_>,
        made: &[Checkpoint],
        cancel: &CancellationToken,
    ) -> Result<Checkpoint> {
        let mut parts = Vec::new();
        for index in 0..chunks {
            let kept = Kept::Chunk {
                output,
                by,
                index,
                chunks,
            };
            parts.push(self.found_or_kept(kept, places, made, cancel).await?);
        }
        Ok(Checkpoint::of_parts(&output.relation, parts))
    }

    async fn found_or_kept(
        &self,
        kept: Kept<'_>,
        places: &Checkpoints<'_>,
        made: &[Checkpoint],
        cancel: &CancellationToken,
    ) -> Result<Checkpoint> {
        let name = kept.name();
        let checkpoint = match places.find(&name).await? {
            Some(found) => found,
            None => self.keep(kept, places, made, cancel).await?,
        };
        let rows = checkpoint.rows();
        tracing::info!(run = self.request.run_id, name, rows, "rows are kept");
        Ok(checkpoint)
    }

    async fn keep(
        &self,
        kept: Kept<'_>,
        places: &Checkpoints<'_>,
        made: &[Checkpoint],
        cancel: &CancellationToken,
    ) -> Result<Checkpoint> {
        let phase = &kept.phase();
        self.tried(phase, cancel, |planner| {
            async move {
                let place = places.place(&kept.name());
                let inputs = audited(self.inputs, &place.audits)?;
                let planned = kept.plan(planner, &inputs, made).await?;
                let table = Table::open(place.table.clone())?;
                let mut commit = Commit::begin(table, &self.request.run_id).await?;
                let planned = planned.kept_in(&place.table);
                match self.written_and_checked(kept, planned, cancel).await {
                    Ok(written) => {
                        commit.prepare(publication(written, &kept.name()))?;
                        places.keep(place, commit.run().await?).await
                    }
                    Err(error) => {
                        commit.abort().await;
                        Err(error)
                    }
                }
            }
            .boxed()
        })
        .await
    }

    async fn written_and_checked(
        &self,
        kept: Kept<'_>,
        planned: Planned,
        cancel: &CancellationToken,
    ) -> Result<Written> {
        let mut written = self.write(&kept.phase(), planned, cancel).await?;
        if let Kept::Changes { output, .. } = kept {
            // They are not looked at again, whoever takes the run up.
            let found = checks::broken_conditions(&self.request.job, output, &written.reports);
            found.clone().judge(&self.request.job)?;
            self.note(found);
        }
        written.write_empty_table().await?;
        Ok(written)
    }
}

fn publication(written: Written, name: &str) -> Publication {
    Publication {
        job: name.to_owned(),
        tables: vec![written.table(name.to_owned(), String::new(), Vec::new())],
        rejects: Vec::new(),
        keep_snapshots: 0,
        state: None,
    }
}

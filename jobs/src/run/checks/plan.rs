//! One plan that answers all questions.

use std::sync::Arc;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::spec::SAMPLES_MAX;
use cinemill_engine::spark::{self, Params};
use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::{can_cast_types, cast as cast_array};
use datafusion::arrow::datatypes::{DataType, Int32Type};
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::functions::expr_fn::coalesce;
use datafusion::functions::string::expr_fn::{concat, concat_ws};
use datafusion::logical_expr::{Expr, LogicalPlan, cast, ident, lit};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;

use super::findings::{Finding, Findings};
use super::queries::Question;

/// The questions of one run, planned together. Each row of the answer is an offending one: the
/// place of its question, and its cells as text.
pub struct CheckPlan {
    questions: Vec<Question>,
    state: SessionState,
    plan: LogicalPlan,
}

impl CheckPlan {
    /// Plans questions over the tables of a session, in which the output tables are as they will be
    /// once they are published. `None` where there is nothing to ask.
    ///
    /// # Errors
    /// `Definition` for SQL that is wrong, with its file, line and column.
    pub async fn new(
        context: &SessionContext,
        questions: Vec<Question>,
        values: &Params,
    ) -> Result<Option<Self>> {
        let state = context.state();
        let mut all: Option<DataFrame> = None;
        for (place, question) in questions.iter().enumerate() {
            let query = spark::parse(&question.sql, &question.file)?;
            let plan = query.bind(values)?.plan(&state).await?;
            let rows = offending_rows(&state, plan, place);
            let union = match all {
                None => rows,
                Some(others) => rows.and_then(|rows| others.union(rows)),
            };
            all = Some(union.map_err(|cause| unplanned(&cause))?);
        }
        let Some(all) = all else { return Ok(None) };
        let plan = all.into_optimized_plan().map_err(|c| unplanned(&c))?;
        Ok(Some(Self {
            questions,
            state,
            plan,
        }))
    }

    pub fn state(&self) -> SessionState {
        self.state.clone()
    }

    pub async fn physical(&self) -> Result<Arc<dyn ExecutionPlan>> {
        let planner = self.state.query_planner();
        let plan = planner.create_physical_plan(&self.plan, &self.state).await;
        plan.map_err(|cause| unplanned(&cause))
    }

    /// What the rows of the answer mean.
    pub fn findings(&self, rows: &[RecordBatch]) -> Result<Findings> {
        let mut samples = vec![Vec::new(); self.questions.len()];
        for batch in rows {
            let unreadable = |cause| Error::new(Kind::Final, "read", "the checks' rows", cause);
            let text = cast_array(batch.column(1), &DataType::Utf8).map_err(unreadable)?;
            let text = text.as_string::<i32>();
            let places = batch.column(0).as_primitive::<Int32Type>();
            for (place, text) in places.values().iter().zip(text.iter()) {
                if let Some(samples) = samples.get_mut(usize::try_from(*place).unwrap_or(0)) {
                    samples.push(text.unwrap_or_default().to_owned());
                }
            }
        }
        let mut findings = Findings::default();
        for (question, mut samples) in self.questions.iter().zip(samples) {
            if samples.is_empty() {
                continue;
            }
            samples.sort();
            findings.add(Finding {
                table: question.table.clone(),
                name: question.name.clone(),
                severity: question.severity,
                rows: None,
                samples,
            });
        }
        Ok(findings)
    }
}

fn unplanned(cause: &DataFusionError) -> Error {
    Error::from_datafusion(cause, "plan", "the checks")
}

/// One row more than are shown, so that it is known whether there are more.
fn offending_rows(
    state: &SessionState,
    plan: LogicalPlan,
    place: usize,
) -> Result<DataFrame, DataFusionError> {
    let place = i32::try_from(place).unwrap_or(i32::MAX);
    let cells = cells(&plan);
    DataFrame::new(state.clone(), plan)
        .select(vec![
            lit(place).alias("question"),
            concat_ws(lit(", "), cells).alias("cells"),
        ])?
        .sort(vec![ident("cells").sort(true, true)])?
        .limit(0, Some(SAMPLES_MAX + 1))
}

/// `name=value` for each column whose values have a text.
fn cells(plan: &LogicalPlan) -> Vec<Expr> {
    let columns = plan.schema().columns();
    let fields = plan.schema().fields().iter();
    let cells = columns
        .into_iter()
        .zip(fields)
        .filter_map(|(column, field)| {
            can_cast_types(field.data_type(), &DataType::Utf8).then(|| {
                let text = cast(Expr::Column(column), DataType::Utf8);
                let text = coalesce(vec![text, lit("null")]);
                concat(vec![lit(format!("{}=", field.name())), text])
            })
        });
    cells.collect()
}

//! Spark SQL on DataFusion: the language, its functions, and the places where the two differ.
//!
//! A query goes through three hands:
//! 1. [`parse`] reads the text with Spark's grammar;
//! 2. [`SparkQuery::plan`] rewrites the syntax tree where Spark means something that DataFusion's
//!    planner does not know (generators, structs, typed literals, case-insensitive names) and lets
//!    DataFusion plan the result;
//! 3. what [`register`] adds to a session gives the plan Spark's answers: functions, planners for
//!    operators, and the rule that turns casts of texts into Spark's casts.
//!
//! Functions travel to executors by name, so an executor's session must have gone through
//! [`register`] too.

mod analyzer;
mod dialect;
mod expression;
mod functions;
mod names;
mod params;
mod planner;
mod query;
mod relations;
mod rewrite;
#[cfg(test)]
mod tests;
mod types;

pub use expression::{ExpressionFault, check_expression};
pub use params::{ParamValue, Params};
pub use query::{SparkQuery, parse};

use std::sync::Arc;

use datafusion::config::Dialect;
use datafusion::execution::SessionStateBuilder;
use datafusion_spark::SessionStateBuilderSpark;

/// Makes a session understand Spark SQL. The builder must have its default features already.
///
/// - functions: those of `datafusion-spark`, then ours, which replace namesakes;
/// - planners for typed literals, `/`, field access, aggregates, window functions and types;
/// - the analyzer rule for casts;
/// - options: dialect, order of nulls, names as written, spans for error positions.
#[must_use]
pub fn register(builder: SessionStateBuilder) -> SessionStateBuilder {
    let mut builder = builder.with_spark_features();
    builder
        .scalar_functions()
        .get_or_insert_with(Vec::new)
        .extend(functions::scalar_functions());
    builder
        .aggregate_functions()
        .get_or_insert_with(Vec::new)
        .extend(functions::aggregate_functions());
    // The first planner that answers wins.
    builder
        .expr_planners()
        .get_or_insert_with(Vec::new)
        .insert(0, Arc::new(planner::SparkExprPlanner));
    builder
        .relation_planners()
        .get_or_insert_with(Vec::new)
        .insert(0, Arc::new(planner::LateralViewPlanner));

    let config = builder.config().get_or_insert_with(Default::default);
    let options = config.options_mut();
    options.sql_parser.dialect = Dialect::Spark;
    options.sql_parser.default_null_ordering = "nulls_min".to_owned();
    options.sql_parser.enable_ident_normalization = false;
    options.sql_parser.collect_spans = true;
    options.execution.enable_ansi_mode = true;
    builder
        .with_type_planner(Arc::new(types::SparkTypePlanner))
        .with_analyzer_rule(Arc::new(analyzer::SparkCasts))
}

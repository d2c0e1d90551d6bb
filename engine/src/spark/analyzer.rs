//! Casts that Spark does otherwise than DataFusion: texts are trimmed and have other spellings,
//! floating-point numbers become the decimals that they print as, decimals the nearest doubles, and
//! timestamps and floating-point numbers are written otherwise.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, cast};
use datafusion::optimizer::AnalyzerRule;

use super::functions;

/// Replaces these casts by Spark's, those that the user wrote and those that type coercion has put
/// in (so it must come after that).
#[derive(Debug)]
pub(super) struct SparkCasts;

impl AnalyzerRule for SparkCasts {
    fn name(&self) -> &str {
        "spark_casts"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(rewrite_node)
            .map(|rewritten| rewritten.data)
    }
}

fn rewrite_node(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let mut schema = merge_schema(&plan.inputs());
    if let LogicalPlan::TableScan(scan) = &plan {
        let source =
            DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema())?;
        schema.merge(&source);
    }
    let names = NamePreserver::new(&plan);
    plan.map_expressions(|expr| {
        let name = names.save(&expr);
        let rewritten = expr.transform_up(|expr| rewrite_cast(expr, &schema))?;
        Ok(rewritten.update_data(|expr| name.restore(expr)))
    })
}

fn rewrite_cast(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let (operand, target, tolerant) = match &expr {
        Expr::Cast(cast) => (&cast.expr, cast.field.data_type(), false),
        Expr::TryCast(cast) => (&cast.expr, cast.field.data_type(), true),
        _ => return Ok(Transformed::no(expr)),
    };
    let source = operand.get_type(schema)?;
    let from_text = is_text(&source);
    if let DataType::Decimal128(precision, scale) = *target
        && (from_text || source.is_floating())
    {
        let operand = operand.as_ref().clone();
        let cast = functions::decimal_cast(operand, precision, scale, tolerant);
        return Ok(Transformed::yes(cast));
    }
    if matches!(source, DataType::Decimal128(..)) && *target == DataType::Float64 {
        let cast = functions::decimal_to_double().call(vec![operand.as_ref().clone()]);
        return Ok(Transformed::yes(cast));
    }
    if is_text(target) && (source.is_floating() || matches!(source, DataType::Timestamp(..))) {
        let text = functions::to_text().call(vec![operand.as_ref().clone()]);
        // Of Arrow's layouts of texts, the one that was asked for.
        return Ok(Transformed::yes(cast(text, target.clone())));
    }
    match functions::text_cast(target, tolerant) {
        Some(function) if from_text => Ok(Transformed::yes(
            function.call(vec![operand.as_ref().clone()]),
        )),
        _ => Ok(Transformed::no(expr)),
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}

//! Planner hooks: operators and literals that mean something else in Spark than in DataFusion.

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::{
    Column, DFSchema, NullHandling, Result, ScalarValue, TableReference, UnnestOptions,
    not_impl_err, plan_datafusion_err, plan_err,
};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::expr::{Alias, WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::planner::{
    ExprPlanner, PlannedRelation, PlannerResult, RawAggregateExpr, RawBinaryExpr,
    RawDictionaryExpr, RawFieldAccessExpr, RawWindowExpr, RelationPlanner, RelationPlannerContext,
    RelationPlanning,
};
use datafusion::logical_expr::{Expr, ExprSchemable, GetFieldAccess, LogicalPlanBuilder, cast};
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr as SqlExpr, ExprWithAlias, TableAlias, TableFactor, Value,
};

use super::functions;
use super::rewrite::{LATERAL_VIEW, LITERAL, literal_scalar};

/// Plans expressions as Spark reads them.
#[derive(Debug)]
pub(super) struct SparkExprPlanner;

impl ExprPlanner for SparkExprPlanner {
    /// `/` divides as doubles, and texts are compared with numbers as numbers.
    fn plan_binary_op(
        &self,
        mut raw: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        match raw.op {
            BinaryOperator::Divide => Ok(PlannerResult::Planned(divide(raw, schema)?)),
            BinaryOperator::MyIntegerDivide => not_impl_err!("DIV is not supported yet"),
            BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq
            | BinaryOperator::Spaceship => {
                let left = raw.left.get_type(schema)?;
                let right = raw.right.get_type(schema)?;
                if is_text(&left) && right.is_numeric() {
                    raw.left = cast(raw.left, compared_as(&right));
                } else if is_text(&right) && left.is_numeric() {
                    raw.right = cast(raw.right, compared_as(&left));
                }
                Ok(PlannerResult::Original(raw))
            }
            _ => Ok(PlannerResult::Original(raw)),
        }
    }

    /// `s.field` is a struct's field, and for an array of structs the array of the fields.
    fn plan_field_access(
        &self,
        raw: RawFieldAccessExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawFieldAccessExpr>> {
        let GetFieldAccess::NamedStructField { name } = &raw.field_access else {
            // Spark counts from 0 here and DataFusion from 1.
            return not_impl_err!("array[index] is not supported yet");
        };
        let data_type = raw.expr.get_type(schema)?;
        let name = name.try_as_str().flatten().unwrap_or_default().to_owned();
        Ok(PlannerResult::Planned(field(raw.expr, &data_type, &name)?))
    }

    /// `column.field.field`, where the first name is a column's.
    fn plan_compound_identifier(
        &self,
        column: &Field,
        qualifier: Option<&TableReference>,
        nested_names: &[String],
    ) -> Result<PlannerResult<Vec<Expr>>> {
        let mut expr = Expr::Column(Column::new(qualifier.cloned(), column.name()));
        let mut data_type = column.data_type().clone();
        for name in nested_names {
            expr = field(expr, &data_type, name)?;
            data_type = field_type(&data_type, name)?;
        }
        Ok(PlannerResult::Planned(expr))
    }

    /// Number literals come as dictionaries, see [`super::rewrite`].
    fn plan_dictionary_literal(
        &self,
        raw: RawDictionaryExpr,
        _schema: &DFSchema,
    ) -> Result<PlannerResult<RawDictionaryExpr>> {
        let ([Expr::Literal(key, _)], [Expr::Literal(number, _)]) =
            (raw.keys.as_slice(), raw.values.as_slice())
        else {
            return Ok(PlannerResult::Original(raw));
        };
        if key.try_as_str().flatten() != Some(LITERAL) {
            return Ok(PlannerResult::Original(raw));
        }
        let number = number.try_as_str().flatten().unwrap_or_default();
        match literal_scalar(number) {
            Some(value) => Ok(PlannerResult::Planned(Expr::Literal(value, None))),
            None => plan_err!("{number} fits no numeric type"),
        }
    }

    fn plan_aggregate(&self, raw: RawAggregateExpr) -> Result<PlannerResult<RawAggregateExpr>> {
        if raw.func.name() == functions::COLLECT_LIST {
            if raw.distinct {
                return not_impl_err!("collect_list(DISTINCT …) is not supported yet");
            }
            if !raw.order_by.is_empty() {
                return not_impl_err!("collect_list(… ORDER BY …) is not supported yet");
            }
        }
        Ok(PlannerResult::Original(raw))
    }

    /// Ranks are INTs.
    fn plan_window(&self, raw: RawWindowExpr) -> Result<PlannerResult<RawWindowExpr>> {
        if !matches!(
            raw.func_def.name(),
            "row_number" | "rank" | "dense_rank" | "ntile"
        ) {
            return Ok(PlannerResult::Original(raw));
        }
        let function = WindowFunction {
            fun: raw.func_def,
            params: WindowFunctionParams {
                args: raw.args,
                partition_by: raw.partition_by,
                order_by: raw.order_by,
                window_frame: raw.window_frame,
                filter: raw.filter,
                null_treatment: raw.null_treatment,
                distinct: raw.distinct,
            },
        };
        Ok(PlannerResult::Planned(cast(
            Expr::from(function),
            DataType::Int32,
        )))
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}

/// The type in which a text is compared with a number.
fn compared_as(number: &DataType) -> DataType {
    if number.is_integer() {
        DataType::Int64
    } else {
        DataType::Float64
    }
}

/// `a / b`: as decimals where one is a decimal and the other a decimal or an integer, else as
/// doubles.
fn divide(raw: RawBinaryExpr, schema: &DFSchema) -> Result<Expr> {
    let left = raw.left.get_type(schema)?;
    let right = raw.right.get_type(schema)?;
    if left.is_decimal() || right.is_decimal() {
        let widths = (
            decimal_for(&raw.left, &left),
            decimal_for(&raw.right, &right),
        );
        if let (Some(left), Some(right)) = widths {
            let operands = vec![cast(raw.left, left), cast(raw.right, right)];
            return Ok(functions::divide_decimals().call(operands));
        }
    }
    let number = |t: &DataType| t.is_numeric() || is_text(t) || t.is_null();
    if number(&left) && number(&right) {
        let double = |expr| cast(expr, DataType::Float64);
        return Ok(functions::divide().call(vec![double(raw.left), double(raw.right)]));
    }
    not_impl_err!("{left} / {right} is not supported yet; cast one side to DOUBLE")
}

/// The decimal that an operand of decimal arithmetic becomes, none for other than decimals and
/// integers. A literal is as wide as its digits.
fn decimal_for(operand: &Expr, data_type: &DataType) -> Option<DataType> {
    if let Expr::Literal(value, _) = operand
        && data_type.is_signed_integer()
    {
        let digits = value.to_string().trim_start_matches('-').len();
        return u8::try_from(digits)
            .ok()
            .map(|digits| DataType::Decimal128(digits, 0));
    }
    match data_type {
        DataType::Decimal128(..) => Some(data_type.clone()),
        DataType::Int8 => Some(DataType::Decimal128(3, 0)),
        DataType::Int16 => Some(DataType::Decimal128(5, 0)),
        DataType::Int32 => Some(DataType::Decimal128(10, 0)),
        DataType::Int64 => Some(DataType::Decimal128(20, 0)),
        _ => None,
    }
}

/// The field `name`, in any case, of a struct or of an array of structs.
fn field(expr: Expr, data_type: &DataType, name: &str) -> Result<Expr> {
    match data_type {
        DataType::Struct(fields) => {
            let found = functions::find_field(fields, name)?;
            Ok(get_field(expr, ScalarValue::from(found.name().as_str())))
        }
        DataType::List(item) => match item.data_type() {
            DataType::Struct(fields) => {
                let found = functions::find_field(fields, name)?.name().as_str();
                let name = Expr::Literal(ScalarValue::from(found), None);
                Ok(functions::array_field().call(vec![expr, name]))
            }
            other => plan_err!("an array of {other} has no field {name}"),
        },
        DataType::Map(..) => Ok(get_field(expr, ScalarValue::from(name))),
        other => plan_err!("{other} has no field {name}"),
    }
}

/// The type of [`field`].
fn field_type(data_type: &DataType, name: &str) -> Result<DataType> {
    match data_type {
        DataType::Struct(fields) => Ok(functions::find_field(fields, name)?.data_type().clone()),
        DataType::List(item) => {
            let inner = field_type(item.data_type(), name)?;
            Ok(DataType::List(Field::new_list_field(inner, true).into()))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => Ok(fields[1].data_type().clone()),
            other => plan_err!("{other} is no entry of a map"),
        },
        other => plan_err!("{other} has no field {name}"),
    }
}

/// Plans the `UNPIVOT`s that stand for lateral views, see [`super::rewrite`]: the table's columns
/// and the generator's lists, then the lists unnested side by side.
#[derive(Debug)]
pub(super) struct LateralViewPlanner;

impl RelationPlanner for LateralViewPlanner {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let TableFactor::Unpivot {
            table,
            value: SqlExpr::Value(outer),
            name,
            columns,
            alias: Some(alias),
            ..
        } = relation
        else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        if name.value != LATERAL_VIEW {
            return not_impl_err!("UNPIVOT is not supported yet");
        }
        let outer = outer.value == Value::Boolean(true);
        let plan = lateral_view(*table, outer, columns, alias, context)?;
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(
            plan, None,
        ))))
    }
}

fn lateral_view(
    table: TableFactor,
    outer: bool,
    columns: Vec<ExprWithAlias>,
    alias: TableAlias,
    context: &mut dyn RelationPlannerContext,
) -> Result<datafusion::logical_expr::LogicalPlan> {
    let input = context.plan(table)?;
    let kept: Vec<Expr> = input
        .schema()
        .columns()
        .into_iter()
        .map(Expr::Column)
        .collect();
    let view = TableReference::bare(alias.name.value);
    let mut lists = vec![];
    let mut elements = vec![];
    for (place, column) in columns.into_iter().enumerate() {
        // A name of our own: the view's may be the table's too.
        let list = Column::from_name(format!("__{view}_{place}"));
        let name = column
            .alias
            .ok_or_else(|| plan_datafusion_err!("a column of {view} has no name"))?;
        let expr = context.sql_to_expr(column.expr, input.schema())?;
        elements.push(Expr::Alias(Alias::new(
            Expr::Column(list.clone()),
            Some(view.clone()),
            name.value,
        )));
        lists.push((expr.alias(list.name()), list));
    }
    let nulls = if outer {
        NullHandling::PreserveAndExpandEmpty
    } else {
        NullHandling::Drop
    };
    let (exprs, names): (Vec<_>, Vec<_>) = lists.into_iter().unzip();
    LogicalPlanBuilder::from(input)
        .project(kept.iter().cloned().chain(exprs))?
        .unnest_columns_with_options(names, UnnestOptions::new().with_null_handling(nulls))?
        .project(kept.into_iter().chain(elements))?
        .build()
}

//! Rewrites of the syntax tree that need no schema: what Spark writes in one way and DataFusion's
//! planner reads in another.
//!
//! - number literals get Spark's types (`1` is an int, `1L` a bigint, `1.5` a decimal, `1e0` a
//!   double);
//! - `"text"` is a text;
//! - `struct(a, b)` becomes `named_struct('a', a, 'b', b)`;
//! - `expr.field` becomes a field access that the planner hooks see;
//! - `count_if`, `every` and `some` become aggregates that DataFusion has;
//! - `regexp_replace` replaces all matches;
//! - generators become `unnest`, see [`generators`].

mod aggregates;
mod generators;
mod literals;
mod texts;

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, GroupByExpr, Ident, ObjectName, OrderByKind, Query, Select, Spanned,
    UnaryOperator, Value, VisitMut, VisitorMut, WindowFrame, WindowType,
};
use datafusion::sql::sqlparser::tokenizer::Span;

pub(super) use generators::LATERAL_VIEW;
pub(super) use literals::{LITERAL, scalar as literal_scalar};

use super::query::Fault;

/// Applies all rewrites.
///
/// # Errors
/// Generators where Spark allows none, and literals that no type of Spark's holds.
pub(super) fn desugar(query: &mut Query) -> Result<(), Fault> {
    match query.visit(&mut Desugar::default()) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(fault) => Err(fault),
    }
}

/// A call of one of DataFusion's or our functions, put in place of what stood at `span`.
pub(super) fn call(name: &str, args: Vec<Expr>, span: Span) -> Expr {
    let list = FunctionArgumentList {
        duplicate_treatment: None,
        args: args
            .into_iter()
            .map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)))
            .collect(),
        clauses: vec![],
    };
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::with_span(span, name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(list),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}

/// The name that Spark gives an expression in a struct or a select list, where it has one of its
/// own: that of the column or field, as written.
pub(super) fn own_name(expr: &Expr) -> Option<Ident> {
    match expr {
        Expr::Identifier(name) => Some(name.clone()),
        Expr::CompoundIdentifier(parts) => parts.last().cloned(),
        Expr::CompoundFieldAccess { access_chain, .. } => match access_chain.last()? {
            AccessExpr::Dot(Expr::Identifier(name)) => Some(name.clone()),
            AccessExpr::Dot(Expr::Value(value)) => match &value.value {
                Value::SingleQuotedString(name) => Some(Ident::with_span(value.span, name)),
                _ => None,
            },
            _ => None,
        },
        Expr::Nested(inner) => own_name(inner),
        _ => None,
    }
}

fn text(value: &str, span: Span) -> Expr {
    Expr::Value(Value::SingleQuotedString(value.to_owned()).with_span(span))
}

#[derive(Default)]
struct Desugar {
    /// Frames of the window functions around: their bounds must stay plain numbers.
    frames: Vec<Option<WindowFrame>>,
    /// How many `INTERVAL` literals are around; their parts must stay plain too.
    intervals: usize,
}

impl VisitorMut for Desugar {
    type Break = Fault;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Fault> {
        match expr {
            Expr::Interval(_) => self.intervals += 1,
            Expr::Function(function) => self.frames.push(match &mut function.over {
                Some(WindowType::WindowSpec(spec)) => spec.window_frame.take(),
                _ => None,
            }),
            Expr::UnaryOp {
                op: UnaryOperator::Minus,
                expr: operand,
            } if self.intervals == 0 => {
                if let Expr::Value(value) = operand.as_ref()
                    && let Value::Number(digits, long) = &value.value
                {
                    *expr = literals::typed(&format!("-{digits}"), *long, value.span);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Fault> {
        match expr {
            Expr::Interval(_) => self.intervals -= 1,
            Expr::Function(function) => {
                let frame = self.frames.pop().flatten();
                if let Some(WindowType::WindowSpec(spec)) = &mut function.over {
                    spec.window_frame = frame;
                }
                aggregates::rewrite(function);
                texts::rewrite(function);
            }
            Expr::Value(value) => match &value.value {
                Value::Number(digits, long) if self.intervals == 0 => {
                    *expr = literals::typed(digits, *long, value.span);
                }
                Value::DoubleQuotedString(content) => *expr = text(content, value.span),
                _ => {}
            },
            Expr::Struct { values, fields } if fields.is_empty() => {
                let values = std::mem::take(values);
                *expr = named_struct(values);
            }
            Expr::CompoundFieldAccess { root, access_chain } => {
                name_fields(matches!(root.as_ref(), Expr::Identifier(_)), access_chain);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<Fault> {
        // A plain number here is the place of a column in the select list.
        if let GroupByExpr::Expressions(exprs, _) = &mut select.group_by {
            exprs.iter_mut().for_each(literals::restore);
        }
        select
            .sort_by
            .iter_mut()
            .for_each(|order| literals::restore(&mut order.expr));
        match generators::rewrite(select) {
            Ok(()) => ControlFlow::Continue(()),
            Err(fault) => ControlFlow::Break(fault),
        }
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Fault> {
        if let Some(order_by) = &mut query.order_by
            && let OrderByKind::Expressions(orders) = &mut order_by.kind
        {
            orders
                .iter_mut()
                .for_each(|order| literals::restore(&mut order.expr));
        }
        restore_limit(query);
        ControlFlow::Continue(())
    }
}

/// `LIMIT` and `OFFSET` take plain numbers.
fn restore_limit(query: &mut Query) {
    use datafusion::sql::sqlparser::ast::LimitClause;
    if let Some(LimitClause::LimitOffset { limit, offset, .. }) = &mut query.limit_clause {
        limit.iter_mut().for_each(literals::restore);
        offset
            .iter_mut()
            .for_each(|offset| literals::restore(&mut offset.value));
    }
}

/// `struct(a, t.b, c + 1, d AS e)` has the fields `a`, `b`, `col3` and `e`.
fn named_struct(values: Vec<Expr>) -> Expr {
    let span = Span::union_iter(values.iter().map(Spanned::span));
    let mut args = Vec::with_capacity(2 * values.len());
    for (place, value) in values.into_iter().enumerate() {
        let (name, value) = match value {
            Expr::Named { expr, name } => (Some(name), *expr),
            other => (own_name(&other), other),
        };
        let name = name.map_or_else(|| format!("col{}", place + 1), |name| name.value);
        args.push(text(&name, value.span()));
        args.push(value);
    }
    call("named_struct", args, span)
}

/// Turns `.field` into `['field']`, the only form that reaches the planner hooks. The first names
/// after a plain identifier are left alone, since they may be a table's and its column's.
fn name_fields(after_identifier: bool, access_chain: &mut [AccessExpr]) {
    let mut may_be_column = after_identifier;
    for access in access_chain {
        match access {
            AccessExpr::Dot(Expr::Identifier(name)) if !may_be_column => {
                *access = AccessExpr::Dot(text(&name.value, name.span));
            }
            AccessExpr::Dot(_) => {}
            AccessExpr::Subscript(_) => may_be_column = false,
        }
    }
}

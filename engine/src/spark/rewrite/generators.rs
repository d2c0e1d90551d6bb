//! Generators: functions that make rows, in the select list or in `LATERAL VIEW`.
//!
//! `explode(a) AS c` becomes `unnest(explode_elements(a)) AS c`, and `posexplode(a) AS (p, c)` that
//! and `unnest(explode_positions(a)) AS p`. DataFusion unnests the lists of one select list side by
//! side, and drops rows whose lists are null or empty, which is what Spark does. The `_outer` forms
//! become `unnest_outer`, which keeps one row of nulls for them.
//!
//! A `LATERAL VIEW` has no counterpart in DataFusion's grammar. It is handed to
//! [`LateralViewPlanner`](crate::spark::planner::LateralViewPlanner) in the dress of an `UNPIVOT`.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, ExprWithAlias, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Join,
    JoinConstraint, JoinOperator, LateralView, Select, SelectItem, Spanned, TableAlias,
    TableFactor, TableWithJoins, Value, visit_expressions,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::call;
use crate::spark::query::Fault;

/// The name column of the `UNPIVOT`s that stand for lateral views. No text of a query can hold it.
pub(in crate::spark) const LATERAL_VIEW: &str = "\u{0}lateral view";

/// A generator's call, taken apart.
struct Generator {
    /// With the place of each element in front.
    with_position: bool,
    /// With a row of nulls for a null or empty array.
    outer: bool,
    array: Expr,
    span: Span,
}

/// Rewrites the generators of one select.
pub(super) fn rewrite(select: &mut Select) -> Result<(), Fault> {
    rewrite_lateral_views(select)?;
    let mut projection = Vec::with_capacity(select.projection.len() + 1);
    let mut seen = false;
    for item in std::mem::take(&mut select.projection) {
        let (expr, aliases) = match &item {
            SelectItem::UnnamedExpr(expr) => (expr, vec![]),
            SelectItem::ExprWithAlias { expr, alias } => (expr, vec![alias.clone()]),
            SelectItem::ExprWithAliases { expr, aliases } => (expr, aliases.clone()),
            _ => {
                projection.push(item);
                continue;
            }
        };
        let Some(generator) = generator(expr)? else {
            if let SelectItem::ExprWithAliases { expr, .. } = &item {
                return Err(Fault::new(
                    format!("only a generator can have several names, `{expr}` is none"),
                    expr.span().start,
                ));
            }
            projection.push(item);
            continue;
        };
        if std::mem::replace(&mut seen, true) {
            return Err(Fault::new(
                "only one generator is allowed in a select list",
                generator.span.start,
            ));
        }
        let names = generator.names(aliases)?;
        let span = generator.span;
        let unnest = if generator.outer {
            "unnest_outer"
        } else {
            "unnest"
        };
        let lists = generator.lists().into_iter().zip(names);
        projection.extend(lists.map(|(list, alias)| SelectItem::ExprWithAlias {
            expr: call(unnest, vec![list], span),
            alias,
        }));
    }
    select.projection = projection;
    reject_others(select)
}

impl Generator {
    /// The names of the columns: those given, or Spark's own.
    fn names(&self, given: Vec<Ident>) -> Result<Vec<Ident>, Fault> {
        let own: &[&str] = if self.with_position {
            &["pos", "col"]
        } else {
            &["col"]
        };
        if given.is_empty() {
            return Ok(own
                .iter()
                .map(|name| Ident::with_span(self.span, *name))
                .collect());
        }
        if given.len() != own.len() {
            return Err(Fault::new(
                format!(
                    "the generator has {} columns, not {}",
                    own.len(),
                    given.len()
                ),
                self.span.start,
            ));
        }
        Ok(given)
    }

    /// The lists that are to be unnested side by side.
    fn lists(self) -> Vec<Expr> {
        let elements = call("explode_elements", vec![self.array.clone()], self.span);
        if self.with_position {
            vec![
                call("explode_positions", vec![self.array], self.span),
                elements,
            ]
        } else {
            vec![elements]
        }
    }
}

/// `expr` taken apart, if it is the call of a generator.
fn generator(expr: &Expr) -> Result<Option<Generator>, Fault> {
    let Expr::Function(function) = expr else {
        return Ok(None);
    };
    let Some((with_position, outer)) = kind(function) else {
        return Ok(None);
    };
    let arg = match &function.args {
        FunctionArguments::List(list) => match list.args.as_slice() {
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(array))] => Some(array),
            [
                FunctionArg::Named {
                    name,
                    arg: FunctionArgExpr::Expr(array),
                    ..
                },
            ] if name.value.eq_ignore_ascii_case("collection") => Some(array),
            _ => None,
        },
        _ => None,
    };
    match arg {
        Some(array) => Ok(Some(Generator {
            with_position,
            outer,
            array: array.clone(),
            span: function.span(),
        })),
        None => Err(Fault::new(
            format!("{} takes exactly one argument", function.name),
            function.span().start,
        )),
    }
}

/// Whether a generator counts places, and whether it keeps rows without elements.
fn kind(function: &Function) -> Option<(bool, bool)> {
    let [part] = function.name.0.as_slice() else {
        return None;
    };
    match part.as_ident()?.value.to_lowercase().as_str() {
        "explode" => Some((false, false)),
        "explode_outer" => Some((false, true)),
        "posexplode" => Some((true, false)),
        "posexplode_outer" => Some((true, true)),
        _ => None,
    }
}

/// Generators that are left stand where Spark allows none. (Those of subqueries are gone already.)
fn reject_others(select: &Select) -> Result<(), Fault> {
    let flow = visit_expressions(select, |expr| match expr {
        Expr::Function(function) if kind(function).is_some() => ControlFlow::Break(Fault::new(
            format!(
                "the generator {} must stand alone in a select list or in LATERAL VIEW",
                function.name
            ),
            function.span().start,
        )),
        _ => ControlFlow::Continue(()),
    });
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(fault) => Err(fault),
    }
}

/// `FROM a, b LATERAL VIEW explode(x) t AS c`: the views apply to everything before them.
fn rewrite_lateral_views(select: &mut Select) -> Result<(), Fault> {
    for view in std::mem::take(&mut select.lateral_views) {
        let at = view.lateral_view.span().start;
        let Some(table) = join_all(std::mem::take(&mut select.from)) else {
            return Err(Fault::new("LATERAL VIEW needs a FROM clause", at));
        };
        select.from = vec![TableWithJoins {
            relation: lateral_view(table, view)?,
            joins: vec![],
        }];
    }
    Ok(())
}

fn lateral_view(table: TableFactor, view: LateralView) -> Result<TableFactor, Fault> {
    let at = view.lateral_view.span().start;
    let Some(mut generator) = generator(&view.lateral_view)? else {
        return Err(Fault::new(
            format!(
                "LATERAL VIEW needs a generator, `{}` is none",
                view.lateral_view
            ),
            at,
        ));
    };
    generator.outer |= view.outer;
    let names = generator.names(view.lateral_col_alias)?;
    let name = view
        .lateral_view_name
        .0
        .first()
        .and_then(|part| part.as_ident());
    let Some(mut name) = name.cloned() else {
        return Err(Fault::new("LATERAL VIEW needs a name", at));
    };
    if name.quote_style.is_none() && name.value.eq_ignore_ascii_case("as") {
        // `LATERAL VIEW explode(x) AS y` names no view; no text of a query can hold this name.
        name.value = format!("\u{0}view {}:{}", at.line, at.column);
    }
    let (span, outer) = (generator.span, generator.outer);
    let columns = generator
        .lists()
        .into_iter()
        .zip(names)
        .map(|(expr, alias)| ExprWithAlias {
            expr,
            alias: Some(alias),
        })
        .collect();
    Ok(TableFactor::Unpivot {
        table: Box::new(table),
        value: Expr::value(Value::Boolean(outer)),
        name: Ident::with_span(span, LATERAL_VIEW),
        columns,
        null_inclusion: None,
        alias: Some(TableAlias {
            explicit: true,
            name,
            columns: vec![],
            at: None,
        }),
    })
}

/// The comma-separated items of a FROM clause as one.
fn join_all(from: Vec<TableWithJoins>) -> Option<TableFactor> {
    let mut items = from.into_iter().map(|item| match item {
        TableWithJoins { relation, joins } if joins.is_empty() => relation,
        item => TableFactor::NestedJoin {
            table_with_joins: Box::new(item),
            alias: None,
        },
    });
    let relation = items.next()?;
    let joins: Vec<Join> = items
        .map(|relation| Join {
            relation,
            global: false,
            join_operator: JoinOperator::CrossJoin(JoinConstraint::None),
        })
        .collect();
    if joins.is_empty() {
        return Some(relation);
    }
    Some(TableFactor::NestedJoin {
        table_with_joins: Box::new(TableWithJoins { relation, joins }),
        alias: None,
    })
}

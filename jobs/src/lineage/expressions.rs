//! The columns that an expression uses, also those inside its subqueries.

use std::collections::BTreeSet;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, Subquery};

use super::ColumnRef;
use super::trace::{Scope, walk};

pub(super) fn sources(expr: &Expr, scope: &Scope<'_>) -> BTreeSet<ColumnRef> {
    let mut found = BTreeSet::new();
    // The visitor below never fails.
    let _ = expr.apply(|expr| {
        match expr {
            Expr::Column(column) => found.extend(scope.column(column)),
            Expr::OuterReferenceColumn(_, column) => {
                found.extend(
                    scope
                        .outer
                        .map(|outer| outer.column(column))
                        .unwrap_or_default(),
                );
            }
            Expr::ScalarSubquery(subquery) => found.extend(of_subquery(subquery, scope)),
            Expr::InSubquery(node) => found.extend(of_subquery(&node.subquery, scope)),
            Expr::Exists(node) => found.extend(of_subquery(&node.subquery, scope)),
            Expr::SetComparison(node) => found.extend(of_subquery(&node.subquery, scope)),
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    });
    found
}

/// What a subquery answers depends on its rows as much as on its columns.
fn of_subquery(subquery: &Subquery, scope: &Scope<'_>) -> BTreeSet<ColumnRef> {
    let traced = walk(&subquery.subquery, Some(scope));
    let columns = traced.columns.into_iter().flatten();
    columns.chain(traced.rows).collect()
}

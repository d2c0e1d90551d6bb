//! Walks a logical plan from its leaves up.

use std::collections::BTreeSet;

use datafusion::common::{Column, DFSchema, JoinType};
use datafusion::logical_expr::{Aggregate, Distinct, Expr, Join, LogicalPlan, TableScan, Unnest};

use super::ColumnRef;
use super::expressions::sources;

/// What the rows of a plan are made of.
#[derive(Debug, Clone, Default)]
pub(super) struct Traced {
    /// For each column of its schema.
    pub columns: Vec<BTreeSet<ColumnRef>>,
    /// What decides which rows there are.
    pub rows: BTreeSet<ColumnRef>,
    /// What the rows are sorted by, so that a limit above decides by it.
    order: BTreeSet<ColumnRef>,
}

/// The columns that names in an expression mean.
pub(super) struct Scope<'a> {
    pub schema: &'a DFSchema,
    pub columns: &'a [BTreeSet<ColumnRef>],
    /// The query around this one, whose columns a subquery may use.
    pub outer: Option<&'a Scope<'a>>,
}

impl Scope<'_> {
    pub fn column(&self, column: &Column) -> BTreeSet<ColumnRef> {
        let index = self.schema.maybe_index_of_column(column);
        let found = index.and_then(|index| self.columns.get(index));
        found.cloned().unwrap_or_default()
    }
}

pub(super) fn plan(plan: &LogicalPlan) -> Traced {
    walk(plan, None)
}

/// Traces a plan; `outer` is the scope of the query that it is a subquery of.
pub(super) fn walk(plan: &LogicalPlan, outer: Option<&Scope<'_>>) -> Traced {
    match plan {
        LogicalPlan::TableScan(scan) => leaf(scan),
        LogicalPlan::Projection(node) => {
            let input = walk(&node.input, outer);
            select(&node.expr, &node.input, input, outer)
        }
        LogicalPlan::Filter(node) => {
            let mut input = walk(&node.input, outer);
            let rows = of(&node.predicate, &node.input, &input, outer);
            input.rows.extend(rows);
            input
        }
        LogicalPlan::Window(node) => {
            let mut input = walk(&node.input, outer);
            let added = node.window_expr.iter();
            let added: Vec<_> = added
                .map(|expr| of(expr, &node.input, &input, outer))
                .collect();
            input.columns.extend(added);
            input
        }
        LogicalPlan::Aggregate(node) => aggregate(node, outer),
        LogicalPlan::Sort(node) => {
            let mut input = walk(&node.input, outer);
            let keys = node.expr.iter();
            let keys: Vec<_> = keys
                .map(|key| of(&key.expr, &node.input, &input, outer))
                .collect();
            input.order = keys.into_iter().flatten().collect();
            if node.fetch.is_some() {
                input.rows.extend(input.order.iter().cloned());
            }
            input
        }
        LogicalPlan::Limit(node) => {
            let mut input = walk(&node.input, outer);
            input.rows.append(&mut input.order);
            input
        }
        LogicalPlan::Join(node) => join(node, outer),
        LogicalPlan::Union(node) => {
            let inputs = node.inputs.iter().map(|input| walk(input, outer));
            inputs.reduce(side_by_side).unwrap_or_default()
        }
        LogicalPlan::RecursiveQuery(node) => {
            let first = walk(&node.static_term, outer);
            side_by_side(first, walk(&node.recursive_term, outer))
        }
        LogicalPlan::Distinct(Distinct::On(node)) => {
            let input = walk(&node.input, outer);
            let keys = node.on_expr.iter();
            let keys: Vec<_> = keys
                .map(|expr| of(expr, &node.input, &input, outer))
                .collect();
            let mut selected = select(&node.select_expr, &node.input, input, outer);
            selected.rows.extend(keys.into_iter().flatten());
            selected
        }
        LogicalPlan::Unnest(node) => unnest(node, outer),
        LogicalPlan::Subquery(node) => walk(&node.subquery, outer),
        other => pass(other, outer),
    }
}

fn leaf(scan: &TableScan) -> Traced {
    let column = |name: &String| {
        BTreeSet::from([ColumnRef {
            table: scan.table_name.table().to_owned(),
            column: name.clone(),
        }])
    };
    let fields = scan.projected_schema.fields().iter();
    Traced {
        columns: fields.map(|field| column(field.name())).collect(),
        ..Traced::default()
    }
}

/// What an expression over a node's input is made of.
fn of(
    expr: &Expr,
    input: &LogicalPlan,
    traced: &Traced,
    outer: Option<&Scope<'_>>,
) -> BTreeSet<ColumnRef> {
    let scope = Scope {
        schema: input.schema(),
        columns: &traced.columns,
        outer,
    };
    sources(expr, &scope)
}

fn select(exprs: &[Expr], plan: &LogicalPlan, input: Traced, outer: Option<&Scope<'_>>) -> Traced {
    let columns = exprs.iter().map(|expr| of(expr, plan, &input, outer));
    Traced {
        columns: columns.collect(),
        rows: input.rows,
        order: input.order,
    }
}

fn aggregate(node: &Aggregate, outer: Option<&Scope<'_>>) -> Traced {
    let input = walk(&node.input, outer);
    let made_of = |expr: &Expr| of(expr, &node.input, &input, outer);
    let groups: Vec<Expr> = match node.group_expr.as_slice() {
        [Expr::GroupingSet(sets)] => sets.distinct_expr().into_iter().cloned().collect(),
        others => others.to_vec(),
    };
    let groups: Vec<_> = groups.iter().map(made_of).collect();
    let values = node.aggr_expr.iter().map(made_of);
    // Grouping sets have one more column between the two: which set a row is of.
    let between = node.schema.fields().len();
    let between = between.saturating_sub(groups.len() + node.aggr_expr.len());
    let mut rows = input.rows.clone();
    rows.extend(groups.iter().flatten().cloned());
    let columns = groups.into_iter();
    let columns = columns.chain(std::iter::repeat_n(BTreeSet::new(), between));
    Traced {
        columns: columns.chain(values).collect(),
        rows,
        order: BTreeSet::new(),
    }
}

fn join(node: &Join, outer: Option<&Scope<'_>>) -> Traced {
    let (left, right) = (walk(&node.left, outer), walk(&node.right, outer));
    let mut condition = BTreeSet::new();
    for (of_left, of_right) in &node.on {
        condition.extend(of(of_left, &node.left, &left, outer));
        condition.extend(of(of_right, &node.right, &right, outer));
    }
    if let Some(filter) = &node.filter {
        condition.extend(of(filter, &node.left, &left, outer));
        condition.extend(of(filter, &node.right, &right, outer));
    }
    let mut rows = left.rows;
    rows.extend(right.rows);
    rows.extend(condition.iter().cloned());
    let columns = match node.join_type {
        JoinType::LeftSemi | JoinType::LeftAnti => left.columns,
        JoinType::RightSemi | JoinType::RightAnti => right.columns,
        JoinType::LeftMark => with(left.columns, condition),
        JoinType::RightMark => with(right.columns, condition),
        _ => left.columns.into_iter().chain(right.columns).collect(),
    };
    Traced {
        columns,
        rows,
        order: BTreeSet::new(),
    }
}

fn with(
    mut columns: Vec<BTreeSet<ColumnRef>>,
    mark: BTreeSet<ColumnRef>,
) -> Vec<BTreeSet<ColumnRef>> {
    columns.push(mark);
    columns
}

fn side_by_side(mut all: Traced, other: Traced) -> Traced {
    all.rows.extend(other.rows);
    for (own, other) in all.columns.iter_mut().zip(other.columns) {
        own.extend(other);
    }
    all
}

fn unnest(node: &Unnest, outer: Option<&Scope<'_>>) -> Traced {
    let input = walk(&node.input, outer);
    let columns = node.dependency_indices.iter();
    let columns = columns.map(|&index| input.columns.get(index).cloned().unwrap_or_default());
    Traced {
        columns: columns.collect(),
        rows: input.rows,
        order: BTreeSet::new(),
    }
}

/// Nodes that hand on the columns of their only input. Of any other node each column may be made of
/// everything.
fn pass(plan: &LogicalPlan, outer: Option<&Scope<'_>>) -> Traced {
    let width = plan.schema().fields().len();
    let mut inputs: Vec<Traced> = plan
        .inputs()
        .into_iter()
        .map(|input| walk(input, outer))
        .collect();
    if inputs.len() == 1 && inputs[0].columns.len() == width {
        return inputs.remove(0);
    }
    let everything: BTreeSet<ColumnRef> = inputs
        .iter()
        .flat_map(|input| input.columns.iter().flatten().cloned())
        .collect();
    Traced {
        columns: vec![everything; width],
        rows: inputs.into_iter().flat_map(|input| input.rows).collect(),
        order: BTreeSet::new(),
    }
}

//! Names without regard to case.
//!
//! Spark finds relations, columns, aliases and fields in any case, and names output columns as the
//! query writes them. DataFusion compares names exactly. So each name in a query is replaced here
//! by the spelling of what it stands for, by Spark's rules of scope, and select items keep the
//! user's spelling through an alias. Fields of structs are found by the planner hooks, which know
//! types.

mod scopes;
mod star;

use std::collections::{BTreeSet, HashMap};

use datafusion::common::{Result as DataFusionResult, TableReference};
use datafusion::execution::SessionState;
use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, Ident, JoinConstraint, JoinOperator, ObjectName, ObjectNamePart,
    OrderByKind, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, TableAlias,
    TableFactor, TableWithJoins, WildcardAdditionalOptions,
};

use self::scopes::{Columns, Relation, Scope, Scopes};
use self::star::Side;
use super::query::Fault;
use super::rewrite::own_name;

/// The tables that a query may mean: their names in lower case, as spelled, and their columns.
pub(super) struct Tables(HashMap<String, (String, Vec<String>)>);

impl Tables {
    /// Looks up the tables that a query refers to; what is not there is left for the planner to
    /// miss.
    pub(super) async fn load(
        names: &BTreeSet<String>,
        state: &SessionState,
    ) -> DataFusionResult<Self> {
        let mut tables = HashMap::new();
        for name in names.iter().filter(|name| !name.contains('.')) {
            let schema = state.schema_for_ref(TableReference::bare(name.as_str()))?;
            let lower = name.to_lowercase();
            let known = schema.table_names();
            let spelled = known
                .iter()
                .find(|known| *known == name)
                .or_else(|| known.iter().find(|known| known.to_lowercase() == lower));
            let Some(spelled) = spelled else { continue };
            if let Some(table) = schema.table(spelled).await? {
                let fields = table.schema();
                let columns = fields.fields().iter().map(|f| f.name().clone()).collect();
                tables.insert(lower, (spelled.clone(), columns));
            }
        }
        Ok(Self(tables))
    }
}

/// Replaces all names in `query` by those of what they stand for.
///
/// # Errors
/// Names that stand for several things.
pub(super) fn resolve(query: &mut Query, tables: &Tables) -> Result<(), Fault> {
    let mut resolver = Resolver {
        tables,
        ctes: vec![],
        scopes: Scopes::default(),
        subqueries: 0,
    };
    resolver.query(query).map(|_| ())
}

/// A CTE in scope.
struct Cte {
    name: String,
    columns: Columns,
}

pub(super) struct Resolver<'a> {
    tables: &'a Tables,
    /// Inner ones last.
    ctes: Vec<Cte>,
    scopes: Scopes,
    /// How many subqueries without a name there were.
    subqueries: usize,
}

impl Resolver<'_> {
    /// Resolves a query and everything in it; returns the names of its columns.
    fn query(&mut self, query: &mut Query) -> Result<Columns, Fault> {
        let before = self.ctes.len();
        let recursive = query.with.as_ref().is_some_and(|with| with.recursive);
        for cte in query.with.iter_mut().flat_map(|with| &mut with.cte_tables) {
            let name = cte.alias.name.value.clone();
            if recursive {
                let columns = alias_columns(&cte.alias);
                self.ctes.push(Cte {
                    name: name.clone(),
                    columns,
                });
            }
            let columns = self.query(&mut cte.query)?;
            let columns = alias_columns(&cte.alias).or(columns);
            self.ctes.push(Cte { name, columns });
        }
        let (columns, scope) = self.body(&mut query.body)?;
        if let Some(order_by) = &mut query.order_by
            && let OrderByKind::Expressions(orders) = &mut order_by.kind
        {
            self.scopes.push(scope);
            for order in orders {
                self.expressions(&mut order.expr)?;
            }
            self.scopes.pop();
        }
        self.ctes.truncate(before);
        Ok(columns)
    }

    /// Resolves a query's body; returns its columns and the scope of its ORDER BY.
    fn body(&mut self, body: &mut SetExpr) -> Result<(Columns, Scope), Fault> {
        match body {
            SetExpr::Select(select) => self.select(select),
            SetExpr::Query(query) => {
                let columns = self.query(query)?;
                Ok((columns.clone(), Scope::of_columns(columns)))
            }
            SetExpr::SetOperation { left, right, .. } => {
                let (columns, _) = self.body(left)?;
                self.body(right)?;
                Ok((columns.clone(), Scope::of_columns(columns)))
            }
            SetExpr::Values(values) => {
                for expr in values.rows.iter_mut().flat_map(|row| row.iter_mut()) {
                    self.expressions(expr)?;
                }
                Ok((None, Scope::default()))
            }
            _ => Ok((None, Scope::default())),
        }
    }

    fn select(&mut self, select: &mut Select) -> Result<(Columns, Scope), Fault> {
        self.scopes.push(Scope::default());
        for item in &mut select.from {
            self.table_with_joins(item)?;
        }
        self.expressions(&mut select.selection)?;
        self.expressions(&mut select.named_window)?;
        let mut columns = Some(vec![]);
        let mut aliases = vec![];
        self.expand_wildcards(select)?;
        for item in &mut select.projection {
            let names = self.select_item(item)?;
            if let SelectItem::ExprWithAlias { alias, .. } = item {
                aliases.push(alias.value.clone());
            }
            columns = columns.zip(names).map(|(mut all, names): (Vec<_>, _)| {
                all.extend(names);
                all
            });
        }
        // In GROUP BY, columns go before the names that the select list gives.
        if let GroupByExpr::Expressions(exprs, _) = &mut select.group_by {
            self.expressions(exprs)?;
        }
        // From here on these names can be used too.
        self.scopes.set_aliases(aliases);
        if let GroupByExpr::Expressions(exprs, _) = &mut select.group_by {
            self.expressions(exprs)?;
        }
        self.expressions(&mut select.having)?;
        self.expressions(&mut select.qualify)?;
        self.expressions(&mut select.sort_by)?;
        self.expressions(&mut select.distribute_by)?;
        self.expressions(&mut select.cluster_by)?;
        Ok((columns, self.scopes.pop()))
    }

    /// Spells out each `*` of a select with USING: the shared columns come first in Spark, and once.
    fn expand_wildcards(&mut self, select: &mut Select) -> Result<(), Fault> {
        let mut items = Vec::with_capacity(select.projection.len());
        for mut item in std::mem::take(&mut select.projection) {
            if let SelectItem::Wildcard(options) = &mut item {
                self.except(options)?;
                if let Some(columns) = self.scopes.expand(options) {
                    items.extend(columns);
                    continue;
                }
            }
            items.push(item);
        }
        select.projection = items;
        Ok(())
    }

    /// Resolves an item of a select list; returns the names of its columns.
    fn select_item(&mut self, item: &mut SelectItem) -> Result<Columns, Fault> {
        match item {
            SelectItem::UnnamedExpr(expr) => {
                let own = own_name(expr);
                self.expressions(expr)?;
                let Some(alias) = own else {
                    // Named by the planner; nobody refers to such a column by name.
                    return Ok(Some(vec![]));
                };
                let name = alias.value.clone();
                let expr = std::mem::replace(expr, Expr::Identifier(alias.clone()));
                *item = SelectItem::ExprWithAlias { expr, alias };
                Ok(Some(vec![name]))
            }
            SelectItem::ExprWithAlias { expr, alias } => {
                self.expressions(expr)?;
                Ok(Some(vec![alias.value.clone()]))
            }
            SelectItem::ExprWithAliases { expr, aliases } => {
                self.expressions(expr)?;
                Ok(Some(
                    aliases.iter().map(|alias| alias.value.clone()).collect(),
                ))
            }
            SelectItem::Wildcard(options) => {
                self.except(options)?;
                Ok(self.scopes.wildcard(None, options))
            }
            SelectItem::QualifiedWildcard(kind, options) => {
                self.except(options)?;
                if let SelectItemQualifiedWildcardKind::ObjectName(name) = kind
                    && let Some(table) = single_part(name)
                {
                    self.scopes.resolve_relation(table)?;
                    return Ok(self.scopes.wildcard(Some(&table.value), options));
                }
                Ok(None)
            }
        }
    }

    /// Resolves the columns that a wildcard leaves out.
    fn except(&mut self, options: &mut WildcardAdditionalOptions) -> Result<(), Fault> {
        if let Some(except) = &mut options.opt_except {
            self.scopes.resolve_name(&mut except.first_element)?;
            for column in &mut except.additional_elements {
                self.scopes.resolve_name(column)?;
            }
        }
        Ok(())
    }

    fn table_with_joins(&mut self, item: &mut TableWithJoins) -> Result<(), Fault> {
        let first = self.scopes.star_len();
        self.factor(&mut item.relation)?;
        for join in &mut item.joins {
            let right = self.scopes.star_len();
            self.factor(&mut join.relation)?;
            let side = match &join.join_operator {
                JoinOperator::Right(_) | JoinOperator::RightOuter(_) => Some(Side::Right),
                JoinOperator::FullOuter(_) => Some(Side::Either),
                JoinOperator::Semi(_)
                | JoinOperator::LeftSemi(_)
                | JoinOperator::Anti(_)
                | JoinOperator::LeftAnti(_) => {
                    self.scopes.truncate_star(right);
                    None
                }
                _ => Some(Side::Left),
            };
            match &mut join.join_operator {
                JoinOperator::Join(constraint)
                | JoinOperator::Inner(constraint)
                | JoinOperator::Left(constraint)
                | JoinOperator::LeftOuter(constraint)
                | JoinOperator::Right(constraint)
                | JoinOperator::RightOuter(constraint)
                | JoinOperator::FullOuter(constraint)
                | JoinOperator::CrossJoin(constraint)
                | JoinOperator::Semi(constraint)
                | JoinOperator::LeftSemi(constraint)
                | JoinOperator::RightSemi(constraint)
                | JoinOperator::Anti(constraint)
                | JoinOperator::LeftAnti(constraint)
                | JoinOperator::RightAnti(constraint) => {
                    self.join_constraint(constraint, first, side)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Resolves the columns of a join, whose left side's columns begin at `first` in `*`.
    fn join_constraint(
        &mut self,
        constraint: &mut JoinConstraint,
        first: usize,
        side: Option<Side>,
    ) -> Result<(), Fault> {
        match constraint {
            JoinConstraint::On(condition) => self.expressions(condition),
            JoinConstraint::Using(columns) => {
                let mut shared = vec![];
                for column in columns.iter_mut().filter_map(single_part) {
                    self.scopes.resolve_shared(column)?;
                    shared.push(column.value.clone());
                }
                if let Some(side) = side {
                    self.scopes.share(&shared, first, side);
                }
                Ok(())
            }
            JoinConstraint::Natural | JoinConstraint::None => Ok(()),
        }
    }

    /// Resolves an item of a FROM clause and adds what it brings to the current scope.
    fn factor(&mut self, factor: &mut TableFactor) -> Result<(), Fault> {
        let relation = match factor {
            TableFactor::Table {
                name,
                alias,
                args: None,
                ..
            } => self.table(name, alias.as_ref()),
            TableFactor::Derived {
                subquery, alias, ..
            } => {
                let columns = self.query(subquery)?;
                // Columns without a relation's name would be in the way of namesakes that have one.
                let alias = alias.get_or_insert_with(|| self.unnamed());
                let columns = alias_columns(alias).or(columns);
                Relation::new(Some(alias.name.value.clone()), columns)
            }
            TableFactor::NestedJoin {
                table_with_joins,
                alias: None,
            } => {
                return self.table_with_joins(table_with_joins);
            }
            // A lateral view, see `rewrite`.
            TableFactor::Unpivot {
                table,
                columns,
                alias: Some(alias),
                ..
            } => {
                self.factor(table)?;
                let mut names = vec![];
                for column in columns {
                    self.expressions(&mut column.expr)?;
                    names.extend(column.alias.as_ref().map(|name| name.value.clone()));
                }
                Relation::new(Some(alias.name.value.clone()), Some(names))
            }
            TableFactor::UNNEST {
                array_exprs, alias, ..
            } => {
                self.expressions(array_exprs)?;
                let columns = alias.as_ref().and_then(alias_columns);
                Relation::new(
                    alias.as_ref().map(|alias| alias.name.value.clone()),
                    columns,
                )
            }
            _ => Relation::new(None, None),
        };
        self.scopes.add(relation);
        Ok(())
    }

    /// A name for a subquery that has none. No text of a query can hold it.
    fn unnamed(&mut self) -> TableAlias {
        self.subqueries += 1;
        TableAlias {
            explicit: true,
            name: Ident::new(format!("\u{0}subquery {}", self.subqueries)),
            columns: vec![],
            at: None,
        }
    }

    /// Finds a CTE or table, and what it is called in the query.
    fn table(&self, name: &mut ObjectName, alias: Option<&TableAlias>) -> Relation {
        let mut columns = None;
        let mut called = None;
        if let Some(part) = single_part(name) {
            let lower = part.value.to_lowercase();
            let cte = self
                .ctes
                .iter()
                .rev()
                .find(|cte| cte.name.to_lowercase() == lower);
            if let Some(cte) = cte {
                part.value.clone_from(&cte.name);
                columns.clone_from(&cte.columns);
            } else if let Some((spelled, known)) = self.tables.0.get(&lower) {
                part.value.clone_from(spelled);
                columns = Some(known.clone());
            }
            called = Some(part.value.clone());
        } else if let Some(part) = name.0.last().and_then(ObjectNamePart::as_ident) {
            called = Some(part.value.clone());
        }
        if let Some(alias) = alias {
            columns = alias_columns(alias).or(columns);
            called = Some(alias.name.value.clone());
        }
        Relation::new(called, columns)
    }
}

/// The columns that an alias names, as in `t(a, b)`.
fn alias_columns(alias: &TableAlias) -> Columns {
    let names = alias.columns.iter().map(|column| column.name.value.clone());
    (!alias.columns.is_empty()).then(|| names.collect())
}

fn single_part(name: &mut ObjectName) -> Option<&mut Ident> {
    match name.0.as_mut_slice() {
        [ObjectNamePart::Identifier(part)] => Some(part),
        _ => None,
    }
}

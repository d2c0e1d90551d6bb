//! What names mean in an expression: the columns of the relations around it.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, LambdaFunction, Query, SelectItem, VisitMut, VisitorMut, WildcardAdditionalOptions,
};

use super::Resolver;
use super::star::{Side, Star};
use crate::spark::query::Fault;

/// The names of a relation's columns, none if they are not known here.
pub(super) type Columns = Option<Vec<String>>;

/// One relation of a FROM clause.
pub(super) struct Relation {
    pub(super) name: Option<String>,
    pub(super) columns: Columns,
}

impl Relation {
    pub(super) fn new(name: Option<String>, columns: Columns) -> Self {
        Self { name, columns }
    }

    fn is_called(&self, name: &str) -> bool {
        let own = self.name.as_ref();
        own.is_some_and(|own| own.to_lowercase() == name.to_lowercase())
    }
}

/// The relations of one select, and the names that its select list gives, once they can be used.
#[derive(Default)]
pub(super) struct Scope {
    relations: Vec<Relation>,
    aliases: Vec<String>,
    star: Star,
}

impl Scope {
    pub(super) fn of_columns(columns: Columns) -> Self {
        Self {
            relations: vec![Relation::new(None, columns)],
            ..Self::default()
        }
    }

    fn columns(&self) -> impl Iterator<Item = &String> {
        self.relations
            .iter()
            .flat_map(|relation| relation.columns.iter().flatten())
    }
}

/// The scopes around an expression, inner ones last, and the lambda parameters in it.
#[derive(Default)]
pub(super) struct Scopes {
    stack: Vec<Scope>,
    parameters: Vec<Vec<String>>,
}

impl Scopes {
    pub(super) fn push(&mut self, scope: Scope) {
        self.stack.push(scope);
    }

    pub(super) fn pop(&mut self) -> Scope {
        self.stack.pop().unwrap_or_default()
    }

    pub(super) fn add(&mut self, relation: Relation) {
        if let Some(scope) = self.stack.last_mut() {
            scope.star.add(&relation);
            scope.relations.push(relation);
        }
    }

    /// How many columns `*` stands for so far.
    pub(super) fn star_len(&self) -> usize {
        self.stack.last().map_or(0, |scope| scope.star.len())
    }

    /// Takes the columns from `length` on out of `*`.
    pub(super) fn truncate_star(&mut self, length: usize) {
        if let Some(scope) = self.stack.last_mut() {
            scope.star.truncate(length);
        }
    }

    /// Makes the columns of a `USING` one, of those that `*` stands for from `first` on.
    pub(super) fn share(&mut self, names: &[String], first: usize, side: Side) {
        if let Some(scope) = self.stack.last_mut() {
            scope.star.share(names, first, side);
        }
    }

    /// What a name means, where it is that of a column of `USING`.
    fn shared(&self, name: &Ident) -> Option<&Expr> {
        let known = |scope: &&Scope| {
            scope.aliases.contains(&name.value) || scope.columns().any(|c| *c == name.value)
        };
        let scope = self.stack.iter().rev().find(known)?;
        let shared = scope.star.shared(&name.value)?;
        (!scope.aliases.contains(&name.value)).then_some(shared)
    }

    /// The select items that `*` stands for, where it does not mean the same to DataFusion.
    pub(super) fn expand(&self, options: &WildcardAdditionalOptions) -> Option<Vec<SelectItem>> {
        self.stack.last()?.star.items(&excepted(options))
    }

    pub(super) fn set_aliases(&mut self, aliases: Vec<String>) {
        if let Some(scope) = self.stack.last_mut() {
            scope.aliases = aliases;
        }
    }

    /// The columns that `*` or `table.*` stands for.
    pub(super) fn wildcard(
        &self,
        table: Option<&str>,
        options: &WildcardAdditionalOptions,
    ) -> Columns {
        let except = excepted(options);
        let mut all = vec![];
        for relation in &self.stack.last()?.relations {
            if table.is_none_or(|table| relation.is_called(table)) {
                let kept = relation.columns.as_ref()?.iter();
                all.extend(
                    kept.filter(|name| !except.contains(&name.as_str()))
                        .cloned(),
                );
            }
        }
        Some(all)
    }

    /// Spells a relation's name as its scope does.
    pub(super) fn resolve_relation(&self, name: &mut Ident) -> Result<(), Fault> {
        self.resolve_qualified(std::slice::from_mut(name))
            .map(|_| ())
    }

    /// Spells the name of a column or alias as the innermost scope that has it does.
    pub(super) fn resolve_name(&self, name: &mut Ident) -> Result<(), Fault> {
        if self.is_parameter(name) {
            return Ok(());
        }
        for scope in self.stack.iter().rev() {
            if scope.aliases.contains(&name.value)
                || spell(name, scope.columns())?
                || spell(name, scope.aliases.iter())?
            {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Spells a column of `USING`, which both sides have.
    pub(super) fn resolve_shared(&self, name: &mut Ident) -> Result<(), Fault> {
        match self.stack.last() {
            Some(scope) => spell(name, scope.columns()).map(|_| ()),
            None => Ok(()),
        }
    }

    /// Spells `table.column.field…` or `column.field…`.
    pub(super) fn resolve_compound(&self, parts: &mut [Ident]) -> Result<(), Fault> {
        let Some((first, _)) = parts.split_first_mut() else {
            return Ok(());
        };
        if self.is_parameter(first) || self.resolve_qualified(parts)? {
            return Ok(());
        }
        match parts.first_mut() {
            Some(first) => self.resolve_name(first),
            None => Ok(()),
        }
    }

    /// Spells `table` and `column`, if the first part is a relation's name.
    fn resolve_qualified(&self, parts: &mut [Ident]) -> Result<bool, Fault> {
        let [table, rest @ ..] = parts else {
            return Ok(false);
        };
        for scope in self.stack.iter().rev() {
            let mut called = scope.relations.iter().filter(|r| r.is_called(&table.value));
            let Some(relation) = called.next() else {
                continue;
            };
            if called.next().is_some() {
                return Err(ambiguous(table));
            }
            if let Some(name) = &relation.name {
                table.value.clone_from(name);
            }
            if let Some(column) = rest.first_mut() {
                spell(column, relation.columns.iter().flatten())?;
            }
            return Ok(true);
        }
        Ok(false)
    }

    fn is_parameter(&self, name: &Ident) -> bool {
        let mut all = self.parameters.iter().flatten();
        all.any(|parameter| parameter == &name.value)
    }
}

/// The names after `EXCEPT`.
fn excepted(options: &WildcardAdditionalOptions) -> Vec<&str> {
    let except = options.opt_except.iter().flat_map(|except| {
        std::iter::once(&except.first_element).chain(&except.additional_elements)
    });
    except.map(|name| name.value.as_str()).collect()
}

/// Gives `name` the spelling of the candidate that it stands for; false if there is none.
fn spell<'a>(
    name: &mut Ident,
    candidates: impl Iterator<Item = &'a String>,
) -> Result<bool, Fault> {
    let lower = name.value.to_lowercase();
    let spellings: BTreeSet<&String> = candidates
        .filter(|candidate| candidate.to_lowercase() == lower)
        .collect();
    match spellings.len() {
        0 => Ok(false),
        1 => {
            name.value = spellings.into_iter().cloned().collect();
            Ok(true)
        }
        _ => Err(ambiguous(name)),
    }
}

fn ambiguous(name: &Ident) -> Fault {
    Fault::new(
        format!("the reference {} is ambiguous", name.value),
        name.span.start,
    )
}

impl Resolver<'_> {
    /// Resolves all names in expressions, and the queries in them.
    pub(super) fn expressions(&mut self, node: &mut impl VisitMut) -> Result<(), Fault> {
        let mut visitor = Expressions {
            resolver: self,
            subqueries: 0,
        };
        match node.visit(&mut visitor) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(fault) => Err(fault),
        }
    }
}

struct Expressions<'a, 'b> {
    resolver: &'a mut Resolver<'b>,
    /// How many queries are around. They are resolved as wholes, and then only walked through.
    subqueries: usize,
}

impl VisitorMut for Expressions<'_, '_> {
    type Break = Fault;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Fault> {
        self.subqueries += 1;
        if self.subqueries == 1
            && let Err(fault) = self.resolver.query(query)
        {
            return ControlFlow::Break(fault);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<Fault> {
        self.subqueries -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Fault> {
        if self.subqueries > 0 {
            return ControlFlow::Continue(());
        }
        let scopes = &mut self.resolver.scopes;
        let resolved = match expr {
            Expr::Identifier(name) => {
                let resolved = scopes.resolve_name(name);
                if let Some(shared) = scopes.shared(name).filter(|_| resolved.is_ok()) {
                    *expr = shared.clone();
                }
                resolved
            }
            Expr::CompoundIdentifier(parts) => scopes.resolve_compound(parts),
            Expr::Lambda(lambda) => {
                scopes.parameters.push(parameters(lambda));
                Ok(())
            }
            _ => Ok(()),
        };
        match resolved {
            Ok(()) => ControlFlow::Continue(()),
            Err(fault) => ControlFlow::Break(fault),
        }
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Fault> {
        if self.subqueries == 0 && matches!(expr, Expr::Lambda(_)) {
            self.resolver.scopes.parameters.pop();
        }
        ControlFlow::Continue(())
    }
}

fn parameters(lambda: &LambdaFunction) -> Vec<String> {
    let names = lambda
        .params
        .iter()
        .map(|parameter| parameter.name.value.clone());
    names.collect()
}

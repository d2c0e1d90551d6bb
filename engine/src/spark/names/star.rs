//! What `*` stands for, in Spark's order, and what the columns of `USING` mean.

use datafusion::sql::sqlparser::ast::{Expr, Ident, SelectItem};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::scopes::Relation;
use crate::spark::rewrite::call;

/// The columns of a FROM clause.
#[derive(Default)]
pub(super) struct Star {
    columns: Vec<StarColumn>,
    /// Some relation's columns are not known here.
    unknown: bool,
}

struct StarColumn {
    name: String,
    value: Expr,
    shared: bool,
}

/// Which side of a join a shared column is taken from.
#[derive(Clone, Copy)]
pub(super) enum Side {
    Left,
    Right,
    /// The left one, and where that is null the right one.
    Either,
}

impl Star {
    pub(super) fn len(&self) -> usize {
        self.columns.len()
    }

    pub(super) fn truncate(&mut self, length: usize) {
        self.columns.truncate(length);
    }

    pub(super) fn add(&mut self, relation: &Relation) {
        self.unknown |= relation.columns.is_none();
        let columns = relation.columns.iter().flatten();
        self.columns.extend(columns.map(|name| {
            let column = Ident::new(name);
            StarColumn {
                name: name.clone(),
                value: match &relation.name {
                    Some(table) => Expr::CompoundIdentifier(vec![Ident::new(table), column]),
                    None => Expr::Identifier(column),
                },
                shared: false,
            }
        }));
    }

    /// After `a JOIN b USING (names)`, where the columns of `a` begin at `first`: these columns
    /// lead, in this order, and stand there once.
    pub(super) fn share(&mut self, names: &[String], first: usize, side: Side) {
        let others = self.columns.split_off(first.min(self.columns.len()));
        for name in names {
            let mut both = others.iter().filter(|column| column.name == *name);
            let (Some(left), Some(right)) = (both.next(), both.next_back()) else {
                self.unknown = true;
                continue;
            };
            let (left, right) = (left.value.clone(), right.value.clone());
            self.columns.push(StarColumn {
                name: name.clone(),
                value: match side {
                    Side::Left => left,
                    Side::Right => right,
                    Side::Either => call("coalesce", vec![left, right], Span::empty()),
                },
                shared: true,
            });
        }
        let own = |column: &StarColumn| !names.contains(&column.name);
        self.columns.extend(others.into_iter().filter(own));
    }

    /// What a column means that came together by `USING`.
    pub(super) fn shared(&self, name: &str) -> Option<&Expr> {
        let mut shared = self.columns.iter().filter(|column| column.shared);
        let found = shared.find(|column| column.name == name && !self.unknown);
        found.map(|column| &column.value)
    }

    /// As the items of a select list; none where DataFusion knows as well.
    pub(super) fn items(&self, except: &[&str]) -> Option<Vec<SelectItem>> {
        if self.unknown || self.columns.iter().all(|column| !column.shared) {
            return None;
        }
        let kept = self
            .columns
            .iter()
            .filter(|column| !except.contains(&column.name.as_str()));
        let items = kept.map(|column| SelectItem::ExprWithAlias {
            expr: column.value.clone(),
            alias: Ident::new(&column.name),
        });
        Some(items.collect())
    }
}

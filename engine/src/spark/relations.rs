//! Which relations a query reads.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{ObjectName, Query, TableFactor, Visit, Visitor};

/// The relations that `query` reads, as written, without the names of CTEs in whose scope they
/// stand. Names are compared without regard to case, as everywhere in Spark.
pub(super) fn referenced(query: &Query) -> BTreeSet<String> {
    let mut found = Relations::default();
    let _ = query.visit(&mut found);
    found.names
}

#[derive(Default)]
struct Relations {
    names: BTreeSet<String>,
    /// CTEs in scope, in lower case; inner ones last.
    ctes: Vec<String>,
    /// How many of them each open query has brought.
    opened: Vec<usize>,
    /// How many query bodies around are being skipped, because they were visited already.
    skipping: usize,
    /// The next name is that of a table function.
    function: bool,
}

impl Visitor for Relations {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if self.skipping > 0 {
            self.skipping += 1;
            return ControlFlow::Continue(());
        }
        // A CTE is in scope from the next CTE on, in a recursive WITH in its own body too. The
        // walk that follows this hook knows nothing of that, so the whole query is walked here.
        self.skipping = 1;
        let before = self.ctes.len();
        self.opened.push(before);
        let skipping = std::mem::take(&mut self.skipping);
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            let recursive = query.with.as_ref().is_some_and(|with| with.recursive);
            let name = cte.alias.name.value.to_lowercase();
            if recursive {
                self.ctes.push(name);
                let _ = cte.query.visit(self);
            } else {
                let _ = cte.query.visit(self);
                self.ctes.push(name);
            }
        }
        let _ = query.body.visit(self);
        let _ = query.order_by.visit(self);
        let _ = query.limit_clause.visit(self);
        self.skipping = skipping;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.skipping -= 1;
        if self.skipping == 0
            && let Some(before) = self.opened.pop()
        {
            self.ctes.truncate(before);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        self.function = matches!(factor, TableFactor::Table { args: Some(_), .. });
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        let function = std::mem::take(&mut self.function);
        if self.skipping > 0 || function {
            return ControlFlow::Continue(());
        }
        let parts: Vec<&str> = relation
            .0
            .iter()
            .filter_map(|part| part.as_ident())
            .map(|ident| ident.value.as_str())
            .collect();
        let is_cte = matches!(parts[..], [name] if self.ctes.contains(&name.to_lowercase()));
        if !is_cte {
            self.names.insert(parts.join("."));
        }
        ControlFlow::Continue(())
    }
}

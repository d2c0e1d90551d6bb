//! One relation's query: its text, what it reads, and its plan.

use std::collections::BTreeSet;

use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement as DataFusionStatement;
use datafusion::sql::sqlparser::ast::{Query, Statement};
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Location;

use super::dialect::SparkDialect;
use super::params::{self, Params};
use super::{names, relations, rewrite};
use crate::error::{Error, Kind, Result};

/// How deep expressions and subqueries may nest; Spark has no limit, the parser's stack has.
pub(super) const NESTING_MAX: usize = 256;

/// A mistake in a query, and where it is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fault {
    pub message: String,
    pub at: Option<Location>,
}

impl Fault {
    pub(super) fn new(message: impl Into<String>, at: Location) -> Self {
        // The parser marks nodes that come from nowhere in the text with line 0.
        Self {
            message: message.into(),
            at: (at.line > 0).then_some(at),
        }
    }
}

/// A parsed query that defines one relation.
#[derive(Debug, Clone)]
pub struct SparkQuery {
    source_name: String,
    query: Box<Query>,
}

/// Parses the one query in `sql`. `source_name` is the file's name, as in `credits.sql`; the
/// relation is named after it.
///
/// # Errors
/// [`Kind::Definition`], with file, line and column, when the text is not exactly one query in
/// Spark's grammar.
pub fn parse(sql: &str, source_name: &str) -> Result<SparkQuery> {
    let fault = |fault| definition_error("parse", source_name, fault);
    let dialect = SparkDialect::default();
    let mut parser = Parser::new(&dialect)
        .with_recursion_limit(NESTING_MAX)
        .try_with_sql(sql)
        .map_err(|error| fault(parser_fault(&error)))?;
    let statements = match parser.parse_statements() {
        Ok(statements) => statements,
        Err(error) => {
            // Some messages name no place; the parser stands where it gave up.
            let stopped_at = parser.peek_token_ref().span.start;
            let mut found = parser_fault(&error);
            found.at = found.at.or((stopped_at.line > 0).then_some(stopped_at));
            return Err(fault(found));
        }
    };
    match <[Statement; 1]>::try_from(statements) {
        Ok([Statement::Query(query)]) => Ok(SparkQuery {
            source_name: source_name.to_owned(),
            query,
        }),
        Ok([_]) => Err(fault(Fault {
            message: "expected a query (SELECT, WITH or VALUES), found another statement".into(),
            at: None,
        })),
        Err(others) => Err(fault(Fault {
            message: format!("expected one query, found {} statements", others.len()),
            at: None,
        })),
    }
}

impl SparkQuery {
    /// The names of the relations that the query reads, as written, without its own CTEs.
    pub fn referenced_tables(&self) -> BTreeSet<String> {
        relations::referenced(&self.query)
    }

    /// The query with literals in the place of its parameter markers (`:name`).
    ///
    /// # Errors
    /// [`Kind::Definition`], with file, line and column, for a marker without a value.
    pub fn bind(&self, params: &Params) -> Result<Self> {
        let mut bound = self.clone();
        params::bind(&mut bound.query, params)
            .map_err(|fault| definition_error("plan", &self.source_name, fault))?;
        Ok(bound)
    }

    /// Plans the query against the tables of a session that [`super::register`] has prepared.
    ///
    /// The plan is checked by the session's analyzer, so that wrong types are found here too.
    ///
    /// # Errors
    /// [`Kind::Definition`] for everything that is wrong with the query, with file, line and
    /// column where they are known.
    pub async fn plan(&self, state: &SessionState) -> Result<LogicalPlan> {
        let fault = |fault| definition_error("plan", &self.source_name, fault);
        let mut query = self.query.clone();
        rewrite::desugar(&mut query).map_err(fault)?;
        let tables = names::Tables::load(&relations::referenced(&query), state)
            .await
            .map_err(|error| self.planning_error(&error))?;
        names::resolve(&mut query, &tables).map_err(fault)?;
        let statement = DataFusionStatement::Statement(Box::new(Statement::Query(query)));
        let plan = state
            .statement_to_plan(statement)
            .await
            .map_err(|error| self.planning_error(&error))?;
        state
            .analyzer()
            .execute_and_check(plan.clone(), state.config_options(), |_, _| {})
            .map_err(|error| self.planning_error(&error))?;
        Ok(plan)
    }

    fn planning_error(&self, error: &DataFusionError) -> Error {
        if let Some(ours) = Error::from_text(&error.to_string()) {
            return ours;
        }
        let at = error.diagnostic().and_then(|diagnostic| diagnostic.span);
        definition_error(
            "plan",
            &self.source_name,
            Fault {
                message: one_line(error),
                at: at.map(|span| Location::new(span.start.line, span.start.column)),
            },
        )
    }
}

/// The cause at the bottom of DataFusion's chain of contexts, without its prefixes.
fn one_line(error: &DataFusionError) -> String {
    let message = error.find_root().message().into_owned();
    let message = message
        .split(DataFusionError::BACK_TRACE_SEP)
        .next()
        .unwrap_or_default();
    // A function that does not like its arguments says why, in the middle of the candidates that
    // DataFusion adds, and of its own prefixes.
    let reason = message.split("No function matches").next();
    let reason = reason.and_then(|reason| reason.rsplit("Error during planning: ").next());
    let reason = reason.filter(|reason| !reason.trim().is_empty());
    let words: Vec<&str> = reason.unwrap_or(message).split_whitespace().collect();
    words.join(" ")
}

fn definition_error(verb: &str, source_name: &str, fault: Fault) -> Error {
    let file = source_name
        .rsplit(['/', '\\'])
        .next()
        .unwrap_or(source_name);
    let relation = file.strip_suffix(".sql").unwrap_or(file);
    let cause = match fault.at {
        Some(at) => format!("{source_name}:{}:{}: {}", at.line, at.column, fault.message),
        None => format!("{source_name}: {}", fault.message),
    };
    Error::new(
        Kind::Definition,
        verb,
        format!("relation {relation}"),
        cause,
    )
}

/// Takes the position out of the parser's message, which ends in ` at Line: 1, Column: 2`.
pub(super) fn parser_fault(error: &ParserError) -> Fault {
    let text = match error {
        ParserError::ParserError(text) | ParserError::TokenizerError(text) => text.as_str(),
        ParserError::RecursionLimitExceeded => "the query nests too deeply",
    };
    let split = text.rsplit_once(" at Line: ").and_then(|(message, place)| {
        let (line, column) = place.split_once(", Column: ")?;
        let at = Location::new(line.trim().parse().ok()?, column.trim().parse().ok()?);
        Some(Fault::new(message.trim_end(), at))
    });
    split.unwrap_or_else(|| Fault {
        message: text.to_owned(),
        at: None,
    })
}

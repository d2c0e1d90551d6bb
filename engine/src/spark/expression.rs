//! Expressions that are put into queries: what stands in `job.toml` or on the command line.

use std::fmt;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Query, Visit, Visitor};
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::dialect::SparkDialect;
use super::query::{NESTING_MAX, parser_fault};

/// Why a text is no expression over the columns of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpressionFault {
    /// It is none, or more than one.
    Syntax(String),
    Subquery,
}

impl fmt::Display for ExpressionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(cause) => write!(f, "it is not one expression: {cause}"),
            Self::Subquery => f.write_str("it has a subquery, but it is about single rows"),
        }
    }
}

/// Refuses a text that is not exactly one expression over the columns of one row. Only then does
/// it mean in parentheses what it means alone.
///
/// # Errors
/// What is wrong with it.
pub fn check_expression(text: &str) -> Result<(), ExpressionFault> {
    let dialect = SparkDialect::default();
    let wrong = |error| ExpressionFault::Syntax(parser_fault(&error).message);
    let mut parser = Parser::new(&dialect)
        .with_recursion_limit(NESTING_MAX)
        .try_with_sql(text)
        .map_err(wrong)?;
    let expression = parser.parse_expr().map_err(wrong)?;
    let rest = parser.peek_token();
    if rest.token != Token::EOF {
        let cause = format!("`{}` is not expected there", rest.token);
        return Err(ExpressionFault::Syntax(cause));
    }
    match expression.visit(&mut Subqueries) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(ExpressionFault::Subquery),
    }
}

/// Stops at the first one.
struct Subqueries;

impl Visitor for Subqueries {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        ControlFlow::Break(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_expression_over_a_row_is_one() {
        for text in [
            "votes >= 0",
            "a IS NULL OR b = :run_date",
            "(true) OR (1 = 1)",
            "a > 1 -- or null",
            "title RLIKE '^[A-Z)]'",
            "x BETWEEN 1 AND 2 AND y IN (1, 2)",
        ] {
            assert_eq!(check_expression(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_is_none_or_several_is_refused() {
        for text in [
            "",
            "true) OR (1=1",
            "true, false",
            "a > 1 AS b",
            "a > 1;",
            "a >",
            "1 = 1 /*",
            "true) FROM t --",
        ] {
            let fault = check_expression(text);
            assert!(matches!(fault, Err(ExpressionFault::Syntax(_))), "{text}");
        }
        for text in [
            "id IN (SELECT 1)",
            "EXISTS (SELECT 1)",
            "1 + (SELECT max(a) FROM t) > 2",
        ] {
            assert_eq!(
                check_expression(text),
                Err(ExpressionFault::Subquery),
                "{text}"
            );
        }
    }
}

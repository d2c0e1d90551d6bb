//! Spark's named parameter markers: `:name` stands for a literal.
//!
//! A value takes its marker's place in the parsed query. Its text is never read as SQL, so that
//! nothing which a value holds can change what the query does.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;

use chrono::NaiveDate;
use datafusion::sql::sqlparser::ast::{
    DataType, Expr, Query, TypedString, UnaryOperator, Value, ValueWithSpan, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::query::Fault;
use crate::source::ColumnType;

/// The values of a query's parameters, by name.
pub type Params = BTreeMap<String, ParamValue>;

/// A value of a declared type.
#[derive(Debug, Clone, PartialEq)]
pub enum ParamValue {
    String(String),
    Int(i32),
    Bigint(i64),
    Double(f64),
    Boolean(bool),
    Date(NaiveDate),
}

impl ParamValue {
    /// Reads a value as a type; dates are of the form `2026-11-21`.
    ///
    /// # Errors
    /// In words, where the text is none of the type's.
    pub fn parse(kind: ColumnType, text: &str) -> Result<Self, String> {
        let word = text.trim();
        let value = match kind {
            ColumnType::String => Some(Self::String(text.to_owned())),
            ColumnType::Int => word.parse().ok().map(Self::Int),
            ColumnType::Bigint => word.parse().ok().map(Self::Bigint),
            ColumnType::Double => word
                .parse()
                .ok()
                .filter(|value: &f64| value.is_finite())
                .map(Self::Double),
            ColumnType::Boolean => word.to_ascii_lowercase().parse().ok().map(Self::Boolean),
            ColumnType::Date => word.parse().ok().map(Self::Date),
        };
        value.ok_or_else(|| {
            let kind = format!("{kind:?}").to_ascii_uppercase();
            format!("`{text}` is no {kind}")
        })
    }

    /// The value as a literal of its type.
    fn literal(&self, span: Span) -> Expr {
        let value = |value: Value| Expr::Value(value.with_span(span));
        match self {
            Self::String(text) => value(Value::SingleQuotedString(text.clone())),
            Self::Int(number) => signed(*number < 0, number.to_string(), false, span),
            Self::Bigint(number) => signed(*number < 0, number.to_string(), true, span),
            Self::Double(number) => signed(
                number.is_sign_negative(),
                format!("{number:e}"),
                false,
                span,
            ),
            Self::Boolean(truth) => value(Value::Boolean(*truth)),
            Self::Date(date) => Expr::TypedString(TypedString {
                data_type: DataType::Date,
                value: Value::SingleQuotedString(date.to_string()).with_span(span),
                uses_odbc_syntax: false,
            }),
        }
    }
}

impl fmt::Display for ParamValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) => f.write_str(text),
            Self::Int(number) => number.fmt(f),
            Self::Bigint(number) => number.fmt(f),
            Self::Double(number) => number.fmt(f),
            Self::Boolean(truth) => truth.fmt(f),
            Self::Date(date) => date.fmt(f),
        }
    }
}

/// A number as the grammar has it: the sign is an operator.
fn signed(negative: bool, digits: String, long: bool, span: Span) -> Expr {
    let number = |digits: &str| Expr::Value(Value::Number(digits.to_owned(), long).with_span(span));
    if !negative {
        return number(&digits);
    }
    let operand = number(digits.trim_start_matches('-'));
    // In parentheses, so that `-:x` does not become a comment or a second sign.
    Expr::Nested(Box::new(Expr::UnaryOp {
        op: UnaryOperator::Minus,
        expr: Box::new(operand),
    }))
}

/// Puts values in the place of a query's markers.
pub(super) fn bind(query: &mut Query, params: &Params) -> Result<(), Fault> {
    match query.visit(&mut Bind { params }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(fault) => Err(fault),
    }
}

struct Bind<'a> {
    params: &'a Params,
}

impl VisitorMut for Bind<'_> {
    type Break = Fault;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Fault> {
        let Expr::Value(ValueWithSpan {
            value: Value::Placeholder(marker),
            span,
        }) = expr
        else {
            return ControlFlow::Continue(());
        };
        let value = marker
            .strip_prefix(':')
            .and_then(|name| self.params.get(name));
        match value {
            Some(value) => {
                *expr = value.literal(*span);
                ControlFlow::Continue(())
            }
            None => ControlFlow::Break(Fault::new(self.unknown(marker), span.start)),
        }
    }
}

impl Bind<'_> {
    fn unknown(&self, marker: &str) -> String {
        if !marker.starts_with(':') {
            return format!("`{marker}` is no parameter; parameters are written as :name");
        }
        let known: Vec<String> = self.params.keys().map(|name| format!(":{name}")).collect();
        match known.is_empty() {
            true => format!("there is no parameter {marker}"),
            false => format!(
                "there is no parameter {marker}; there are {}",
                known.join(", ")
            ),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_their_types() {
        let read = |kind, text| ParamValue::parse(kind, text);
        assert_eq!(read(ColumnType::Int, "-3"), Ok(ParamValue::Int(-3)));
        assert_eq!(
            read(ColumnType::Boolean, "TRUE"),
            Ok(ParamValue::Boolean(true))
        );
        let day = NaiveDate::from_ymd_opt(2026, 11, 21).unwrap();
        assert_eq!(
            read(ColumnType::Date, "2026-11-21"),
            Ok(ParamValue::Date(day))
        );
        for (kind, text) in [
            (ColumnType::Int, "3000000000"),
            (ColumnType::Int, "1.5"),
            (ColumnType::Bigint, ""),
            (ColumnType::Double, "NaN"),
            (ColumnType::Boolean, "yes"),
            (ColumnType::Date, "2026-02-30"),
        ] {
            let error = read(kind, text).unwrap_err();
            assert!(error.contains(text), "{error}");
        }
    }
}

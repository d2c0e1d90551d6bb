//! What is refused before anything runs: conditions that are none, and expectations that compare
//! values of types which do not compare.

use chrono::NaiveDate;
use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::table::spark_type;
use cinemill_engine::spark::{self, ExpressionFault};
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::TableReference;
use datafusion::prelude::SessionContext;

use crate::job::{Expectation, JobDefinition, References, Rule, Scalar};

/// Refuses conditions that would change the query into which they are put.
pub fn conditions_are_expressions(job: &JobDefinition) -> Result<()> {
    for expectation in &job.expectations {
        let Rule::Condition(condition) = &expectation.rule else {
            continue;
        };
        if let Err(fault) = spark::check_expression(condition) {
            let error = refused(job, expectation, &fault);
            return Err(match fault {
                ExpressionFault::Subquery => {
                    error.hint("write it as a query for what offends, in checks/*.sql")
                }
                ExpressionFault::Syntax(_) => error,
            });
        }
    }
    Ok(())
}

/// Refuses a condition whose column, in the planned output, is neither true nor false.
pub fn condition_is_boolean(job: &JobDefinition, name: &str, kind: &DataType) -> Result<()> {
    if *kind == DataType::Boolean {
        return Ok(());
    }
    let kind = spark_type(kind);
    let cause = format!(
        "job.toml: the expectation `{name}`: its condition is of the type {kind}, not boolean"
    );
    Err(Error::new(Kind::Definition, "plan job", &job.name, cause))
}

/// Refuses expectations about columns of a table whose types do not fit.
pub fn columns_fit(job: &JobDefinition, table: &str, schema: &Schema) -> Result<()> {
    for expectation in job.expectations.iter().filter(|e| e.is_of(table)) {
        let misfit = match &expectation.rule {
            Rule::Accepted(columns) => columns.iter().find_map(|(column, values)| {
                values
                    .iter()
                    .find_map(|value| misfit(schema, column, value))
            }),
            Rule::Range(columns) => columns.iter().find_map(|(column, range)| {
                let mut bounds = range.min.iter().chain(&range.max);
                bounds.find_map(|value| misfit(schema, column, value))
            }),
            Rule::Freshness(freshness) => not_a_time(schema, &freshness.column),
            _ => None,
        };
        if let Some(cause) = misfit {
            return Err(refused(job, expectation, cause)
                .hint("cast the column in the relation, or write the other type"));
        }
    }
    Ok(())
}

/// Refuses references between columns that do not compare. The session has all tables.
pub async fn references_fit(context: &SessionContext, job: &JobDefinition) -> Result<()> {
    for expectation in &job.expectations {
        let Rule::References(references) = &expectation.rule else {
            continue;
        };
        let only = || job.outputs.first().map(|output| output.name.as_str());
        let Some(table) = expectation.table.as_deref().or_else(only) else {
            continue;
        };
        let own = schema_of(context, table).await?;
        let other = schema_of(context, &references.table).await?;
        if let Some(cause) = unlike(references, &own, &other) {
            return Err(refused(job, expectation, cause).hint("cast one of them in its relation"));
        }
    }
    Ok(())
}

async fn schema_of(context: &SessionContext, table: &str) -> Result<Schema> {
    let provider = context.table_provider(TableReference::bare(table)).await;
    let provider = provider.map_err(|c| Error::from_datafusion(&c, "plan relation", table))?;
    Ok(provider.schema().as_ref().clone())
}

fn refused(job: &JobDefinition, expectation: &Expectation, cause: impl std::fmt::Display) -> Error {
    let name = &expectation.name;
    let cause = format!("job.toml: the expectation `{name}`: {cause}");
    Error::new(Kind::Definition, "plan job", &job.name, cause)
}

/// Values that compare with each other and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Text,
    Number,
    Time,
    Truth,
}

/// `None` for types of which nothing is said here.
fn class(kind: &DataType) -> Option<Class> {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some(Class::Text),
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => Some(Class::Time),
        DataType::Boolean => Some(Class::Truth),
        kind if kind.is_numeric() => Some(Class::Number),
        _ => None,
    }
}

/// The type of a column, named as Spark does, without regard to case.
fn kind_of<'s>(schema: &'s Schema, column: &str) -> Option<&'s DataType> {
    let mut fields = schema.fields().iter();
    let field = fields.find(|field| field.name().eq_ignore_ascii_case(column))?;
    Some(field.data_type())
}

fn misfit(schema: &Schema, column: &str, value: &Scalar) -> Option<String> {
    let kind = kind_of(schema, column)?;
    let fits = match (class(kind)?, value) {
        (Class::Text, Scalar::Text(_))
        | (Class::Number, Scalar::Integer(_) | Scalar::Float(_))
        | (Class::Truth, Scalar::Boolean(_)) => true,
        (Class::Number, Scalar::Text(text)) => text.trim().parse::<f64>().is_ok(),
        (Class::Time, Scalar::Text(text)) => is_time(text),
        (Class::Truth, Scalar::Text(text)) => is_truth(text),
        _ => false,
    };
    let what = match value {
        Scalar::Text(text) => format!("the text '{text}'"),
        other => other.to_string(),
    };
    let kind = spark_type(kind);
    (!fits).then(|| format!("`{column}` is of the type {kind}, which does not compare with {what}"))
}

fn not_a_time(schema: &Schema, column: &str) -> Option<String> {
    let kind = kind_of(schema, column)?;
    let kind = (class(kind)? != Class::Time).then(|| spark_type(kind))?;
    Some(format!(
        "`{column}` is of the type {kind}, no date or timestamp"
    ))
}

fn unlike(references: &References, own: &Schema, other: &Schema) -> Option<String> {
    let mut pairs = references.columns.iter().zip(&references.to);
    pairs.find_map(|(column, to)| {
        let (kind, there) = (kind_of(own, column)?, kind_of(other, to)?);
        (class(kind)? != class(there)?).then(|| {
            let (kind, there) = (spark_type(kind), spark_type(there));
            format!(
                "`{column}` is of the type {kind}, but `{to}` of {} of {there}",
                references.table
            )
        })
    })
}

/// Whether a text begins with a date as Spark reads one: the month and the day may be absent.
fn is_time(text: &str) -> bool {
    let date = text.trim().split(['T', ' ']).next().unwrap_or_default();
    let rest = match date.matches('-').count() {
        0 => "-1-1",
        1 => "-1",
        _ => "",
    };
    format!("{date}{rest}").parse::<NaiveDate>().is_ok()
}

/// Whether Spark casts a text to a truth value.
fn is_truth(text: &str) -> bool {
    let words = ["true", "false", "t", "f", "yes", "no", "y", "n", "1", "0"];
    words
        .iter()
        .any(|word| text.trim().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::Field;

    use super::*;

    #[test]
    fn values_fit_columns_of_their_class() {
        let fields = [
            ("name", DataType::Utf8View),
            ("votes", DataType::Int32),
            ("cost", DataType::Decimal128(10, 2)),
            ("seen", DataType::Date32),
            ("adult", DataType::Boolean),
            ("raw", DataType::Binary),
        ];
        let fields = fields.map(|(name, kind)| Field::new(name, kind, true));
        let schema = Schema::new(fields.to_vec());
        let text = |text: &str| Scalar::Text(text.to_owned());
        for (column, value, fits) in [
            ("name", text("a"), true),
            ("NAME", Scalar::Integer(1), false),
            ("votes", Scalar::Float(1.5), true),
            ("votes", text(" 7"), true),
            ("votes", text("many"), false),
            ("cost", Scalar::Integer(1), true),
            ("seen", text("2026-11-21"), true),
            ("seen", text("2026-1-2 10:00:00"), true),
            ("seen", text("2026"), true),
            ("seen", text("soon"), false),
            ("seen", Scalar::Integer(2026), false),
            ("adult", Scalar::Boolean(true), true),
            ("adult", text("Yes"), true),
            ("adult", Scalar::Integer(1), false),
            ("raw", Scalar::Integer(1), true),
            ("nowhere", Scalar::Integer(1), true),
        ] {
            let found = misfit(&schema, column, &value);
            assert_eq!(found.is_none(), fits, "{column} {value}: {found:?}");
        }
    }
}

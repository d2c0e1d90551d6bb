//! `[[expect]]`: what must hold of a table before it is published.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::scalar::Scalar;

/// What becomes of a run whose table breaks an expectation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is published.
    #[default]
    Fail,
    /// The verdict tells, and the table is published.
    Warn,
}

/// One expectation of one table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ExpectationTable", into = "ExpectationTable")]
pub struct Expectation {
    /// In words, for messages.
    pub name: String,
    /// The output table; absent where there is only one.
    pub table: Option<String>,
    pub severity: Severity,
    pub rule: Rule,
}

/// The kinds of expectations. In all of them a null is no offence, except to `NotNull`.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// Spark SQL over the table's columns, which no row may make false.
    Condition(String),
    NotNull(Vec<String>),
    /// No two rows share these columns.
    Unique(Vec<String>),
    /// The only values of each column.
    Accepted(BTreeMap<String, Vec<Scalar>>),
    Range(BTreeMap<String, Range>),
    Rows(Rows),
    References(References),
    Freshness(Freshness),
}

/// Bounds of a column's values, both included.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Scalar>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Scalar>,
}

impl Range {
    /// Whether no value is within it.
    fn is_empty(&self) -> bool {
        let bounds = self.min.as_ref().zip(self.max.as_ref());
        bounds.is_some_and(|(min, max)| min.order(max) == Some(Ordering::Greater))
    }
}

/// Bounds of the number of rows, both included.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rows {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u64>,
}

/// Each row's `columns` stand in a row of `table`, as `to`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct References {
    pub columns: Vec<String>,
    /// An output table, a relation or an input.
    pub table: String,
    /// `columns` where not given.
    #[serde(default)]
    pub to: Vec<String>,
}

/// The newest value is at most so many days older than `:run_date`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freshness {
    pub column: String,
    pub max_age_days: u32,
}

/// As written: one table of TOML, in which exactly one of the kinds stands.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ExpectationTable {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<String>,
    severity: Severity,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_null: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unique: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<BTreeMap<String, Vec<Scalar>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<BTreeMap<String, Range>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<Rows>,
    #[serde(skip_serializing_if = "Option::is_none")]
    references: Option<References>,
    #[serde(skip_serializing_if = "Option::is_none")]
    freshness: Option<Freshness>,
}

const KINDS: &str = "condition, not_null, unique, accepted, range, rows, references, freshness";

impl TryFrom<ExpectationTable> for Expectation {
    type Error = String;

    fn try_from(written: ExpectationTable) -> Result<Self, String> {
        let rules = [
            written.condition.map(Rule::Condition),
            written.not_null.map(Rule::NotNull),
            written.unique.map(Rule::Unique),
            written.accepted.map(Rule::Accepted),
            written.range.map(Rule::Range),
            written.rows.map(Rule::Rows),
            written.references.map(Rule::References),
            written.freshness.map(Rule::Freshness),
        ];
        let mut rules = rules.into_iter().flatten();
        let (Some(mut rule), None) = (rules.next(), rules.next()) else {
            return Err(format!("an expectation has exactly one of {KINDS}"));
        };
        if let Rule::References(references) = &mut rule
            && references.to.is_empty()
        {
            references.to.clone_from(&references.columns);
        }
        rule.check()?;
        let name = match (written.name, &rule) {
            (Some(name), _) => name,
            (None, Rule::Condition(_)) => {
                return Err("a condition has a `name`, which says it in words".to_owned());
            }
            (None, rule) => rule.words(),
        };
        Ok(Self {
            name,
            table: written.table,
            severity: written.severity,
            rule,
        })
    }
}

impl From<Expectation> for ExpectationTable {
    fn from(expectation: Expectation) -> Self {
        let mut table = Self {
            name: Some(expectation.name),
            table: expectation.table,
            severity: expectation.severity,
            ..Self::default()
        };
        match expectation.rule {
            Rule::Condition(rule) => table.condition = Some(rule),
            Rule::NotNull(rule) => table.not_null = Some(rule),
            Rule::Unique(rule) => table.unique = Some(rule),
            Rule::Accepted(rule) => table.accepted = Some(rule),
            Rule::Range(rule) => table.range = Some(rule),
            Rule::Rows(rule) => table.rows = Some(rule),
            Rule::References(rule) => table.references = Some(rule),
            Rule::Freshness(rule) => table.freshness = Some(rule),
        }
        table
    }
}

impl Expectation {
    /// The expectation as a condition on single rows, in Spark SQL; `None` where it is about more
    /// than one row. A row where it is null does not break it.
    pub fn condition_sql(&self) -> Option<String> {
        let all = |conditions: Vec<String>| Some(conditions.join(" AND "));
        match &self.rule {
            Rule::Condition(condition) => Some(condition.clone()),
            Rule::NotNull(columns) => all(columns.iter().map(|c| is_not_null(c)).collect()),
            Rule::Accepted(columns) => all(columns.iter().map(accepted).collect()),
            Rule::Range(columns) => all(columns.iter().flat_map(bounds).collect()),
            Rule::Unique(_) | Rule::Rows(_) | Rule::References(_) | Rule::Freshness(_) => None,
        }
    }

    /// Whether it is about an output table.
    pub fn is_of(&self, table: &str) -> bool {
        self.table.as_deref().is_none_or(|own| own == table)
    }

    /// The table's columns that it names outside of SQL.
    pub fn columns(&self) -> Vec<&str> {
        match &self.rule {
            Rule::Condition(_) | Rule::Rows(_) => Vec::new(),
            Rule::NotNull(columns) | Rule::Unique(columns) => texts(columns),
            Rule::Accepted(columns) => columns.keys().map(String::as_str).collect(),
            Rule::Range(columns) => columns.keys().map(String::as_str).collect(),
            Rule::References(references) => texts(&references.columns),
            Rule::Freshness(freshness) => vec![&freshness.column],
        }
    }
}

fn texts(columns: &[String]) -> Vec<&str> {
    columns.iter().map(String::as_str).collect()
}

/// A name as SQL writes it, whatever it holds.
pub fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// The condition that a column is not null.
pub fn is_not_null(column: &str) -> String {
    format!("{} IS NOT NULL", quoted(column))
}

fn accepted((column, values): (&String, &Vec<Scalar>)) -> String {
    let values: Vec<String> = values.iter().map(Scalar::sql).collect();
    format!("{} IN ({})", quoted(column), values.join(", "))
}

fn bounds((column, range): (&String, &Range)) -> Vec<String> {
    let bound = |operator: &str, value: &Option<Scalar>| {
        let value = value.as_ref()?;
        Some(format!("{} {operator} {}", quoted(column), value.sql()))
    };
    let both = [bound(">=", &range.min), bound("<=", &range.max)];
    both.into_iter().flatten().collect()
}

impl Rule {
    fn check(&self) -> Result<(), String> {
        let is_empty = match self {
            Self::Condition(condition) => condition.trim().is_empty(),
            Self::NotNull(columns) | Self::Unique(columns) => columns.is_empty(),
            Self::Accepted(columns) => columns.is_empty() || columns.values().any(Vec::is_empty),
            Self::Range(columns) => {
                let open = |range: &Range| range.min.is_none() && range.max.is_none();
                columns.is_empty() || columns.values().any(open)
            }
            Self::Rows(rows) => rows.min.is_none() && rows.max.is_none(),
            Self::References(references) => references.columns.is_empty(),
            Self::Freshness(_) => false,
        };
        match self {
            _ if is_empty => Err("an expectation that expects nothing".to_owned()),
            Self::References(references) if references.columns.len() != references.to.len() => {
                Err("references: `columns` and `to` are as many".to_owned())
            }
            Self::Rows(rows) if rows.min.zip(rows.max).is_some_and(|(min, max)| min > max) => {
                Err("rows: `min` is greater than `max`".to_owned())
            }
            Self::Range(columns) => match columns.iter().find(|(_, range)| range.is_empty()) {
                Some((column, _)) => Err(format!("range: {column}: `min` is greater than `max`")),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// The name of an expectation that was given none.
    fn words(&self) -> String {
        let listed = |columns: &[String]| columns.join(", ");
        match self {
            Self::Condition(condition) => condition.clone(),
            Self::NotNull(columns) => format!("{} is not null", listed(columns)),
            Self::Unique(columns) => format!("{} is unique", listed(columns)),
            Self::Accepted(columns) => {
                let columns = columns.iter().map(|(column, values)| {
                    let values: Vec<String> = values.iter().map(Scalar::to_string).collect();
                    format!("{column} is one of {}", values.join(", "))
                });
                columns.collect::<Vec<_>>().join("; ")
            }
            Self::Range(columns) => {
                let columns = columns.iter().map(|(column, range)| {
                    format!("{column} is {}", between(&range.min, &range.max))
                });
                columns.collect::<Vec<_>>().join("; ")
            }
            Self::Rows(rows) => format!("the number of rows is {}", between(&rows.min, &rows.max)),
            Self::References(references) => {
                let (columns, to) = (listed(&references.columns), listed(&references.to));
                format!("{columns} stands in {}.{to}", references.table)
            }
            Self::Freshness(freshness) => {
                let (column, days) = (&freshness.column, freshness.max_age_days);
                format!("{column} is at most {days} days old")
            }
        }
    }
}

fn between<T: std::fmt::Display>(min: &Option<T>, max: &Option<T>) -> String {
    match (min, max) {
        (Some(min), Some(max)) => format!("from {min} to {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => "anything".to_owned(),
    }
}

/// What is wrong with expectations among each other, or with the names of tables in them.
/// `outputs` are the output tables, `known` all tables that SQL of the job may name.
pub fn check(expectations: &[Expectation], outputs: &[&str], known: &[&str]) -> Result<(), String> {
    for (place, expectation) in expectations.iter().enumerate() {
        let name = &expectation.name;
        let wrong = |cause: String| Err(format!("the expectation `{name}`: {cause}"));
        match &expectation.table {
            Some(table) if !outputs.contains(&table.as_str()) => {
                let outputs = outputs.join(", ");
                return wrong(format!("there is no output `{table}`; there are {outputs}"));
            }
            None if outputs.len() > 1 => {
                let outputs = outputs.join(", ");
                return wrong(format!("it names no `table`; there are {outputs}"));
            }
            _ => {}
        }
        if let Rule::References(references) = &expectation.rule
            && !known.contains(&references.table.as_str())
        {
            let table = &references.table;
            return wrong(format!(
                "there is no table `{table}`; there are {}",
                known.join(", ")
            ));
        }
        let same = |other: &Expectation| other.name == *name && other.table == expectation.table;
        if expectations[..place].iter().any(same) {
            return wrong("it stands twice".to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Expectation, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn each_kind_has_words_and_row_wise_ones_a_condition() {
        for (text, name, condition) in [
            ("name = \"n\"\ncondition = \"a > 1\"", "n", Some("a > 1")),
            (
                "not_null = [\"a\", \"b\"]",
                "a, b is not null",
                Some("`a` IS NOT NULL AND `b` IS NOT NULL"),
            ),
            ("unique = [\"a\", \"b\"]", "a, b is unique", None),
            (
                "accepted = { t = [\"it's\", 1, true] }",
                "t is one of it's, 1, true",
                Some(r"`t` IN ('it\'s', 1, true)"),
            ),
            (
                "range = { r = { min = 1, max = 9.5 }, s = { max = \"2026-01-01\" } }",
                "r is from 1 to 9.5; s is at most 2026-01-01",
                Some("`r` >= 1 AND `r` <= 9.5e0 AND `s` <= '2026-01-01'"),
            ),
            (
                "rows = { min = 1 }",
                "the number of rows is at least 1",
                None,
            ),
            // The order of texts is another one where the column has numbers.
            (
                "range = { n = { min = \"9\", max = \"10\" } }",
                "n is from 9 to 10",
                Some("`n` >= '9' AND `n` <= '10'"),
            ),
            (
                "references = { columns = [\"a\"], table = \"t\" }",
                "a stands in t.a",
                None,
            ),
            (
                "freshness = { column = \"d\", max_age_days = 2 }",
                "d is at most 2 days old",
                None,
            ),
        ] {
            let found = read(text).unwrap();
            assert_eq!(found.name, name);
            assert_eq!(found.condition_sql().as_deref(), condition);
            let json = serde_json::to_string(&found).unwrap();
            assert_eq!(serde_json::from_str::<Expectation>(&json).unwrap(), found);
        }
    }

    #[test]
    fn what_is_no_expectation_is_told() {
        for (text, words) in [
            ("name = \"n\"", "exactly one of condition"),
            ("unique = [\"a\"]\nrows = { min = 1 }", "exactly one of"),
            ("condition = \"a > 1\"", "has a `name`"),
            ("not_null = []", "expects nothing"),
            ("range = { a = {} }", "expects nothing"),
            ("accepted = { a = [] }", "expects nothing"),
            ("rows = {}", "expects nothing"),
            ("rows = { min = 5, max = 2 }", "greater than `max`"),
            (
                "range = { a = { min = 1 }, b = { min = 2.5, max = 2 } }",
                "range: b: `min` is greater",
            ),
            (
                "range = { d = { min = \"2026-02-01\", max = \"2026-01-01\" } }",
                "range: d",
            ),
            ("severity = \"maybe\"\nrows = { min = 1 }", "maybe"),
            ("rows = { most = 1 }", "most"),
            (
                "references = { columns = [\"a\"], table = \"t\", to = [\"b\", \"c\"] }",
                "as many",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn tables_must_exist_and_names_differ() {
        let one = |text: &str| vec![read(text).unwrap()];
        let known = ["a", "b", "in"];
        let wrong = |expectations: &[Expectation], outputs: &[&str]| {
            check(expectations, outputs, &known).unwrap_err()
        };
        let unnamed = one("unique = [\"x\"]");
        assert_eq!(check(&unnamed, &["a"], &known), Ok(()));
        assert!(wrong(&unnamed, &["a", "b"]).contains("names no `table`"));
        let other = one("table = \"c\"\nunique = [\"x\"]");
        assert!(wrong(&other, &["a"]).contains("no output `c`"));
        let reference = one("references = { columns = [\"x\"], table = \"c\" }");
        assert!(wrong(&reference, &["a"]).contains("no table `c`"));
        let twice = [unnamed.clone(), unnamed].concat();
        assert!(wrong(&twice, &["a"]).contains("stands twice"));
    }
}

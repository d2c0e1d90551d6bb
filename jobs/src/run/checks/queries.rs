//! Expectations about more than one row, as queries for what offends them.

use cinemill_engine::sink::table::Manifest;

use crate::job::{Freshness, JobDefinition, References, Rule, Severity, is_not_null, quoted};
use crate::run::modes::Before;
use crate::run::request::RunRequest;

/// A query whose rows must not be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The output table that it is about; absent where it goes without saying.
    pub table: Option<String>,
    /// What is expected, in words.
    pub name: String,
    pub severity: Severity,
    /// The file, for messages about the SQL.
    pub file: String,
    /// Spark SQL.
    pub sql: String,
}

/// The keys of inputs.
pub fn input_keys(job: &JobDefinition) -> Vec<Question> {
    let inputs = job.inputs.iter();
    let keyed = inputs.filter(|(_, input)| !input.key.is_empty());
    keyed
        .map(|(name, input)| unique_key(name, &input.key))
        .collect()
}

/// The keys of output tables whose rows are all the run's, but for those that follow from an
/// input's.
pub fn output_keys(request: &RunRequest, base: Option<&Manifest>) -> Vec<Question> {
    let asked = request.job.outputs.iter().filter(|output| {
        let is_added_to =
            request.adds(output) && Before::of(output, &request.output, base).is_some();
        // With `one_row_per` the number of rows proves the output's key, at no cost.
        // Chunks are looked at when they have been made, and so is what is added.
        let is_looked_at = is_added_to || request.options.chunks.is_some();
        !output.key.is_empty() && output.one_row_per.is_none() && !is_looked_at
    });
    asked
        .map(|output| unique_key(&output.relation, &output.key))
        .collect()
}

/// The key of a table: never twice.
pub fn unique_key(table: &str, key: &[String]) -> Question {
    Question {
        table: None,
        name: format!("{table}.{} is unique", key.join(",")),
        severity: Severity::Fail,
        file: "job.toml".to_owned(),
        sql: repeated(table, key),
    }
}

/// The expectations that are about more than one row, and the queries of `checks/`.
pub fn sets(job: &JobDefinition) -> Vec<Question> {
    let expectations = job.expectations.iter().filter_map(|expectation| {
        let only = || job.outputs.first().map(|output| output.name.as_str());
        let table = expectation.table.as_deref().or_else(only)?;
        Some(Question {
            table: expectation.table.clone(),
            name: expectation.name.clone(),
            severity: expectation.severity,
            file: "job.toml".to_owned(),
            sql: offending(table, &expectation.rule)?,
        })
    });
    let checks = job.checks.iter().map(|check| Question {
        table: None,
        name: check.title.clone(),
        severity: check.severity,
        file: check.file(),
        sql: check.sql.clone(),
    });
    expectations.chain(checks).collect()
}

fn offending(table: &str, rule: &Rule) -> Option<String> {
    match rule {
        Rule::Unique(columns) => Some(repeated(table, columns)),
        Rule::References(references) => Some(dangling(table, references)),
        Rule::Freshness(freshness) => Some(stale(table, freshness)),
        // The number of rows is known without a query.
        Rule::Condition(_)
        | Rule::NotNull(_)
        | Rule::Accepted(_)
        | Rule::Range(_)
        | Rule::Rows(_) => None,
    }
}

fn repeated(table: &str, columns: &[String]) -> String {
    let known: Vec<String> = columns.iter().map(|c| is_not_null(c)).collect();
    let columns: Vec<String> = columns.iter().map(|c| quoted(c)).collect();
    let (columns, known) = (columns.join(", "), known.join(" AND "));
    let table = quoted(table);
    format!("SELECT {columns} FROM {table} WHERE {known} GROUP BY {columns} HAVING count(*) > 1")
}

fn dangling(table: &str, references: &References) -> String {
    let References { columns, to, .. } = references;
    let own: Vec<String> = columns.iter().map(|c| quoted(c)).collect();
    let known: Vec<String> = columns.iter().map(|c| is_not_null(c)).collect();
    let pairs = own.iter().zip(to);
    let same: Vec<String> = pairs
        .map(|(own, to)| format!("s.{own} = r.{}", quoted(to)))
        .collect();
    format!(
        "SELECT DISTINCT {own} FROM {source} AS s \
         LEFT ANTI JOIN {target} AS r ON {same} WHERE {known}",
        own = prefixed(&own),
        source = quoted(table),
        target = quoted(&references.table),
        same = same.join(" AND "),
        known = known
            .iter()
            .map(|known| format!("s.{known}"))
            .collect::<Vec<_>>()
            .join(" AND "),
    )
}

fn prefixed(columns: &[String]) -> String {
    let columns: Vec<String> = columns.iter().map(|column| format!("s.{column}")).collect();
    columns.join(", ")
}

fn stale(table: &str, freshness: &Freshness) -> String {
    let Freshness {
        column,
        max_age_days,
    } = freshness;
    let (table, column) = (quoted(table), quoted(column));
    format!(
        "SELECT newest FROM (SELECT max(CAST({column} AS DATE)) AS newest FROM {table}) AS m \
         WHERE newest IS NULL OR newest < date_sub(:run_date, {max_age_days})"
    )
}

//! What must hold in the warehouse once the rows are there.
//!
//! Each check is a query of one row and one column: null, or what is wrong in words.

use cinemill_engine::sink::figures::Sum;
use datafusion::arrow::datatypes::DataType;

use super::design::Design;
use super::dialect::{Dialect, TableName, quote, quote_all};
use super::expectation::translate;
use super::published::{PublishedTable, SourceColumn};
use crate::job::{Expectation, References, Rows, Rule, Severity};

/// A check with what it is about, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    pub name: String,
    pub sql: String,
}

/// A chain of conditions, the first of which that is met tells what is wrong.
#[derive(Default)]
struct Cases {
    selected: Vec<String>,
    cases: Vec<String>,
}

impl Cases {
    /// Selects an expression over the relation and answers the name that it has in the cases.
    fn select(&mut self, expression: &str) -> String {
        let name = format!("f{}", self.selected.len() + 1);
        self.selected.push(format!("{expression} AS {name}"));
        format!("f.{name}")
    }

    /// Whether `value` is not `expected`, and then that and what it is, after `words`.
    fn expect(&mut self, dialect: Dialect, value: &str, expected: &str, words: &str) {
        let words = dialect.string(&format!("{words}: expected {expected}, found "));
        self.case(
            &format!("{value} <> {expected}"),
            &format!("{words} || {}", text(value)),
        );
    }

    fn case(&mut self, condition: &str, words: &str) {
        self.cases.push(format!("WHEN {condition} THEN {words}"));
    }

    fn sql(&self, relation: &str) -> String {
        let (cases, selected) = (self.cases.join("\n    "), self.selected.join(",\n    "));
        format!(
            "SELECT CASE\n    {cases}\nEND\nFROM (SELECT\n    {selected}\nFROM {relation}) AS f"
        )
    }
}

/// A number as text.
fn text(value: &str) -> String {
    format!("CAST({value} AS VARCHAR)")
}

/// Whether a relation has exactly the rows of the files, as far as counts and sums can tell.
pub fn same_rows(dialect: Dialect, relation: &str, published: &PublishedTable) -> String {
    let mut cases = Cases::default();
    let rows = published.rows;
    let count = cases.select("COUNT(*)");
    cases.expect(dialect, &count, &rows.to_string(), "rows");
    for column in &published.columns {
        let name = &column.name;
        let values = cases.select(&format!("COUNT({})", quote(name)));
        let expected = rows.saturating_sub(column.figures.nulls).to_string();
        cases.expect(dialect, &values, &expected, &format!("values in {name}"));
        if let Some((expression, expected)) = sum(column) {
            let sum = cases.select(&format!("COALESCE(SUM({expression}), 0)"));
            cases.expect(dialect, &sum, &expected, &format!("checksum of {name}"));
        }
    }
    cases.sql(relation)
}

/// What is summed over a column, and the sum that the files have.
fn sum(column: &SourceColumn) -> Option<(String, String)> {
    let Sum(Some(sum)) = column.figures.sum else {
        return None;
    };
    let name = quote(&column.name);
    let expression = match &column.data_type {
        DataType::Boolean => format!("CASE WHEN {name} THEN 1 ELSE 0 END"),
        DataType::Utf8 | DataType::Binary => format!("OCTET_LENGTH({name})"),
        DataType::Date32 => format!("{name} - DATE '1970-01-01'"),
        DataType::Timestamp(..) => format!("CAST(FLOOR(EXTRACT(EPOCH FROM {name})) AS BIGINT)"),
        DataType::Float32 | DataType::Float64 => {
            format!("CAST(FLOOR(CAST({name} AS DOUBLE PRECISION) * 1000) AS DECIMAL(38, 0))")
        }
        DataType::Decimal128(_, scale) => return Some((name, decimal(sum, *scale))),
        _ => name,
    };
    Some((expression, sum.to_string()))
}

/// A sum of decimals with its point; no column that is loaded has a negative scale.
fn decimal(sum: i128, scale: i8) -> String {
    let scale = usize::from(scale.unsigned_abs());
    let digits = format!("{:0width$}", sum.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if sum < 0 { "-" } else { "" };
    match fraction {
        "" => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{fraction}"),
    }
}

/// What the job expects of a table's rows, whatever was loaded last: some rows, a key in each,
/// every condition that a warehouse understands; then that no key stands twice.
pub fn expectations(dialect: Dialect, table: &TableName, design: Design<'_>) -> Vec<Check> {
    let mut checks = vec![conditions(dialect, table, design)];
    let key = texts(design.key());
    if !key.is_empty() {
        checks.push(Check {
            name: format!("{} is unique", key.join(", ")),
            sql: repeated_key(dialect, &table.sql(), &key),
        });
    }
    checks.extend(
        failing(design).filter_map(|expectation| match &expectation.rule {
            Rule::Unique(columns) => Some(Check {
                name: expectation.name.clone(),
                sql: repeated(dialect, &table.sql(), &texts(columns), true),
            }),
            _ => None,
        }),
    );
    checks
}

fn conditions(dialect: Dialect, table: &TableName, design: Design<'_>) -> Check {
    let mut cases = Cases::default();
    let mut names = Vec::new();
    let rows = cases.select("COUNT(*)");
    // One of several tables may well be empty; what may not, `job.toml` says.
    if !design.job.has_tables() {
        names.push("there are rows".to_owned());
        let none = format!("{rows} = 0");
        cases.case(&none, &dialect.string("the table has no rows"));
    }
    for expectation in failing(design) {
        if let Rule::Rows(bounds) = &expectation.rule {
            let words = dialect.string(&format!("{}, but is ", expectation.name));
            let broken = out_of_bounds(&rows, bounds);
            cases.case(&broken, &format!("{words} || {}", text(&rows)));
            names.push(expectation.name.clone());
        }
    }
    for (name, holds) in row_conditions(design) {
        // A condition that is null is not broken.
        let broken = format!("COALESCE(SUM(CASE WHEN NOT ({holds}) THEN 1 ELSE 0 END), 0)");
        let broken = cases.select(&broken);
        let words = dialect.string(&format!("{name}: rows that break it: "));
        cases.case(
            &format!("{broken} > 0"),
            &format!("{words} || {}", text(&broken)),
        );
        names.push(name);
    }
    Check {
        name: names.join("; "),
        sql: cases.sql(&table.sql()),
    }
}

/// What holds for each row, with its name.
fn row_conditions(design: Design<'_>) -> impl Iterator<Item = (String, String)> {
    let known = design.key().iter().map(|column| {
        let holds = format!("{} IS NOT NULL", quote(column));
        (format!("{column} is not null"), holds)
    });
    let translated = failing(design).filter_map(|expectation| {
        let holds = translate(&expectation.condition_sql()?)?;
        Some((expectation.name.clone(), holds))
    });
    known.chain(translated)
}

fn out_of_bounds(value: &str, bounds: &Rows) -> String {
    let below = bounds.min.map(|min| format!("{value} < {min}"));
    let above = bounds.max.map(|max| format!("{value} > {max}"));
    let broken: Vec<String> = below.into_iter().chain(above).collect();
    broken.join(" OR ")
}

/// Those that keep a run from being published; of others the run's verdict tells.
fn failing(design: Design<'_>) -> impl Iterator<Item = &Expectation> {
    let expectations = design.expectations();
    expectations.filter(|expectation| expectation.severity == Severity::Fail)
}

/// Whether rows find those that they refer to, among these tables.
pub fn references(dialect: Dialect, tables: &[(&TableName, Design<'_>)]) -> Vec<Check> {
    let mut checks = Vec::new();
    for (table, design) in tables {
        for expectation in failing(*design) {
            let Rule::References(rule) = &expectation.rule else {
                continue;
            };
            let target = tables
                .iter()
                .find(|(_, design)| design.output.name == rule.table);
            if let Some((target, _)) = target {
                let name = format!("{table}: {}", expectation.name);
                let sql = unfound(dialect, &name, table, rule, target);
                checks.push(Check { name, sql });
            }
        }
    }
    checks
}

/// Counts the rows that refer to nothing; a null refers to nothing, and may.
fn unfound(
    dialect: Dialect,
    name: &str,
    table: &TableName,
    rule: &References,
    target: &TableName,
) -> String {
    let pairs: Vec<_> = rule.columns.iter().zip(&rule.to).collect();
    let all = |condition: &dyn Fn(&str, &str) -> String| {
        let conditions: Vec<String> = pairs.iter().map(|(from, to)| condition(from, to)).collect();
        conditions.join(" AND ")
    };
    let words = dialect.string(&format!("{name}: rows that break it: "));
    format!(
        "SELECT CASE\n    WHEN f.n > 0 THEN {words} || {count}\nEND\n\
         FROM (SELECT COUNT(*) AS n\nFROM {from} AS s\nLEFT JOIN (SELECT DISTINCT {columns} FROM {to}) AS t \
         ON {same}\nWHERE {known} AND t.{first} IS NULL) AS f",
        count = text("f.n"),
        from = table.sql(),
        columns = quote_all(rule.to.iter().map(String::as_str)),
        to = target.sql(),
        same = all(&|from, to| format!("s.{} = t.{}", quote(from), quote(to))),
        known = all(&|from, _| format!("s.{} IS NOT NULL", quote(from))),
        first = quote(rule.to.first().map_or("", String::as_str)),
    )
}

/// What a job expects that is not asked of its tables in a warehouse, by its names.
pub fn untranslated<'a>(designs: &[Design<'a>]) -> Vec<&'a str> {
    let loaded = |table: &str| designs.iter().any(|design| design.output.name == table);
    let is_asked = |expectation: &Expectation| match &expectation.rule {
        Rule::Unique(_) | Rule::Rows(_) => true,
        Rule::References(rule) => loaded(&rule.table),
        Rule::Freshness(_) => false,
        _ => expectation
            .condition_sql()
            .is_some_and(|condition| translate(&condition).is_some()),
    };
    let all = designs.iter().flat_map(Design::expectations);
    all.filter(|expectation| expectation.severity == Severity::Warn || !is_asked(expectation))
        .map(|expectation| expectation.name.as_str())
        .collect()
}

/// Names the first key that stands more than once.
pub fn repeated_key(dialect: Dialect, relation: &str, key: &[&str]) -> String {
    repeated(dialect, relation, key, false)
}

fn repeated(dialect: Dialect, relation: &str, key: &[&str], nulls_may: bool) -> String {
    let columns = quote_all(key.iter().copied());
    let words = dialect.string(&format!("{} stands more than once: ", key.join(", ")));
    let values: Vec<String> = key.iter().map(|column| text(&quote(column))).collect();
    let comma = dialect.string(", ");
    let values = values.join(&format!(" || {comma} || "));
    let known = key
        .iter()
        .map(|column| format!("{} IS NOT NULL", quote(column)));
    let filter = match nulls_may {
        true => format!(" WHERE {}", known.collect::<Vec<_>>().join(" AND ")),
        false => String::new(),
    };
    format!(
        "SELECT {words} || {values}\n\
         FROM (SELECT {columns} FROM {relation}{filter} GROUP BY {columns} HAVING COUNT(*) > 1 \
         ORDER BY {columns} LIMIT 1) AS d"
    )
}

fn texts(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_get_their_point() {
        assert_eq!(decimal(12345, 2), "123.45");
        assert_eq!(decimal(-5, 2), "-0.05");
        assert_eq!(decimal(7, 0), "7");
    }
}

//! What must hold in the warehouse once the rows are there.
//!
//! Each check is a query of one row and one column: null, or what is wrong in words.

use cinemill_engine::sink::figures::Sum;
use datafusion::arrow::datatypes::DataType;

use super::dialect::{Dialect, TableName, quote, quote_all};
use super::expectation::translate;
use super::published::{Published, SourceColumn};
use crate::job::{JobDefinition, Severity};

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
pub fn same_rows(dialect: Dialect, relation: &str, published: &Published) -> String {
    let mut cases = Cases::default();
    let rows = published.manifest.rows;
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

/// What the job expects of the table's rows, whatever was loaded last: some rows, a key in each,
/// every condition that a warehouse understands; then that no key stands twice.
pub fn expectations(dialect: Dialect, table: &TableName, job: &JobDefinition) -> Vec<Check> {
    let mut checks = vec![conditions(dialect, table, job)];
    let key: Vec<&str> = job.key().iter().map(String::as_str).collect();
    if !key.is_empty() {
        checks.push(Check {
            name: format!("{} is unique", key.join(", ")),
            sql: repeated_key(dialect, &table.sql(), &key),
        });
    }
    checks
}

fn conditions(dialect: Dialect, table: &TableName, job: &JobDefinition) -> Check {
    let mut cases = Cases::default();
    let mut names = vec!["there are rows".to_owned()];
    let rows = cases.select("COUNT(*)");
    cases.case(
        &format!("{rows} = 0"),
        &dialect.string("the table has no rows"),
    );
    let known = job.key().iter().map(|column| {
        let holds = format!("{} IS NOT NULL", quote(column));
        (format!("{column} is not null"), holds)
    });
    let translated = job.expectations.iter().filter_map(|expectation| {
        let holds = translate(&expectation.condition_sql()?)?;
        (expectation.severity == Severity::Fail).then(|| (expectation.name.clone(), holds))
    });
    for (name, holds) in known.chain(translated) {
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

/// The conditions of a job that no warehouse can be asked, by their names.
pub fn untranslated(job: &JobDefinition) -> Vec<&str> {
    let unknown = job.expectations.iter();
    unknown
        .filter(|expectation| {
            let condition = expectation.condition_sql();
            condition.and_then(|sql| translate(&sql)).is_none()
        })
        .map(|expectation| expectation.name.as_str())
        .collect()
}

/// Names the first key that stands more than once.
pub fn repeated_key(dialect: Dialect, relation: &str, key: &[&str]) -> String {
    let columns = quote_all(key.iter().copied());
    let words = dialect.string(&format!("{} stands more than once: ", key.join(", ")));
    let values: Vec<String> = key.iter().map(|column| text(&quote(column))).collect();
    let comma = dialect.string(", ");
    let values = values.join(&format!(" || {comma} || "));
    format!(
        "SELECT {words} || {values}\n\
         FROM (SELECT {columns} FROM {relation} GROUP BY {columns} HAVING COUNT(*) > 1 \
         ORDER BY {columns} LIMIT 1) AS d"
    )
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

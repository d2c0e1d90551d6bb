//! What must hold before a table is published.
//!
//! Conditions on single rows are looked at while the rows are written. What is about more than one
//! row is asked in queries ([`queries`]) that are executed together, as one plan ([`plan`]). What
//! either finds is a [`Finding`].

mod findings;
mod fits;
mod future;
mod plan;
mod queries;

pub use findings::{Finding, Findings};
pub use fits::{columns_fit, condition_is_boolean, conditions_are_expressions, references_fit};
pub use future::{FutureTables, future_tables, name_outputs};
pub use plan::CheckPlan;
pub use queries::{Question, input_keys, output_keys, sets, unique_key};

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::spec::TaskReport;
use datafusion::arrow::datatypes::Schema;

use crate::job::{JobDefinition, OutputDefinition, Rule, Severity};

/// What rows broke among the conditions on rows of `table`.
pub fn broken_conditions(
    job: &JobDefinition,
    output: &OutputDefinition,
    reports: &[TaskReport],
) -> Findings {
    let mut findings = Findings::default();
    for violation in reports.iter().flat_map(|report| &report.violations) {
        let mut expectations = job.expectations.iter();
        let expectation = expectations.find(|e| e.name == violation.name && e.is_of(&output.name));
        findings.add(Finding {
            table: table_of(output),
            name: violation.name.clone(),
            severity: expectation.map_or(Severity::Fail, |e| e.severity),
            rows: Some(violation.rows),
            samples: violation.samples.clone(),
        });
    }
    findings
}

/// Fails where a task wrote other rows than it was given.
pub fn parts_are_whole(run_id: &str, reports: &[TaskReport]) -> Result<()> {
    for report in reports {
        let written: u64 = report.parts.iter().map(|part| part.rows).sum();
        if written != report.rows {
            let cause = format!(
                "partition {} has {} rows, but its files hold {written}",
                report.partition, report.rows
            );
            tracing::error!(run = run_id, cause, "the books do not balance");
            return Err(Error::new(Kind::Retryable, "write run", run_id, cause));
        }
    }
    Ok(())
}

/// What is wrong where an output has not exactly one row per row of the input that it declares.
pub fn one_row_per_input(
    output: &OutputDefinition,
    rows: u64,
    input_rows: Option<u64>,
) -> Findings {
    let mut findings = Findings::default();
    if let (Some(input), Some(expected)) = (&output.one_row_per, input_rows)
        && expected != rows
    {
        findings.add(Finding {
            table: table_of(output),
            name: format!("one row per row of {input}"),
            severity: Severity::Fail,
            rows: None,
            samples: vec![format!(
                "the output has {rows} rows, but `{input}` has {expected}"
            )],
        });
    }
    findings
}

/// What is wrong with the number of rows that a table is going to have.
pub fn rows_in_bounds(job: &JobDefinition, output: &OutputDefinition, rows: u64) -> Findings {
    let mut findings = Findings::default();
    for expectation in job.expectations.iter().filter(|e| e.is_of(&output.name)) {
        let Rule::Rows(bounds) = &expectation.rule else {
            continue;
        };
        let few = bounds.min.is_some_and(|min| rows < min);
        let many = bounds.max.is_some_and(|max| rows > max);
        if few || many {
            findings.add(Finding {
                table: table_of(output),
                name: expectation.name.clone(),
                severity: expectation.severity,
                rows: None,
                samples: vec![format!("it has {rows}")],
            });
        }
    }
    findings
}

/// Refuses expectations about columns that their table does not have.
pub fn columns_exist(job: &JobDefinition, table: &str, schema: &Schema) -> Result<()> {
    for expectation in job.expectations.iter().filter(|e| e.is_of(table)) {
        let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        let missing = |column: &&str| !names.iter().any(|n| n.eq_ignore_ascii_case(column));
        if let Some(column) = expectation.columns().into_iter().find(missing) {
            let cause = format!(
                "job.toml: the expectation `{}`: the table {table} has no column `{column}`",
                expectation.name
            );
            return Err(Error::new(Kind::Definition, "plan job", &job.name, cause)
                .hint(format!("its columns are {}", names.join(", "))));
        }
    }
    Ok(())
}

/// The table, for messages: `None` where it goes without saying.
fn table_of(output: &OutputDefinition) -> Option<String> {
    (!output.folder.is_empty()).then(|| output.name.clone())
}

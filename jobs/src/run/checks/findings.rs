//! What checks found, and what becomes of the run.

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::spec::SAMPLES_MAX;

use crate::job::{JobDefinition, Severity};

/// An expectation that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The output table; absent where it goes without saying.
    pub table: Option<String>,
    /// What was expected, in words.
    pub name: String,
    pub severity: Severity,
    /// How many rows are offending; absent where only some of them were looked for.
    pub rows: Option<u64>,
    /// Some of them, each by its key or its cells.
    pub samples: Vec<String>,
}

impl Finding {
    /// One line.
    fn line(&self) -> String {
        let table = self.table.as_ref().map(|table| format!("{table}: "));
        let rows = match self.rows {
            Some(1) => "1 row breaks ".to_owned(),
            Some(rows) => format!("{rows} rows break "),
            None => String::new(),
        };
        let more = match self.rows {
            None if self.samples.len() > SAMPLES_MAX => "; and more",
            _ => "",
        };
        let shown = self.samples.len().min(SAMPLES_MAX);
        let samples = self.samples[..shown].join("; ");
        let broken = if self.rows.is_none() {
            " does not hold"
        } else {
            ""
        };
        format!(
            "{}{rows}`{}`{broken}: {samples}{more}",
            table.unwrap_or_default(),
            self.name
        )
    }
}

/// All that was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Adds a finding, to one of the same name where there is one.
    pub fn add(&mut self, finding: Finding) {
        let same = |f: &&mut Finding| f.name == finding.name && f.table == finding.table;
        let Some(known) = self.0.iter_mut().find(same) else {
            self.0.push(finding);
            return;
        };
        known.rows = known.rows.zip(finding.rows).map(|(a, b)| a + b);
        known.samples.extend(finding.samples);
    }

    pub fn extend(&mut self, more: Self) {
        for finding in more.0 {
            self.add(finding);
        }
    }

    /// The warnings, a line each.
    ///
    /// # Errors
    /// `Expectation` where something was found that is not only warned of.
    pub fn judge(self, job: &JobDefinition) -> Result<Vec<String>> {
        let (failing, warning): (Vec<_>, Vec<_>) = self
            .0
            .into_iter()
            .partition(|finding| finding.severity == Severity::Fail);
        let lines: Vec<String> = failing.iter().map(Finding::line).collect();
        let cause = match lines.as_slice() {
            [] => return Ok(warning.iter().map(Finding::line).collect()),
            [line] => line.clone(),
            _ => format!(
                "{} expectations do not hold\n  {}",
                lines.len(),
                lines.join("\n  ")
            ),
        };
        Err(
            Error::new(Kind::Expectation, "publish", &job.name, cause).hint(
                "nothing was published; mend the input, or the expectation in job.toml or checks/",
            ),
        )
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::job::Catalog;

    fn finding(name: &str, severity: Severity, rows: Option<u64>, samples: usize) -> Finding {
        Finding {
            table: None,
            name: name.to_owned(),
            severity,
            rows,
            samples: (0..samples).map(|n| format!("k={n}")).collect(),
        }
    }

    #[test]
    fn all_failures_are_told_and_warnings_let_pass() {
        let job = Catalog::default().job("imdb_titles").unwrap();
        let mut found = Findings::default();
        found.add(finding("mild", Severity::Warn, Some(1), 1));
        let warnings = found.clone().judge(&job).unwrap();
        assert_eq!(warnings, ["1 row breaks `mild`: k=0"]);

        found.add(finding("grave", Severity::Fail, None, 11));
        let error = found.clone().judge(&job).unwrap_err();
        assert!(error.cause.starts_with("`grave` does not hold: k=0; "));
        assert!(error.cause.ends_with("k=9; and more"), "{error}");

        found.add(finding("worse", Severity::Fail, Some(2), 1));
        found.add(finding("worse", Severity::Fail, Some(3), 1));
        let error = found.judge(&job).unwrap_err();
        assert!(error.cause.starts_with("2 expectations do not hold\n"));
        assert!(error.cause.ends_with("5 rows break `worse`: k=0; k=0"));
    }
}

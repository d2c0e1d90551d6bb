//! `checks/<name>.sql` in a job's folder: queries that return rows which must not be there.

use cinemill_engine::error::Result;
use serde::{Deserialize, Serialize};

use super::definition::definition_error;
use super::expectations::Severity;

/// The folder, in a job's.
pub const FOLDER: &str = "checks";

/// A query whose rows are offending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub name: String,
    /// What must not be found, in words.
    pub title: String,
    #[serde(default)]
    pub severity: Severity,
    /// Spark SQL over output tables, relations, inputs and parameters.
    pub sql: String,
}

impl Check {
    /// Reads the file `checks/<name>.sql`: its first line says in a comment what must not be found,
    /// the second one may say `-- severity: warn`.
    ///
    /// # Errors
    /// `Definition` where it says neither.
    pub fn parse(job: &str, name: &str, sql: &str) -> Result<Self> {
        let wrong = |cause: &str| definition_error(job, format!("{FOLDER}/{name}.sql: {cause}"));
        let mut comments = sql
            .lines()
            .map_while(|line| line.trim().strip_prefix("--").map(str::trim));
        let title = comments
            .next()
            .filter(|title| !title.is_empty())
            .ok_or_else(|| wrong("the first line is no `-- what must not be found, in words`"))?;
        let severity = comments
            .next()
            .and_then(|line| line.strip_prefix("severity:"));
        let severity = match severity.map(str::trim) {
            None | Some("fail") => Severity::Fail,
            Some("warn") => Severity::Warn,
            Some(other) => {
                return Err(wrong(&format!(
                    "2: `{other}` is no severity; there are fail, warn"
                )));
            }
        };
        Ok(Self {
            name: name.to_owned(),
            title: title.to_owned(),
            severity,
            sql: sql.to_owned(),
        })
    }

    /// The file's name, for messages.
    pub fn file(&self) -> String {
        format!("{FOLDER}/{}.sql", self.name)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_check_says_what_it_looks_for_and_how_grave_that_is() {
        let check = Check::parse("j", "c", "-- films without a title\nSELECT 1").unwrap();
        assert_eq!(
            (check.title.as_str(), check.severity),
            ("films without a title", Severity::Fail)
        );
        let warning = Check::parse("j", "c", "-- t\n-- severity: warn\nSELECT 1").unwrap();
        assert_eq!(warning.severity, Severity::Warn);
        for (sql, words) in [
            ("SELECT 1", "first line"),
            ("--\nSELECT 1", "first line"),
            ("-- t\n-- severity: mild\nSELECT 1", "`mild`"),
        ] {
            let error = Check::parse("j", "c", sql).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}

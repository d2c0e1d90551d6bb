//! A script as one batch of the Data API.

use crate::warehouse::script::Script;

/// How many statements one batch may hold.
/// <https://docs.aws.amazon.com/redshift/latest/mgmt/data-api.html>
pub const STATEMENTS_MAX: usize = 40;
/// How long checks that become one statement may be together; a statement has 100 KB at most.
const FOLDED_BYTES_MAX: usize = 60_000;

/// A statement as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchStatement {
    pub sql: String,
    pub is_check: bool,
}

/// The statements of a script. Where they are too many, checks that stand together become one.
pub fn batch(script: &Script<'_>) -> Vec<BatchStatement> {
    let may_fold = script.statements.len() > STATEMENTS_MAX;
    let mut batch = Vec::new();
    let mut checks: Vec<&str> = Vec::new();
    for statement in &script.statements {
        let bytes: usize = checks.iter().map(|check| check.len()).sum();
        let is_full = !may_fold || bytes + statement.sql.len() > FOLDED_BYTES_MAX;
        if !checks.is_empty() && (is_full || !statement.is_check()) {
            batch.push(check(&std::mem::take(&mut checks)));
        }
        match statement.is_check() {
            true => checks.push(&statement.sql),
            false => batch.push(BatchStatement {
                sql: statement.sql.clone(),
                is_check: false,
            }),
        }
    }
    if !checks.is_empty() {
        batch.push(check(&checks));
    }
    batch
}

fn check(checks: &[&str]) -> BatchStatement {
    BatchStatement {
        sql: check_statement(checks),
        is_check: true,
    }
}

/// Nothing can branch in a batch: a check that finds something must be a statement that fails. The
/// reason is no number, so that the cast fails, and the message of that shows the reason. Of several
/// checks the first one that finds something tells.
fn check_statement(checks: &[&str]) -> String {
    let checks = checks.join("\n), (\n");
    format!("SELECT CAST(COALESCE((\n{checks}\n), '1') AS INTEGER)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(checks: usize, works: usize) -> Script<'static> {
        let mut script = Script::default();
        (0..checks).for_each(|number| script.check(format!("SELECT {number}")));
        (0..works).for_each(|number| script.work(format!("DELETE FROM t{number}")));
        script.check("SELECT 'last'");
        script
    }

    #[test]
    fn checks_are_folded_only_where_there_are_too_many_statements() {
        assert_eq!(batch(&script(9, 30)).len(), 40);
        let folded = batch(&script(10, 30));
        assert_eq!(folded.len(), 32);
        assert!(folded[0].is_check && !folded[1].is_check && folded[31].is_check);
        let sql = "SELECT CAST(COALESCE((\nSELECT 0\n), (\nSELECT 1\n), (";
        assert!(folded[0].sql.starts_with(sql), "{}", folded[0].sql);
    }

    #[test]
    fn folded_checks_have_an_end() {
        let mut script = script(0, 40);
        script.check("x".repeat(FOLDED_BYTES_MAX));
        script.check("y");
        assert_eq!(batch(&script).len(), 43);
    }
}

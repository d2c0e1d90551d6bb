//! All that is done in one transaction.
//!
//! Each step is done for all tables before the next one: so checks stand together, and those of all
//! tables fit into one statement where statements are counted.

use cinemill_engine::error::Result;

use super::{BEFORE, Load, Mode, Part, Task};
use crate::warehouse::checks;
use crate::warehouse::dialect::Dialect;
use crate::warehouse::ledger;
use crate::warehouse::script::Script;

type Tasks<'b, 'a> = [(&'b Part<'a>, Task)];

impl<'a> Load<'a> {
    /// The statements for these tables; `manifests` are those that Redshift's copies go by.
    ///
    /// # Errors
    /// `Definition` and `Load` where a table cannot be made as declared.
    pub fn script(
        &self,
        dialect: Dialect,
        tasks: &Tasks<'_, 'a>,
        manifests: &[&str],
    ) -> Result<Script<'a>> {
        let mut script = Script::default();
        for lock in ledger::locks(dialect, &self.table_names()) {
            script.work(lock);
        }
        self.prepare(&mut script, dialect, tasks)?;
        self.stage(&mut script, dialect, tasks, manifests);
        script.work(before(dialect, tasks));
        self.bring(&mut script, dialect, tasks, manifests);
        for (part, _) in tasks {
            script.check(part.told(dialect, &part.arrival_check(dialect)));
            for check in checks::expectations(dialect, &part.table, part.design) {
                script.check(part.told(dialect, &check.sql));
            }
        }
        for check in checks::references(dialect, &self.designs()) {
            script.check(check.sql);
        }
        self.finish(&mut script, dialect, tasks)?;
        Ok(script)
    }

    /// Tables that are missing, and columns; and whether there is anything left to do.
    fn prepare(
        &self,
        script: &mut Script<'a>,
        dialect: Dialect,
        tasks: &Tasks<'_, 'a>,
    ) -> Result<()> {
        for (part, _) in tasks.iter().filter(|(_, task)| task.is_new) {
            script.work(part.declared(dialect)?.create()?);
        }
        for (part, _) in tasks {
            script.check(ledger::guard(dialect, &self.noted(part)));
        }
        for (part, task) in tasks {
            for statement in part.declared(dialect)?.add_columns(task.new_columns)? {
                script.work(statement);
            }
        }
        Ok(())
    }

    /// Rows that are not all to be added as they are wait in a table of their own, where they are
    /// checked.
    fn stage(
        &self,
        script: &mut Script<'a>,
        dialect: Dialect,
        tasks: &Tasks<'_, 'a>,
        manifests: &[&str],
    ) {
        let staged = || {
            let staged = tasks.iter().enumerate();
            staged.filter(|(_, (part, _))| part.mode.is_staged())
        };
        for (index, (part, _)) in staged() {
            script.work(part.create_stage());
            script.copy(
                part.rows,
                self.copy(dialect, part, &part.stage(), manifests, index),
            );
        }
        for (_, (part, _)) in staged() {
            for check in part.stage_checks(dialect) {
                script.check(part.told(dialect, &check));
            }
        }
        for (_, (part, _)) in staged().filter(|_| dialect == Dialect::Postgres) {
            script.work(format!("ANALYZE {}", part.stage()));
        }
    }

    fn bring(
        &self,
        script: &mut Script<'a>,
        dialect: Dialect,
        tasks: &Tasks<'_, 'a>,
        manifests: &[&str],
    ) {
        for (index, (part, _)) in tasks.iter().enumerate() {
            let table = part.table.sql();
            if part.mode == Mode::Replace {
                script.work(format!("DELETE FROM {table}"));
                script.copy(
                    part.rows,
                    self.copy(dialect, part, &table, manifests, index),
                );
            } else {
                script.work(part.add());
            }
        }
    }

    fn finish(
        &self,
        script: &mut Script<'a>,
        dialect: Dialect,
        tasks: &Tasks<'_, 'a>,
    ) -> Result<()> {
        for (part, _) in tasks.iter().filter(|(_, task)| task.is_new) {
            for statement in part.declared(dialect)?.indexes() {
                script.work(statement);
            }
        }
        let noted: Vec<_> = tasks.iter().map(|(part, _)| self.noted(part)).collect();
        script.work(ledger::note(dialect, &noted));
        // Redshift analyses tables by itself; PostgreSQL does too, but minutes later.
        for (part, _) in tasks.iter().filter(|_| dialect == Dialect::Postgres) {
            script.work(format!("ANALYZE {}", part.table.sql()));
        }
        Ok(())
    }

    fn copy(
        &self,
        dialect: Dialect,
        part: &Part<'_>,
        into: &str,
        manifests: &[&str],
        index: usize,
    ) -> String {
        let manifest = manifests.get(index).copied().unwrap_or_default();
        part.copy(dialect, into, manifest, self.iam_role)
    }
}

fn before(dialect: Dialect, tasks: &Tasks<'_, '_>) -> String {
    let rows: Vec<String> = tasks.iter().map(|(part, _)| part.before(dialect)).collect();
    let rows = rows.join("\nUNION ALL\n");
    format!("CREATE TEMP TABLE {BEFORE} AS\n{rows}")
}

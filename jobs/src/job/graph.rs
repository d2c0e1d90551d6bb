//! Which relation reads which: the order in which they are planned.

use std::collections::{BTreeMap, BTreeSet};

use cinemill_engine::error::Result;
use cinemill_engine::spark::{self, SparkQuery};

use super::definition::{JobDefinition, definition_error};
use super::expectations::Rule;

/// The relations that the outputs and the checks of them need, each after those that it reads.
pub fn ordered_relations(job: &JobDefinition) -> Result<Vec<(String, SparkQuery)>> {
    let mut queries = BTreeMap::new();
    for relation in &job.relations {
        let file = format!("{}.sql", relation.name);
        queries.insert(relation.name.clone(), spark::parse(&relation.sql, &file)?);
    }
    let mut walk = Walk {
        job,
        queries: &queries,
        done: Vec::new(),
        open: Vec::new(),
    };
    for output in &job.outputs {
        walk.visit(&output.relation)?;
    }
    for check in &job.checks {
        let file = check.file();
        walk.visit_all(&file, &spark::parse(&check.sql, &file)?)?;
    }
    for expectation in &job.expectations {
        if let Rule::References(references) = &expectation.rule {
            walk.visit(&references.table)?;
        }
    }
    let order = walk.done;
    Ok(order
        .into_iter()
        .filter_map(|name| queries.remove_entry(&name))
        .collect())
}

/// A depth-first walk along the names that queries use.
struct Walk<'a> {
    job: &'a JobDefinition,
    queries: &'a BTreeMap<String, SparkQuery>,
    done: Vec<String>,
    /// The relations on the way from an output to the current one.
    open: Vec<String>,
}

impl Walk<'_> {
    fn visit(&mut self, name: &str) -> Result<()> {
        if self.done.iter().any(|done| done == name) {
            return Ok(());
        }
        if self.open.iter().any(|open| open == name) {
            let cycle = format!("{} -> {name}", self.open.join(" -> "));
            return Err(definition_error(
                &self.job.name,
                format!("relations form a cycle: {cycle}"),
            ));
        }
        let Some(query) = self.queries.get(name) else {
            return Ok(());
        };
        self.open.push(name.to_owned());
        self.visit_all(&format!("{name}.sql"), query)?;
        self.open.pop();
        self.done.push(name.to_owned());
        Ok(())
    }

    /// Visits what a query reads.
    fn visit_all(&mut self, file: &str, query: &SparkQuery) -> Result<()> {
        for used in query.referenced_tables() {
            let used = self.resolve(file, &used)?;
            self.visit(&used)?;
        }
        Ok(())
    }

    /// The input or relation that a query means; names are not case-sensitive. A check, which no
    /// relation reads, may also name outputs.
    fn resolve(&self, file: &str, used: &str) -> Result<String> {
        let mut known: BTreeSet<&String> =
            self.queries.keys().chain(self.job.inputs.keys()).collect();
        if self.open.is_empty() {
            known.extend(self.job.outputs.iter().map(|output| &output.name));
        }
        match known.iter().find(|name| name.eq_ignore_ascii_case(used)) {
            Some(name) => Ok((**name).clone()),
            None => {
                let names: Vec<&str> = known.iter().map(|name| name.as_str()).collect();
                let cause = format!("{file}: there is no input or relation `{used}`");
                Err(definition_error(&self.job.name, cause)
                    .hint(format!("this job has: {}", names.join(", "))))
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::job::Relation;

    const JOB: &str = "[inputs.a]\nfile = \"a.tsv\"\nformat = \"imdb\"\nschema = \"x STRING\"\n\
                       [output]\nrelation = \"last\"\n";

    fn order(relations: &[(&str, &str)]) -> Result<Vec<String>> {
        let relations = relations
            .iter()
            .map(|(name, sql)| Relation {
                name: (*name).into(),
                sql: (*sql).into(),
            })
            .collect();
        let job = JobDefinition::parse("j", JOB, relations)?;
        Ok(ordered_relations(&job)?
            .into_iter()
            .map(|(name, _)| name)
            .collect())
    }

    #[test]
    fn relations_come_after_those_that_they_read() {
        let found = order(&[
            ("last", "SELECT * FROM middle JOIN first USING (x)"),
            ("middle", "WITH other AS (SELECT 1) SELECT * FROM FIRST"),
            ("first", "SELECT x FROM a"),
            ("unused", "SELECT x FROM a"),
        ]);
        assert_eq!(found.unwrap(), ["first", "middle", "last"]);
    }

    #[test]
    fn cycles_and_unknown_names_are_refused() {
        let cycle = order(&[("last", "SELECT * FROM b"), ("b", "SELECT * FROM last")]);
        assert!(cycle.unwrap_err().to_string().contains("last -> b -> last"));
        let unknown = order(&[("last", "SELECT * FROM nowhere")]).unwrap_err();
        assert!(unknown.to_string().contains("`nowhere`"), "{unknown}");
    }
}

//! `job.toml`: inputs with their columns, the output, what is expected of the rows.

use std::collections::BTreeMap;

use cinemill_engine::error::{Error, Kind, Result};
use serde::{Deserialize, Serialize};

use super::checks::Check;
use super::expectations::{self, Expectation};
use super::incremental::{self, Incremental};
use super::input::{Format, InputDefinition};
use super::load::LoadDefinition;
use super::output::{OutputDefinition, WriteMode};
use super::params::{self, ParamDefinition};
use crate::warehouse::dialect::is_name;

/// A job as it is run: the definition and the SQL of its relations. It holds everything that a run
/// service needs, so that a client's own jobs run there too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobDefinition {
    pub name: String,
    pub description: String,
    #[serde(default)]
    pub params: BTreeMap<String, ParamDefinition>,
    pub inputs: BTreeMap<String, InputDefinition>,
    /// The tables: one, or several that are published together.
    #[serde(alias = "output", deserialize_with = "one_or_several")]
    pub outputs: Vec<OutputDefinition>,
    pub expectations: Vec<Expectation>,
    #[serde(default)]
    pub checks: Vec<Check>,
    pub relations: Vec<Relation>,
    /// Absent from runs that earlier versions noted.
    #[serde(default)]
    pub load: LoadDefinition,
    #[serde(default)]
    pub incremental: Incremental,
}

/// One SQL file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    pub name: String,
    pub sql: String,
}

/// The file as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JobFile {
    #[serde(default)]
    description: String,
    #[serde(default)]
    params: BTreeMap<String, ParamDefinition>,
    inputs: BTreeMap<String, InputDefinition>,
    #[serde(default)]
    output: Option<OutputDefinition>,
    #[serde(default)]
    outputs: BTreeMap<String, OutputDefinition>,
    #[serde(default)]
    expect: Vec<Expectation>,
    #[serde(default)]
    load: LoadDefinition,
    #[serde(default)]
    incremental: Incremental,
}

impl JobDefinition {
    /// Reads a job from the text of its `job.toml` and its relations.
    pub fn parse(name: &str, toml: &str, relations: Vec<Relation>) -> Result<Self> {
        let file: JobFile = toml::from_str(toml).map_err(|cause| {
            let position = cause
                .span()
                .map_or_else(String::new, |span| position(toml, span.start));
            definition_error(name, format!("job.toml{position}: {}", cause.message()))
        })?;
        let job = Self {
            name: name.to_owned(),
            description: file.description,
            params: file.params,
            inputs: file.inputs,
            outputs: outputs(name, file.output, file.outputs)?,
            expectations: file.expect,
            checks: Vec::new(),
            relations,
            load: file.load,
            incremental: file.incremental,
        };
        job.check()?;
        Ok(job)
    }

    fn check(&self) -> Result<()> {
        let wrong = |cause: String| Err(definition_error(&self.name, format!("job.toml: {cause}")));
        if self.inputs.is_empty() {
            return wrong("it has no inputs".to_owned());
        }
        for (name, input) in &self.inputs {
            if let Err(cause) = input.check() {
                return wrong(format!("inputs.{name}: {cause}"));
            }
            if self.relations.iter().any(|relation| relation.name == *name) {
                return wrong(format!("`{name}` is an input and a relation ({name}.sql)"));
            }
            if input.format == Format::Previous && self.output(&input.file).is_none() {
                let cause = format!("there is no output `{}`", input.file);
                return wrong(format!("inputs.{name}.file: {cause}"));
            }
        }
        for output in &self.outputs {
            self.check_output(output).or_else(wrong)?;
        }
        if let Some(name) = self
            .load
            .tables
            .keys()
            .find(|name| self.output(name).is_none())
        {
            return wrong(format!("load.tables.{name}: there is no such output"));
        }
        params::check_names(&self.params).or_else(wrong)?;
        let outputs: Vec<&str> = self
            .outputs
            .iter()
            .map(|output| output.name.as_str())
            .collect();
        expectations::check(&self.expectations, &outputs, &self.table_names()).or_else(wrong)?;
        let is_relation = |name: &str| self.relations.iter().any(|known| known.name == name);
        incremental::check(&self.incremental, &self.inputs, &self.outputs, is_relation)
            .or_else(wrong)?;
        self.load.check().or_else(wrong)
    }

    fn check_output(&self, output: &OutputDefinition) -> Result<(), String> {
        let place = match output.folder.as_str() {
            "" => "output".to_owned(),
            name => format!("outputs.{name}"),
        };
        let unknown = |input: &&String| !self.inputs.contains_key(*input);
        if let Some(input) = output.one_row_per.as_ref().filter(unknown) {
            return Err(format!("{place}.one_row_per: there is no input `{input}`"));
        }
        let relation = &output.relation;
        if !self.relations.iter().any(|known| known.name == *relation) {
            return Err(format!("{place}.relation: there is no {relation}.sql"));
        }
        let mode = output.mode.name();
        match output.mode {
            WriteMode::AppendNew | WriteMode::Merge if output.key.is_empty() => {
                Err(format!("{place}.mode: {mode} goes by a key; declare one"))
            }
            WriteMode::OverwritePartitions if output.partition_by.is_empty() => {
                let cause = "goes by Hive folders; declare partition_by";
                Err(format!("{place}.mode: {mode} {cause}"))
            }
            _ => Ok(()),
        }
    }

    /// The job with queries for rows that must not be there.
    #[must_use]
    pub fn with_checks(self, checks: Vec<Check>) -> Self {
        Self { checks, ..self }
    }

    /// All tables that a check may name: outputs, relations, inputs.
    pub fn table_names(&self) -> Vec<&str> {
        let outputs = self.outputs.iter().map(|output| &output.name);
        let relations = self.relations.iter().map(|relation| &relation.name);
        let mut names: Vec<&str> = Vec::new();
        for name in outputs.chain(relations).chain(self.inputs.keys()) {
            // An output is often called like its relation.
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        names
    }

    /// An output by its name.
    pub fn output(&self, name: &str) -> Option<&OutputDefinition> {
        self.outputs.iter().find(|output| output.name == name)
    }

    /// The key of its first table.
    pub fn key(&self) -> &[String] {
        self.outputs.first().map_or(&[], |output| &output.key)
    }

    /// Whether it publishes several tables.
    pub fn has_tables(&self) -> bool {
        self.outputs.iter().any(|output| !output.folder.is_empty())
    }

    /// What is said of a table in a warehouse.
    pub fn load_of(&self, table: &str) -> &LoadDefinition {
        self.load.tables.get(table).unwrap_or(&self.load)
    }
}

fn outputs(
    job: &str,
    only: Option<OutputDefinition>,
    several: BTreeMap<String, OutputDefinition>,
) -> Result<Vec<OutputDefinition>> {
    let wrong = |cause: &str| Err(definition_error(job, format!("job.toml: {cause}")));
    let named = |(name, output): (String, OutputDefinition)| {
        // It becomes the name of a folder, and of a table in warehouses.
        match is_name(&name) && !name.starts_with('_') {
            true => Ok(output.one_of_several(&name)),
            false => Err(definition_error(
                job,
                format!("job.toml: outputs.{name}: a table's name is one word"),
            )),
        }
    };
    match only {
        Some(only) if several.is_empty() => Ok(vec![only.only(job)]),
        Some(_) => wrong("it has an [output] and [outputs]; one table or several"),
        None if several.is_empty() => wrong("it has no [output]"),
        None => several.into_iter().map(named).collect(),
    }
}

/// Runs that earlier versions noted have one output.
fn one_or_several<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<Vec<OutputDefinition>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Noted {
        Several(Vec<OutputDefinition>),
        One(Box<OutputDefinition>),
    }
    Ok(match Noted::deserialize(from)? {
        Noted::Several(several) => several,
        Noted::One(only) => vec![*only],
    })
}

/// An error in a job's folder.
pub fn definition_error(job: &str, cause: impl std::fmt::Display) -> Error {
    Error::new(Kind::Definition, "read job", job, cause)
}

/// `:line:column` of a byte in a text.
pub fn position(text: &str, byte: usize) -> String {
    let before = &text[..byte.min(text.len())];
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .map_or(0, |last| last.chars().count())
        + 1;
    format!(":{line}:{column}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn parse(toml: &str) -> Result<JobDefinition> {
        let relation = Relation {
            name: "r".into(),
            sql: "SELECT 1".into(),
        };
        JobDefinition::parse("j", toml, vec![relation])
    }

    #[test]
    fn errors_name_line_and_column() {
        let error = parse("[inputs.a]\nfile = \"a.tsv\"\nformat = \"imbd\"\n").unwrap_err();
        assert_eq!(error.kind, Kind::Definition);
        assert!(error.to_string().contains("job.toml:3:10"), "{error}");
    }

    #[test]
    fn references_must_exist() {
        let input = "[inputs.a]\nfile = \"a.tsv\"\nformat = \"imdb\"\nschema = \"x STRING\"\n";
        assert!(parse(&format!("{input}[output]\nrelation = \"r\"\n")).is_ok());
        for (wrong, word) in [
            ("[output]\nrelation = \"missing\"\n", "missing.sql"),
            (
                "[output]\nrelation = \"r\"\none_row_per = \"b\"\n",
                "no input `b`",
            ),
            (
                "key = [\"y\"]\n[output]\nrelation = \"r\"\n",
                "no column `y`",
            ),
            (
                "check = { x = \"UUID\" }\n[output]\nrelation = \"r\"\n",
                "UUID",
            ),
        ] {
            let error = parse(&format!("{input}{wrong}")).unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}

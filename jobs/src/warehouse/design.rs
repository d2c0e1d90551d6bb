//! What a job says of one of its tables.

use cinemill_engine::error::{Error, Kind, Result};

use super::dialect::TableName;
use crate::job::{Expectation, JobDefinition, LoadDefinition, OutputDefinition};

/// A table of a job, as `job.toml` has it.
#[derive(Debug, Clone, Copy)]
pub struct Design<'a> {
    pub job: &'a JobDefinition,
    pub output: &'a OutputDefinition,
    pub load: &'a LoadDefinition,
}

impl<'a> Design<'a> {
    /// The table that is published under this name; where the job has but one, that one.
    ///
    /// # Errors
    /// `Definition` where the job has no such table.
    pub fn of(job: &'a JobDefinition, name: &str) -> Result<Self> {
        let mut all = Self::all(job).into_iter();
        let found = all.find(|design| design.output.name == name || !job.has_tables());
        found.ok_or_else(|| {
            let cause = format!("it has no output `{name}`, which was published");
            Error::new(Kind::Definition, "read job", &job.name, cause)
        })
    }

    /// All tables of a job.
    pub fn all(job: &'a JobDefinition) -> Vec<Self> {
        let design = |output: &'a OutputDefinition| {
            let own = job.load.tables.get(&output.name);
            Self {
                job,
                output,
                load: own.unwrap_or(&job.load),
            }
        };
        job.outputs.iter().map(design).collect()
    }

    /// Where it is loaded if nobody says otherwise.
    ///
    /// # Errors
    /// `Usage` where the name is none that a warehouse takes.
    pub fn table(&self) -> Result<TableName> {
        let name = &self.output.name;
        TableName::parse(self.load.table.as_deref().unwrap_or(name))
    }

    pub fn key(&self) -> &'a [String] {
        &self.output.key
    }

    /// The table in a line: its own comment, or the job's description if it is the job's only one.
    pub fn description(&self) -> Option<&'a str> {
        let whole = (!self.job.has_tables()).then_some(self.job.description.as_str());
        let own = self.load.comment.as_deref();
        own.or(whole).filter(|text| !text.is_empty())
    }

    /// What the job expects of the table.
    pub fn expectations(&self) -> impl Iterator<Item = &'a Expectation> + use<'a> {
        let (job, name) = (self.job, self.output.name.as_str());
        let is_own = move |e: &&Expectation| !job.has_tables() || e.table.as_deref() == Some(name);
        job.expectations.iter().filter(is_own)
    }
}

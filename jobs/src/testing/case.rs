//! One case: what is given, and what is expected.

use std::collections::BTreeMap;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::source::BadRecords;
use serde::Deserialize;

use super::rows::TextRows;
use crate::job::{Catalog, JobDefinition, Scalar, WriteMode, position};

const SETTINGS: &str = "case.toml";

/// A folder below `tests/` of a job's.
#[derive(Debug, Clone)]
pub struct Case {
    pub job: String,
    pub name: String,
    pub(super) settings: Settings,
    pub(super) files: BTreeMap<String, Vec<u8>>,
}

/// `case.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// In words, for the reader of the file.
    #[allow(dead_code)]
    description: String,
    pub params: BTreeMap<String, Scalar>,
    pub mode: Option<WriteMode>,
    pub bad_records: Option<BadRecords>,
    /// Inputs without a file; others that are not given have no records.
    pub absent: Vec<String>,
    /// How many records do not fit their declaration.
    pub rejects: Option<u64>,
    /// Words of warnings, of which there are no others.
    pub warnings: Option<Vec<String>>,
    /// The run is to fail.
    pub fails: Option<Failure>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    pub exit_code: u8,
    /// Each stands in the error or its hint.
    #[serde(default)]
    pub words: Vec<String>,
}

/// The cases of a job.
///
/// # Errors
/// `Definition` where there is no such job, or a `case.toml` is wrong, with its line and column.
pub fn cases(catalog: &Catalog, job: &str) -> Result<Vec<Case>> {
    let found = catalog.cases(job)?.into_iter();
    found
        .map(|(name, files)| {
            let settings = match files.get(SETTINGS) {
                Some(bytes) => settings(job, &name, bytes)?,
                None => Settings::default(),
            };
            Ok(Case {
                job: job.to_owned(),
                name,
                settings,
                files,
            })
        })
        .collect()
}

fn settings(job: &str, case: &str, bytes: &[u8]) -> Result<Settings> {
    let text = String::from_utf8_lossy(bytes);
    toml::from_str(&text).map_err(|cause| {
        let place = cause.span().map(|span| position(&text, span.start));
        let place = format!("{SETTINGS}{}", place.unwrap_or_default());
        let cause = format!("{place}: {}", cause.message());
        Error::new(
            Kind::Definition,
            "read case",
            format!("{job}/{case}"),
            cause,
        )
    })
}

impl Case {
    /// The rows of the files in a folder of the case, by their names without ending.
    pub(super) fn rows_in(&self, folder: &str) -> Result<BTreeMap<String, TextRows>> {
        let mut found = BTreeMap::new();
        for (path, bytes) in &self.files {
            let Some(file) = path.strip_prefix(folder).and_then(|p| p.strip_prefix('/')) else {
                continue;
            };
            let name = file
                .strip_suffix(".tsv")
                .or_else(|| file.strip_suffix(".csv"));
            let name = name.ok_or_else(|| self.wrong(format!("{path} is no .tsv or .csv")))?;
            found.insert(name.to_owned(), TextRows::read(path, bytes)?);
        }
        Ok(found)
    }

    /// The expected rows, by the name of their table or relation.
    pub(super) fn expected(&self, job: &JobDefinition) -> Result<BTreeMap<String, TextRows>> {
        let mut found = self.rows_in("expect")?;
        for path in ["expect.tsv", "expect.csv"] {
            let Some(bytes) = self.files.get(path) else {
                continue;
            };
            let [only] = job.outputs.as_slice() else {
                let cause = format!("{path}: the job has several tables; use expect/<table>.tsv");
                return Err(self.wrong(cause));
            };
            found.insert(only.name.clone(), TextRows::read(path, bytes)?);
        }
        Ok(found)
    }

    /// The files that are those of inputs, as they are.
    pub(super) fn input_files<'a>(
        &'a self,
        job: &JobDefinition,
    ) -> Result<Vec<(&'a str, &'a [u8])>> {
        let mut found = Vec::new();
        for (path, bytes) in &self.files {
            let first = path.split('/').next().unwrap_or_default();
            let is_own = matches!(
                first,
                "expect" | "given" | "before" | SETTINGS | "README.md"
            ) || matches!(path.as_str(), "expect.tsv" | "expect.csv");
            if is_own {
                continue;
            }
            let is_known = |file: &str| is_file_of(first, file);
            if !job.inputs.values().any(|input| is_known(&input.file)) {
                let files: Vec<&str> = job.inputs.values().map(|i| i.file.as_str()).collect();
                return Err(self
                    .wrong(format!("{path} is the file of no input"))
                    .hint(format!("the inputs' files are {}", files.join(", "))));
            }
            found.push((path.as_str(), bytes.as_slice()));
        }
        Ok(found)
    }

    /// Whether the case has a file of its own for an input.
    pub(super) fn has_file(&self, file: &str) -> bool {
        let firsts = self.files.keys().filter_map(|path| path.split('/').next());
        firsts.into_iter().any(|first| is_file_of(first, file))
    }

    pub(super) fn wrong(&self, cause: String) -> Error {
        let name = format!("{}/{}", self.job, self.name);
        Error::new(Kind::Definition, "read case", name, cause)
    }
}

/// Whether a name in an input folder is that of an input's file, packed or not, or of its parts.
fn is_file_of(name: &str, file: &str) -> bool {
    let plain = name
        .strip_suffix(".gz")
        .or_else(|| name.strip_suffix(".zst"));
    plain.unwrap_or(name) == file || file.rsplit_once('.').is_some_and(|(stem, _)| stem == name)
}

impl Settings {
    /// Whether the case is about how the run ends, beside what it publishes.
    pub fn expects_of_run(&self) -> bool {
        self.fails.is_some() || self.warnings.is_some() || self.rejects.is_some()
    }
}

//! The catalogue: the jobs that are built in, and folders of one's own.

mod cases;
mod queries;
mod readme;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cinemill_engine::error::{Error, Kind, Result};
use include_dir::{Dir, include_dir};

use super::checks::{self, Check};
use super::definition::{JobDefinition, Relation, definition_error};

pub use cases::CaseFiles;
pub use queries::NamedQuery;

static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/catalog");

/// All jobs that can be run by name.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// Folders that come before the built-in jobs.
    folders: Vec<PathBuf>,
}

/// The files of one job.
#[derive(Debug, Default)]
struct JobFiles {
    toml: Option<String>,
    relations: BTreeMap<String, String>,
}

impl Catalog {
    /// The built-in jobs and those in `folders`; where names clash, the folder given first wins.
    pub fn new(folders: Vec<PathBuf>) -> Self {
        Self { folders }
    }

    /// Whether a job of that name comes with the program.
    pub fn is_built_in(name: &str) -> bool {
        BUILT_IN.get_dir(name).is_some()
    }

    /// The names of all jobs, sorted.
    pub fn names(&self) -> Result<Vec<String>> {
        let built_in = BUILT_IN.dirs().filter_map(|dir| dir.path().file_name());
        let mut names: Vec<String> = built_in
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        for folder in &self.folders {
            let entries = std::fs::read_dir(folder).map_err(|cause| {
                Error::new(Kind::Definition, "read catalogue", folder.display(), cause)
            })?;
            let jobs = entries
                .flatten()
                .filter(|entry| entry.path().join("job.toml").is_file());
            names.extend(jobs.map(|entry| entry.file_name().to_string_lossy().into_owned()));
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Reads a job by its name.
    pub fn job(&self, name: &str) -> Result<JobDefinition> {
        let files = match self.own(name) {
            Some(folder) => read_folder(name, &folder)?,
            None => read_built_in(name).ok_or_else(|| self.unknown(name))?,
        };
        let toml = files
            .toml
            .ok_or_else(|| definition_error(name, "it has no job.toml"))?;
        let relations = files
            .relations
            .into_iter()
            .map(|(name, sql)| Relation { name, sql })
            .collect();
        let checks = self.sql_files(name, checks::FOLDER)?;
        let checks = checks
            .iter()
            .map(|(file, sql)| Check::parse(name, file, sql))
            .collect::<Result<_>>()?;
        Ok(JobDefinition::parse(name, &toml, relations)?.with_checks(checks))
    }

    /// The folder of a job that is not built in.
    fn own(&self, job: &str) -> Option<PathBuf> {
        let folders = self.folders.iter().map(|folder| folder.join(job));
        folders.into_iter().find(|folder| folder.is_dir())
    }

    fn unknown(&self, name: &str) -> Error {
        let known = self.names().unwrap_or_default().join(", ");
        Error::new(
            Kind::Definition,
            "find job",
            name,
            "there is no such job in the catalogue",
        )
        .hint(format!(
            "there are: {known}; add folders of your own with --catalog <dir>"
        ))
    }
}

fn read_built_in(name: &str) -> Option<JobFiles> {
    let folder = BUILT_IN.get_dir(name)?;
    let mut files = JobFiles::default();
    for file in folder.files() {
        if let (Some(name), Some(text)) = (file.path().file_name(), file.contents_utf8()) {
            files.add(Path::new(name), text.to_owned());
        }
    }
    Some(files)
}

fn read_folder(job: &str, folder: &Path) -> Result<JobFiles> {
    let failed = |cause: std::io::Error| definition_error(job, cause);
    let mut files = JobFiles::default();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if JobFiles::wants(&path) {
            let text = std::fs::read_to_string(&path)
                .map_err(|cause| definition_error(job, format!("{}: {cause}", path.display())))?;
            files.add(&path, text);
        }
    }
    Ok(files)
}

impl JobFiles {
    fn wants(path: &Path) -> bool {
        path.file_name().is_some_and(|name| name == "job.toml")
            || path.extension().is_some_and(|ending| ending == "sql")
    }

    fn add(&mut self, path: &Path, text: String) {
        if path.file_name().is_some_and(|name| name == "job.toml") {
            self.toml = Some(text);
        } else if Self::wants(path)
            && let Some(stem) = path.file_stem()
        {
            self.relations
                .insert(stem.to_string_lossy().into_owned(), text);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_job_is_well_formed() {
        let catalog = Catalog::default();
        let names = catalog.names().unwrap();
        assert!(names.contains(&"imdb_titles".to_owned()));
        for name in names {
            catalog.job(&name).unwrap();
        }
    }

    #[test]
    fn an_unknown_job_is_told_with_those_that_exist() {
        let error = Catalog::default().job("imdb_title").unwrap_err();
        assert_eq!(error.kind, Kind::Definition);
        assert!(error.hint.unwrap().contains("imdb_titles"));
    }
}

//! The files of a job's tests: `tests/<case>/…` in its folder.

use std::collections::BTreeMap;
use std::path::Path;

use cinemill_engine::error::Result;
use include_dir::Dir;

use super::{BUILT_IN, Catalog, definition_error};

const FOLDER: &str = "tests";

/// What files hold, by their paths below the folder of a case.
pub type CaseFiles = BTreeMap<String, Vec<u8>>;

impl Catalog {
    /// The files of each case of a job, by the case's name.
    ///
    /// # Errors
    /// `Definition` where there is no such job, or a file cannot be read.
    pub fn cases(&self, job: &str) -> Result<BTreeMap<String, CaseFiles>> {
        let mut files = CaseFiles::new();
        match self.own(job) {
            Some(folder) => read(job, &folder.join(FOLDER), "", &mut files)?,
            None => {
                let folder = BUILT_IN.get_dir(job).ok_or_else(|| self.unknown(job))?;
                if let Some(tests) = BUILT_IN.get_dir(folder.path().join(FOLDER)) {
                    built_in(tests, tests.path(), &mut files);
                }
            }
        }
        let mut cases: BTreeMap<String, CaseFiles> = BTreeMap::new();
        for (path, bytes) in files {
            if let Some((case, file)) = path.split_once('/') {
                let case = cases.entry(case.to_owned()).or_default();
                case.insert(file.to_owned(), bytes);
            }
        }
        Ok(cases)
    }
}

fn built_in(folder: &Dir<'_>, root: &Path, files: &mut CaseFiles) {
    for file in folder.files() {
        if let Ok(path) = file.path().strip_prefix(root) {
            let path = path.to_string_lossy().into_owned();
            files.insert(path, file.contents().to_vec());
        }
    }
    for below in folder.dirs() {
        built_in(below, root, files);
    }
}

fn read(job: &str, folder: &Path, prefix: &str, files: &mut CaseFiles) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    let failed = |path: &Path, cause: std::io::Error| {
        definition_error(job, format!("{}: {cause}", path.display()))
    };
    for entry in std::fs::read_dir(folder).map_err(|cause| failed(folder, cause))? {
        let path = entry.map_err(|cause| failed(folder, cause))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // What editors and file managers leave.
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        let relative = format!("{prefix}{name}");
        if path.is_dir() {
            read(job, &path, &format!("{relative}/"), files)?;
        } else {
            let bytes = std::fs::read(&path).map_err(|cause| failed(&path, cause))?;
            files.insert(relative, bytes);
        }
    }
    Ok(())
}

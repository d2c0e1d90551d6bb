//! What a job's folder says about it in words: `README.md`.

use cinemill_engine::error::Result;

use super::{BUILT_IN, Catalog, definition_error};

const FILE: &str = "README.md";

impl Catalog {
    /// The text of a job's README; `None` where it has none.
    ///
    /// # Errors
    /// `Definition` where there is no such job, or the file cannot be read.
    pub fn readme(&self, job: &str) -> Result<Option<String>> {
        if let Some(folder) = self.own(job) {
            let path = folder.join(FILE);
            if !path.is_file() {
                return Ok(None);
            }
            let text = std::fs::read_to_string(&path);
            return text.map(Some).map_err(|cause| definition_error(job, cause));
        }
        let folder = BUILT_IN.get_dir(job).ok_or_else(|| self.unknown(job))?;
        let file = BUILT_IN.get_file(folder.path().join(FILE));
        Ok(file.and_then(|file| file.contents_utf8().map(str::to_owned)))
    }
}

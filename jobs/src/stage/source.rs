//! Sources: which files there are, and where they come from.

use std::path::Path;

use cinemill_engine::error::{Error, Kind, Result};
use include_dir::{Dir, include_dir};
use serde::Deserialize;

static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/sources");

/// What a file of `jobs/sources/`, or one of the user's own, says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The folder that holds the files; without one, the user has to name it.
    pub from: Option<String>,
    #[serde(rename = "file")]
    pub files: Vec<RemoteFile>,
}

/// A file of a source.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteFile {
    /// What it is called here.
    pub name: String,
    /// What follows the folder in its URL, where that is not its name.
    pub path: Option<String>,
    /// The files of a zip archive that are wanted, by the last part of their names.
    #[serde(default)]
    pub members: Vec<String>,
}

impl Source {
    /// A source that is built in.
    pub fn built_in(name: &str) -> Result<Self> {
        let file = BUILT_IN.get_file(format!("{name}.toml"));
        let text = file.and_then(|file| file.contents_utf8()).ok_or_else(|| {
            let known = names().join(", ");
            Error::new(Kind::Usage, "find source", name, "there is no such source").hint(format!(
                "there are: {known}; name a file of your own with --source-file"
            ))
        })?;
        Self::parse(name, text)
    }

    /// A source that a file describes.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|cause| Error::new(Kind::Usage, "read source", path.display(), cause))?;
        Self::parse(&path.display().to_string(), &text)
    }

    fn parse(name: &str, text: &str) -> Result<Self> {
        let wrong = |cause: String| Error::new(Kind::Definition, "read source", name, cause);
        let source: Self = toml::from_str(text).map_err(|cause| wrong(cause.to_string()))?;
        if source.files.is_empty() {
            return Err(wrong("it has no files".to_owned()));
        }
        let mut staged: Vec<&str> = source.files.iter().flat_map(RemoteFile::staged).collect();
        if let Some(bad) = staged.iter().find(|name| !is_plain(name)) {
            return Err(wrong(format!("`{bad}` is no name of a file")));
        }
        staged.sort_unstable();
        if let Some(pair) = staged.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(wrong(format!("{} stands there twice", pair[0])));
        }
        Ok(source)
    }
}

impl RemoteFile {
    /// The names of what becomes of it in the target.
    fn staged(&self) -> Vec<&str> {
        match self.members.as_slice() {
            [] => vec![&self.name],
            members => members.iter().map(String::as_str).collect(),
        }
    }
}

/// Whether a name stays within its folder, and is seen by jobs.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(['_', '.']) && !name.contains(['/', '\\'])
}

fn names() -> Vec<String> {
    let files = BUILT_IN.files();
    let stems = files.filter_map(|file| file.path().file_stem());
    let mut names: Vec<String> = stems
        .map(|stem| stem.to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_sources_can_be_read() {
        assert_eq!(names(), ["fred", "imdb", "kaggle", "movielens"]);
        for name in names() {
            Source::built_in(&name).unwrap();
        }
        assert_eq!(Source::built_in("imbd").unwrap_err().kind, Kind::Usage);
    }

    #[test]
    fn names_stay_within_the_folder() {
        for (text, cause) in [
            ("[[file]]\nname = \"../x.tsv\"", "`../x.tsv`"),
            ("[[file]]\nname = \"_stage\"", "`_stage`"),
            ("[[file]]\nname = \"a\"\n[[file]]\nname = \"a\"", "twice"),
            ("file = []", "no files"),
            ("[[file]]\nname = \"a\"\nurl = \"b\"", "url"),
        ] {
            let error = Source::parse("own", text).unwrap_err();
            assert_eq!(error.kind, Kind::Definition);
            assert!(error.cause.contains(cause), "{error}");
        }
    }
}

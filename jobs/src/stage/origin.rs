//! Where the bytes of a file come from: a web server, an SFTP server, or a store.

use std::fmt;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::store::Location;
use url::Url;

use super::sftp::SftpFile;
use super::source::{RemoteFile, Source};

/// One file's origin. It prints without what may be secret in a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Http(Url),
    Sftp(SftpFile),
    Store(Location),
}

impl Origin {
    /// Where a source's file is; `from` replaces the folder that the source names.
    pub fn of(source: &Source, file: &RemoteFile, from: Option<&str>) -> Result<Self> {
        let folder = from.or(source.from.as_deref()).ok_or_else(|| {
            let cause = "the source does not say where it is";
            Error::new(Kind::Usage, "find", &file.name, cause)
                .hint("name the folder, or the file itself, with --from")
        })?;
        let is_file = source.files.len() == 1 && names_file(folder, &file.name);
        if folder.starts_with("http://") || folder.starts_with("https://") {
            return http(folder, file, is_file);
        }
        let below = || format!("{}/{}", folder.trim_end_matches('/'), file.name);
        if folder.starts_with("sftp://") {
            let url = if is_file { folder.to_owned() } else { below() };
            return Ok(Self::Sftp(SftpFile::parse(&url)?));
        }
        let location = Location::parse(folder)?;
        Ok(Self::Store(match is_file {
            true => location,
            false => location.join(&file.name),
        }))
    }
}

/// Whether what the user gave is the file itself: it ends as the file's name does.
fn names_file(from: &str, name: &str) -> bool {
    let ending = name.rsplit_once('.').map_or(name, |(_, ending)| ending);
    let path = from.split(['?', '#']).next().unwrap_or(from);
    path.rsplit_once('.')
        .is_some_and(|(_, found)| found.eq_ignore_ascii_case(ending))
}

fn http(folder: &str, file: &RemoteFile, is_file: bool) -> Result<Origin> {
    let wrong = |cause: url::ParseError| Error::new(Kind::Usage, "understand", folder, cause);
    if is_file {
        return Ok(Origin::Http(Url::parse(folder).map_err(wrong)?));
    }
    let path = file.path.as_ref().unwrap_or(&file.name);
    let base = format!("{}/", folder.trim_end_matches('/'));
    let base = Url::parse(&base).map_err(wrong)?;
    Ok(Origin::Http(base.join(path).map_err(wrong)?))
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(location) => write!(f, "{location}"),
            Self::Sftp(file) => write!(f, "{file}"),
            Self::Http(url) => {
                let host = url.host_str().unwrap_or_default();
                let port = url.port().map(|port| format!(":{port}"));
                let port = port.unwrap_or_default();
                write!(f, "{}://{host}{port}{}", url.scheme(), url.path())
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn origin(source: &str, from: Option<&str>) -> String {
        let source = Source::built_in(source).unwrap();
        match Origin::of(&source, &source.files[0], from).unwrap() {
            Origin::Http(url) => url.to_string(),
            other => other.to_string(),
        }
    }

    #[test]
    fn a_folder_or_a_file_replaces_the_source() {
        for (source, from, expected) in [
            (
                "imdb",
                None,
                "https://datasets.imdbws.com/title.basics.tsv.gz",
            ),
            (
                "imdb",
                Some("http://h:1/a"),
                "http://h:1/a/title.basics.tsv.gz",
            ),
            (
                "imdb",
                Some("s3://raw/i/"),
                "s3://raw/i/title.basics.tsv.gz",
            ),
            (
                "fred",
                Some("http://h:1"),
                "http://h:1/fredgraph.csv?id=CUSR0000SS62031",
            ),
            (
                "imdb",
                Some("sftp://me@h/in/"),
                "sftp://me@h/in/title.basics.tsv.gz",
            ),
            ("kaggle", Some("/tmp/movies.zip"), "/tmp/movies.zip"),
            ("kaggle", Some("/tmp/movies"), "/tmp/movies/archive.zip"),
            (
                "kaggle",
                Some("http://h/m.zip?key=1"),
                "http://h/m.zip?key=1",
            ),
        ] {
            assert_eq!(origin(source, from), expected);
        }
        let kaggle = Source::built_in("kaggle").unwrap();
        let error = Origin::of(&kaggle, &kaggle.files[0], None).unwrap_err();
        assert_eq!(error.kind, Kind::Usage);
    }

    #[test]
    fn what_may_be_secret_is_not_printed() {
        let url = Url::parse("https://me:secret@host:8443/a.zip?sig=secret").unwrap();
        assert_eq!(Origin::Http(url).to_string(), "https://host:8443/a.zip");
    }
}

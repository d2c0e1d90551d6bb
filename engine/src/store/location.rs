//! Where something lies: a store and a path inside it.

use std::fmt;
use std::path::{Component, PathBuf};

use object_store::path::Path;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};

const LOCAL: &str = "file:///";

/// A folder or file as the user names it: a local path, `file:///…` or `s3://bucket/…`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Location {
    store_url: String,
    path: Path,
}

impl Location {
    /// Reads what a user gave; a relative local path is taken from the current folder.
    pub fn parse(text: &str) -> Result<Self> {
        let usage = |cause: &str| {
            Error::new(
                Kind::Usage,
                "understand location",
                format!("`{text}`"),
                cause,
            )
            .hint("give a local path or s3://<bucket>/<folder>")
        };
        if let Some(rest) = text
            .strip_prefix("s3://")
            .or_else(|| text.strip_prefix("s3a://"))
        {
            let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
            if bucket.is_empty() {
                return Err(usage("it names no bucket"));
            }
            let path = Path::parse(key.trim_matches('/')).map_err(|e| usage(&e.to_string()))?;
            return Ok(Self {
                store_url: format!("s3://{bucket}/"),
                path,
            });
        }
        let local = text.strip_prefix("file://").unwrap_or(text);
        if local.is_empty() {
            return Err(usage("it is empty"));
        }
        if local.contains("://") {
            return Err(usage("this kind of store is not known"));
        }
        let absolute = std::path::absolute(local).map_err(|e| usage(&e.to_string()))?;
        let path =
            Path::from_absolute_path(without_dots(&absolute)).map_err(|e| usage(&e.to_string()))?;
        Ok(Self {
            store_url: LOCAL.to_owned(),
            path,
        })
    }

    /// The store's own URL: `file:///` or `s3://bucket/`.
    pub fn store_url(&self) -> &str {
        &self.store_url
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn is_local(&self) -> bool {
        self.store_url == LOCAL
    }

    /// A place below this one; `relative` may hold several parts.
    pub fn join(&self, relative: &str) -> Self {
        let full = format!("{}/{relative}", self.path);
        // Names are taken as they are (`k=a%2Fb` stays so); what cannot be is escaped.
        let path = Path::parse(&full).unwrap_or_else(|_| Path::from(full));
        Self {
            store_url: self.store_url.clone(),
            path,
        }
    }

    /// The folder in which this lies; `None` for a store itself.
    pub fn parent(&self) -> Option<Self> {
        let (above, _) = self.path.as_ref().rsplit_once('/')?;
        Some(self.with_path(Path::parse(above).ok()?))
    }

    /// Another path in the same store.
    pub fn with_path(&self, path: Path) -> Self {
        Self {
            store_url: self.store_url.clone(),
            path,
        }
    }

    /// The full URL, as Redshift and other tools read it.
    pub fn url(&self) -> String {
        format!("{}{}", self.store_url, self.path)
    }
}

impl Location {
    /// The full URL with everything escaped that a URL parser would take for something else.
    pub fn escaped_url(&self) -> Result<String> {
        let wrong =
            |cause: &dyn fmt::Display| Error::new(Kind::Final, "make a URL of", self, cause);
        let mut url = url::Url::parse(&self.store_url).map_err(|cause| wrong(&cause))?;
        url.path_segments_mut()
            .map_err(|()| wrong(&"it has no path"))?
            .clear()
            .extend(self.path.parts().map(|part| part.as_ref().to_owned()));
        Ok(url.into())
    }
}

/// `/a/./b/../c` is `/a/c`; object paths know no dots.
fn without_dots(path: &std::path::Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

/// Local places read as paths, others as URLs.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_local() {
            write!(f, "/{}", self.path)
        } else {
            f.write_str(&self.url())
        }
    }
}

impl TryFrom<String> for Location {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<Location> for String {
    fn from(location: Location) -> Self {
        location.to_string()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn buckets_and_folders_are_understood() {
        let s3 = Location::parse("s3://bucket/a/b/").unwrap();
        assert_eq!(
            (s3.store_url(), s3.path().as_ref()),
            ("s3://bucket/", "a/b")
        );
        assert_eq!(
            s3.join("c/k=x%2Fy").to_string(),
            "s3://bucket/a/b/c/k=x%2Fy"
        );
        assert_eq!(s3.parent().unwrap().to_string(), "s3://bucket/a");
        let local = Location::parse("/a/./b/../c").unwrap();
        assert_eq!(
            (local.store_url(), local.to_string().as_str()),
            ("file:///", "/a/c")
        );
        for bad in ["s3://", "", "gs://bucket/x"] {
            assert_eq!(Location::parse(bad).unwrap_err().kind, Kind::Usage, "{bad}");
        }
    }
}

//! The one error type of cinemill: what failed, on what, why, and what to do about it.

use std::fmt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use datafusion::error::DataFusionError;
use serde::{Deserialize, Serialize};

/// What a failure means for the person or program that asked for the work.
///
/// Each kind maps to one exit code; see `docs/exit-codes.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The command line or request is wrong.
    Usage,
    /// A job definition or its SQL is wrong.
    Definition,
    /// The data broke an expectation of the job.
    Expectation,
    /// An input is missing or cannot be read as declared.
    Input,
    /// Something outside failed that may work next time.
    Retryable,
    /// An operator that cannot spill got no more memory.
    Memory,
    /// Trying again will not help.
    Final,
    /// The run was cancelled.
    Cancelled,
    /// The run was not done by its deadline.
    Deadline,
    /// The cluster, or a warehouse, could not be reached.
    Unreachable,
    /// A warehouse refused a load, or a check of its table failed; what was begun is rolled back.
    Load,
}

/// `failed to <verb> <object>: <cause>`, with a kind and, where there is one, a hint.
///
/// It is plain data, so that it survives the way through an executor, the run service and the
/// ledger unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    pub kind: Kind,
    /// What was being done, as in `read title.basics.tsv`.
    pub action: String,
    /// Why it failed; one line where the cause allows it.
    pub cause: String,
    /// What the reader can do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Brackets an [`Error`] inside the text of a foreign error, so that it can be found again after
/// Ballista has turned it into a string.
const WIRE_OPEN: &str = "<<cinemill-error ";
const WIRE_CLOSE: &str = " cinemill-error>>";

/// How a file system, and DataFusion, say that there is no room left.
const FULL: [&str; 5] = [
    "No space left on device",
    "StorageFull",
    "os error 28",
    "Disk quota exceeded",
    "during the spilling process has exceeded",
];

impl Error {
    /// An error that reads `failed to <verb> <object>: <cause>`.
    pub fn new(
        kind: Kind,
        verb: &str,
        object: impl fmt::Display,
        cause: impl fmt::Display,
    ) -> Self {
        Self {
            kind,
            action: format!("{verb} {object}"),
            cause: cause.to_string(),
            hint: None,
        }
    }

    /// Adds what the reader can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The error that a DataFusion or Ballista failure stands for: ours where one is inside,
    /// else one made of `verb`, `object` and the failure's own words.
    pub fn from_datafusion(error: &DataFusionError, verb: &str, object: impl fmt::Display) -> Self {
        let text = error.strip_backtrace();
        Self::from_text(&text).unwrap_or_else(|| Self::new(kind_of(error), verb, object, text))
    }

    /// The error of operators that found no room in `scratch`, with a hint that names the `flag`
    /// which moves that folder; `None` for any other failure, and for one of ours.
    pub fn of_full_disk(
        error: &DataFusionError,
        (verb, object): (&str, &str),
        scratch: &Path,
        flag: &str,
    ) -> Option<Self> {
        let text = error.strip_backtrace();
        let is_full = FULL.iter().any(|words| text.contains(words));
        if !is_full || Self::from_text(&text).is_some() {
            return None;
        }
        let folder = scratch.display();
        let cause = format!("no space is left in {folder} for spilled and shuffled rows");
        let full = Self::new(Kind::Retryable, verb, object, cause);
        Some(full.hint(format!(
            "free some space there, or name a folder on a larger disk with {flag}"
        )))
    }

    /// Finds an error that went through [`Error::into_datafusion`] in a longer text.
    pub fn from_text(text: &str) -> Option<Self> {
        let start = text.find(WIRE_OPEN)? + WIRE_OPEN.len();
        let length = text[start..].find(WIRE_CLOSE)?;
        let json = URL_SAFE_NO_PAD.decode(&text[start..start + length]).ok()?;
        serde_json::from_slice(&json).ok()
    }

    /// Wraps the error for the way through DataFusion's and Ballista's own error types.
    pub fn into_datafusion(self) -> DataFusionError {
        DataFusionError::External(Box::new(Wire(self)))
    }
}

/// What a failure that is not ours means: lack of memory or disk and broken connections may pass.
fn kind_of(error: &DataFusionError) -> Kind {
    match error.find_root() {
        DataFusionError::ObjectStore(cause) => match cause.as_ref() {
            object_store::Error::NotFound { .. }
            | object_store::Error::PermissionDenied { .. }
            | object_store::Error::Unauthenticated { .. } => Kind::Input,
            _ => Kind::Retryable,
        },
        DataFusionError::ResourcesExhausted(_) => Kind::Memory,
        DataFusionError::IoError(_) => Kind::Retryable,
        DataFusionError::SQL(..) | DataFusionError::Plan(_) | DataFusionError::SchemaError(..) => {
            Kind::Definition
        }
        _ => Kind::Final,
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to {}: {}", self.action, self.cause)
    }
}

impl std::error::Error for Error {}

/// An [`Error`] whose text can be read back. It is in base64 because Ballista formats errors with
/// `{:?}` on the way, which would escape the quotes of plain JSON.
struct Wire(Error);

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = serde_json::to_vec(&self.0).map_err(|_| fmt::Error)?;
        write!(
            f,
            "{}: {WIRE_OPEN}{}{WIRE_CLOSE}",
            self.0,
            URL_SAFE_NO_PAD.encode(json)
        )
    }
}

impl std::error::Error for Wire {}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_being_turned_into_text() {
        let error =
            Error::new(Kind::Input, "read", "a.tsv", "line 3 has \"quotes\"").hint("mend it");
        let plain = format!("Job failed: {}", error.clone().into_datafusion());
        let debug = format!("{:?}", format!("{:?}", error.clone().into_datafusion()));
        assert_eq!(Error::from_text(&plain), Some(error.clone()));
        assert_eq!(Error::from_text(&debug), Some(error));
        assert_eq!(Error::from_text("some other failure"), None);
    }

    #[test]
    fn a_full_disk_is_told_by_its_folder() {
        let told = |error: &DataFusionError| {
            Error::of_full_disk(error, ("run", "job"), Path::new("/spill"), "--spill-dir")
        };
        let full = std::io::Error::from_raw_os_error(28);
        let error = told(&DataFusionError::from(full).context("spilling")).unwrap();
        assert_eq!(error.kind, Kind::Retryable);
        assert!(error.cause.contains("/spill"), "{error}");
        assert!(error.hint.unwrap().contains("--spill-dir"));
        // Ours says where already.
        let ours = Error::new(Kind::Retryable, "write", "/out", "No space left on device");
        assert_eq!(told(&ours.into_datafusion()), None);
    }
}

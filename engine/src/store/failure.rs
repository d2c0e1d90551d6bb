//! What a store's failures mean, in words and for the exit code.

use std::fmt::Display;

use object_store::path::Path;

use super::Store;
use crate::error::{Error, Kind};

/// What a store refuses for good, as opposed to trouble that may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The object, or its bucket.
    Missing,
    Forbidden,
    /// A file stands where a folder is needed.
    InTheWay,
}

/// How stores and file systems say that something is forbidden.
const FORBIDDEN: [&str; 8] = [
    "AccessDenied",
    "SignatureDoesNotMatch",
    "InvalidAccessKeyId",
    "InvalidToken",
    "ExpiredToken",
    "403 Forbidden",
    "ermission denied",
    "Read-only",
];

/// How the client of a bucket says that the store gives no good answer.
pub(super) const CANNOT_BE_REACHED: &str = "cannot be reached";
pub(super) const DOES_NOT_ANSWER: &str = "does not answer in time";
pub(super) const BROKE_OFF: &str = "broke off its answer";
pub(super) const ANSWERS_WITH: &str = "answers with status";
const SILENT: [&str; 4] = [CANNOT_BE_REACHED, DOES_NOT_ANSWER, BROKE_OFF, ANSWERS_WITH];

impl Refusal {
    /// Some answers come as errors of no particular kind; their words tell.
    pub fn of(cause: &object_store::Error) -> Option<Self> {
        use object_store::Error as Cause;
        let text = one_line(cause);
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        match cause {
            Cause::NotFound { .. } => Some(Self::Missing),
            Cause::PermissionDenied { .. } | Cause::Unauthenticated { .. } => Some(Self::Forbidden),
            _ if says(&["NoSuchBucket", "NoSuchKey", "404 Not Found"]) => Some(Self::Missing),
            _ if says(&FORBIDDEN) => Some(Self::Forbidden),
            _ if says(&["Not a directory"]) => Some(Self::InTheWay),
            _ => None,
        }
    }
}

/// The error that a store's failure stands for. Absence and lack of permission are the caller's
/// to mend; anything else may pass.
pub fn failure(verb: &str, object: impl Display, cause: &object_store::Error) -> Error {
    let text = one_line(cause);
    let reads = ["read", "find", "list"]
        .iter()
        .any(|word| verb.starts_with(word));
    // What cannot be read is an input that is missing; what cannot be written will not be.
    let kind = if reads { Kind::Input } else { Kind::Final };
    match Refusal::of(cause) {
        Some(Refusal::Missing) if text.contains("NoSuchBucket") => {
            Error::new(kind, verb, object, "its bucket does not exist")
        }
        Some(Refusal::Missing) => Error::new(kind, verb, object, "it does not exist"),
        Some(Refusal::Forbidden) => Error::new(kind, verb, object, text)
            .hint("check the permissions of this process's role or user"),
        Some(Refusal::InTheWay) => Error::new(Kind::Final, verb, object, text)
            .hint("a file is in the way of this folder; choose another path"),
        None => {
            let advice = advice(&text);
            let error = Error::new(Kind::Retryable, verb, object, text);
            advice.into_iter().fold(error, Error::hint)
        }
    }
}

impl Store {
    /// As [`failure`], for an object of this store, which is named in full.
    pub fn failure(&self, verb: &str, path: &Path, cause: &object_store::Error) -> Error {
        match self.file_path(path) {
            Some(file) => failure(verb, file.display(), cause),
            None => failure(verb, format_args!("{}{path}", self.url), cause),
        }
    }
}

/// What can be done about trouble that may pass, where that is known.
pub fn advice(text: &str) -> Option<&'static str> {
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["No space left", "os error 28"]) {
        return Some("free some space and run again");
    }
    if says(&["http://169.254."]) {
        return Some(
            "the environment has no credentials, and no role of this machine or container gives \
             any: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or attach a role",
        );
    }
    says(&SILENT).then_some(
        "run it again once the store answers; check AWS_ENDPOINT_URL and AWS_REGION if it should",
    )
}

/// The innermost words of a store's failure, without the chain that repeats them, and of an answer
/// in XML only its code and message.
pub fn one_line(cause: &object_store::Error) -> String {
    let text = innermost(cause);
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once('<')?.0)
    };
    let short = match (element("Code"), element("Message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => text.clone(),
    };
    short.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What the first of a chain of causes says.
pub fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

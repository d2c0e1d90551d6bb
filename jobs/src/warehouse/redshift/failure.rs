//! What the failures of Redshift's services mean.

use aws_sdk_redshiftdata::error::{ProvideErrorMetadata, SdkError};
use cinemill_engine::error::{Error, Kind};

use crate::aws;
use crate::warehouse::postgres::is_serializable_violation;

/// A request that failed.
pub fn failure<E, R>(cause: SdkError<E, R>, verb: &str, object: &str) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let code = aws::code_of(&cause).map(str::to_owned);
    let error = aws::failure(cause, verb, object);
    match code.as_deref() {
        Some("ActiveStatementsExceededException" | "ActiveSessionsExceededException") => Error {
            kind: Kind::Retryable,
            ..error
        },
        Some("ValidationException" | "ResourceNotFoundException" | "ClusterNotFound") => error
            .hint(
                "check the names in --to; for a cluster that is not serverless, add ?type=cluster",
            ),
        _ => error,
    }
}

/// A statement that Redshift refused, in Redshift's words.
pub fn refusal(words: &str, verb: &str, object: &str) -> Error {
    let kind = match words {
        words if is_serializable_violation(words) => Kind::Retryable,
        words if words.contains("ermission denied") => Kind::Final,
        _ => Kind::Load,
    };
    Error::new(kind, verb, object, words.replace('\n', " "))
}

//! What the failures of AWS's services mean.

use aws_sdk_redshiftdata::error::{ProvideErrorMetadata, SdkError};
use cinemill_engine::error::{Error, Kind};

use crate::warehouse::postgres::is_serializable_violation;
use crate::warehouse::words;

/// A request that failed.
pub fn failure<E, R>(cause: SdkError<E, R>, verb: &str, object: &str) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let (code, message) = match &cause {
        SdkError::ServiceError(refusal) => (refusal.err().code(), refusal.err().message()),
        _ => (None, None),
    };
    let Some(code) = code.map(str::to_owned) else {
        return no_answer(&cause, verb, object);
    };
    let told = match message {
        Some(message) => format!("{message} ({code})"),
        None => code.clone(),
    };
    let (kind, hint) = meaning(&code);
    let error = Error::new(kind, verb, object, told);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

fn no_answer<E, R>(cause: &SdkError<E, R>, verb: &str, object: &str) -> Error
where
    E: std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let words = words(cause);
    let has_no_credentials = words.contains("credential") || words.contains("identity");
    match (cause, has_no_credentials) {
        (SdkError::DispatchFailure(_) | SdkError::ConstructionFailure(_), true) => {
            Error::new(Kind::Final, verb, object, words)
                .hint("give this process a role, or set AWS_ACCESS_KEY_ID and its secret")
        }
        _ => Error::new(Kind::Unreachable, verb, object, words)
            .hint("check AWS_REGION, AWS_ENDPOINT_URL and the network"),
    }
}

/// What a service's error code means, and what can be done.
fn meaning(code: &str) -> (Kind, Option<&'static str>) {
    match code {
        "ExpiredTokenException" | "ExpiredToken" => (
            Kind::Retryable,
            Some(
                "renew the credentials and run the load again: if it was committed after all, \
                 nothing is done twice",
            ),
        ),
        "ThrottlingException"
        | "Throttling"
        | "InternalServerException"
        | "InternalFailure"
        | "ServiceUnavailable"
        | "ActiveStatementsExceededException"
        | "ActiveSessionsExceededException" => (Kind::Retryable, None),
        "AccessDeniedException"
        | "AccessDenied"
        | "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "InvalidClientTokenId" => (
            Kind::Final,
            Some("check the credentials of this process and the policy of their role"),
        ),
        "ValidationException" | "ResourceNotFoundException" | "ClusterNotFound" => (
            Kind::Final,
            Some(
                "check the names in --to; for a cluster that is not serverless, add ?type=cluster",
            ),
        ),
        _ => (Kind::Final, None),
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

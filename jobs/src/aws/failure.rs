//! What the failures of AWS's services mean.

use aws_sdk_redshiftdata::error::{ProvideErrorMetadata, SdkError};
use cinemill_engine::error::{Error, Kind};

use crate::causes::words;

/// A request that failed.
pub fn failure<E, R>(cause: SdkError<E, R>, verb: &str, object: &str) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let message = match &cause {
        SdkError::ServiceError(refusal) => refusal.err().message(),
        _ => None,
    };
    let Some(code) = code_of(&cause) else {
        return no_answer(&cause, verb, object);
    };
    let told = match message {
        Some(message) => format!("{message} ({code})"),
        None => code.to_owned(),
    };
    let (kind, hint) = meaning(code);
    let error = Error::new(kind, verb, object, told);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// The service's word for what went wrong; `None` where it did not answer.
pub fn code_of<E: ProvideErrorMetadata, R>(cause: &SdkError<E, R>) -> Option<&str> {
    match cause {
        SdkError::ServiceError(refusal) => refusal.err().code(),
        _ => None,
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
            Some("renew the credentials and try again: nothing is done twice"),
        ),
        "ThrottlingException"
        | "Throttling"
        | "InternalServerException"
        | "InternalServerError"
        | "InternalFailure"
        | "ServerException"
        | "ServiceUnavailable" => (Kind::Retryable, None),
        "AccessDeniedException"
        | "AccessDenied"
        | "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "InvalidClientTokenId" => (
            Kind::Final,
            Some("check the credentials of this process and the policy of their role"),
        ),
        _ => (Kind::Final, None),
    }
}

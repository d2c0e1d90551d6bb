//! The HTTP side: who asks, and for what.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::credentials::Credentials;
use super::data_api::DataApi;
use super::faults::Faults;

const JSON: &str = "application/x-amz-json-1.1";
const XML: &str = "text/xml";

/// An error of AWS's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceError {
    pub code: &'static str,
    pub message: String,
}

impl ServiceError {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationException", message)
    }
}

/// All three services on one port.
pub struct Front {
    /// The key that requests are signed with.
    pub access_key: String,
    pub faults: Arc<Faults>,
    pub data_api: DataApi,
    pub credentials: Arc<Credentials>,
}

/// Serves until dropped, which ends all connections.
pub async fn serve(listener: TcpListener, front: Arc<Front>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        let front = Arc::clone(&front);
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let front = Arc::clone(&front);
                async move { front.answer(request).await }
            });
            // A connection that breaks is the client's to notice.
            let _ = auto::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
        while connections.try_join_next().is_some() {}
    }
}

impl Front {
    /// An error ends the connection without an answer.
    async fn answer(&self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        let (head, body) = request.into_parts();
        let body = to_bytes(Body::new(body), usize::MAX).await;
        let body = body.map_err(io::Error::other)?;
        let target = text_of(&head.headers, "x-amz-target");
        let (status, kind, text) = match target.and_then(|target| target.split_once('.')) {
            Some((service, operation)) => {
                let answer = self.json(&head.headers, service, operation, &body).await;
                let is_batch = operation.ends_with("ExecuteStatement");
                if is_batch && answer.is_ok() && self.faults.take_lost_answer() {
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
                let (status, value) = match answer {
                    Ok(value) => (StatusCode::OK, value),
                    Err(error) => (StatusCode::BAD_REQUEST, as_json(&error)),
                };
                (status, JSON, value.to_string())
            }
            None => match self.xml(&head.headers, &body) {
                Ok(text) => (StatusCode::OK, XML, text),
                Err(error) => (StatusCode::BAD_REQUEST, XML, as_xml(&error)),
            },
        };
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        Ok(response)
    }

    async fn json(
        &self,
        headers: &HeaderMap,
        service: &str,
        operation: &str,
        body: &Bytes,
    ) -> Result<Value, ServiceError> {
        let signed_for = match service {
            "RedshiftData" => "redshift-data",
            "RedshiftServerless" => "redshift-serverless",
            _ => return Err(unknown(operation)),
        };
        self.admit(headers, signed_for)?;
        let request: Value = serde_json::from_slice(body)
            .map_err(|error| ServiceError::new("SerializationException", error.to_string()))?;
        match (service, operation) {
            ("RedshiftServerless", "GetCredentials") => self.credentials.of_workgroup(&request),
            ("RedshiftData", operation) => self.data_api.answer(operation, &request).await,
            _ => Err(unknown(operation)),
        }
    }

    fn xml(&self, headers: &HeaderMap, body: &Bytes) -> Result<String, ServiceError> {
        self.admit(headers, "redshift")?;
        let form: Vec<_> = url::form_urlencoded::parse(body).into_owned().collect();
        self.credentials.of_cluster(&form)
    }

    /// The request is signed, for the service, with a key that is known and good, and there are
    /// not too many. Whether the signature is right is not looked at.
    fn admit(&self, headers: &HeaderMap, service: &str) -> Result<(), ServiceError> {
        let signature = text_of(headers, AUTHORIZATION.as_str()).unwrap_or_default();
        let Some(scope) = credential_scope(signature) else {
            let message = "Missing Authentication Token";
            return Err(ServiceError::new(
                "MissingAuthenticationTokenException",
                message,
            ));
        };
        let [key, _, _, signed_for, "aws4_request"] = scope[..] else {
            let message = "Credential should be scoped to a date, a region and a service";
            return Err(ServiceError::new("IncompleteSignatureException", message));
        };
        if key != self.access_key {
            let message = "The security token included in the request is invalid.";
            return Err(ServiceError::new("UnrecognizedClientException", message));
        }
        if signed_for != service {
            let message = format!("Credential should be scoped to correct service: '{service}'.");
            return Err(ServiceError::new("InvalidSignatureException", message));
        }
        if self.faults.are_credentials_expired() {
            let message = "The security token included in the request is expired";
            return Err(ServiceError::new("ExpiredTokenException", message));
        }
        if self.faults.turns_away() {
            return Err(ServiceError::new("ThrottlingException", "Rate exceeded"));
        }
        Ok(())
    }
}

fn unknown(operation: &str) -> ServiceError {
    let message = format!("the stand-in does not know {operation}");
    ServiceError::new("UnknownOperationException", message)
}

fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// `AWS4-HMAC-SHA256 Credential=key/date/region/service/aws4_request, SignedHeaders=…, Signature=…`
fn credential_scope(signature: &str) -> Option<Vec<&str>> {
    let fields = signature.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let (_, after) = fields.split_once("Credential=")?;
    let has_rest = fields.contains("SignedHeaders=") && fields.contains("Signature=");
    let scope = after.split([',', ' ']).next()?;
    has_rest.then(|| scope.split('/').collect())
}

fn as_json(error: &ServiceError) -> Value {
    json!({ "__type": error.code, "message": error.message })
}

fn as_xml(error: &ServiceError) -> String {
    let code = error.code.trim_end_matches("Exception");
    format!(
        "<ErrorResponse xmlns=\"http://redshift.amazonaws.com/doc/2012-12-01/\"><Error>\
         <Type>Sender</Type><Code>{code}</Code><Message>{}</Message></Error>\
         <RequestId>0</RequestId></ErrorResponse>",
        error.message
    )
}

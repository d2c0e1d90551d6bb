//! Requests to a bucket that notice when nothing comes any more.
//!
//! `object_store` bounds a request as a whole only, does not repeat one whose small answer broke
//! off, nor one that timed out unless HTTP's rules call it safe. Here each try gets its own bounds
//! (see [`super::patience`]), small answers are read to their end at once, and whatever goes wrong on
//! the way is reported as worth repeating: all of cinemill's requests may be. Uploads of parts and
//! deletions have the same effect twice; a conditional write that meets itself is recognised
//! ([`super::Store::write_if`]), and so is an upload that was completed before.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService, ReqwestConnector,
};
use tokio::time::Sleep;

use super::failure::{ANSWERS_WITH, BROKE_OFF, CANNOT_BE_REACHED, DOES_NOT_ANSWER, innermost};
use super::patience::{Health, Patience};
use super::requests;

/// Makes clients that are patient for a while.
#[derive(Debug)]
pub(super) struct PatientConnector {
    patience: Patience,
}

impl PatientConnector {
    pub fn new(patience: Patience) -> Self {
        Self { patience }
    }
}

impl HttpConnector for PatientConnector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Patient {
            inner: ReqwestConnector::default().connect(options)?,
            patience: self.patience,
            health: Arc::default(),
        }))
    }
}

#[derive(Debug)]
struct Patient {
    inner: HttpClient,
    patience: Patience,
    health: Arc<Health>,
}

#[async_trait]
impl HttpService for Patient {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let attempt = Attempt {
            began: Instant::now(),
            endpoint: endpoint(&request),
            patience: self.patience,
            health: self.health.clone(),
        };
        let trouble = self.health.in_trouble_for(self.patience);
        let limit = self
            .patience
            .one_try(request.body().content_length(), trouble);
        let whole = is_answer_small(&request);
        requests::note(&request);
        let answered = tokio::time::timeout(limit, self.inner.execute(request)).await;
        let answer = match answered {
            Ok(Ok(answer)) => answer,
            Ok(Err(cause)) => return Err(attempt.failed(What::broken(&cause))),
            Err(_) => return Err(attempt.failed(What::Silence)),
        };
        if answer.status().is_server_error() {
            return attempt.server_error(answer);
        }
        let (parts, body) = answer.into_parts();
        let body = Watched::new(body, attempt);
        if !whole && parts.status.is_success() {
            return Ok(HttpResponse::from_parts(parts, HttpResponseBody::new(body)));
        }
        let bytes = HttpResponseBody::new(body).bytes().await?;
        Ok(HttpResponse::from_parts(parts, bytes.into()))
    }
}

/// All answers but objects: listings, and what is said of writes.
fn is_answer_small(request: &HttpRequest) -> bool {
    let query = request.uri().query().unwrap_or_default();
    request.method().as_str() != "GET" || query.contains("list-type=")
}

/// The server of a request, as in `http://127.0.0.1:9000`.
fn endpoint(request: &HttpRequest) -> String {
    let uri = request.uri();
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    format!("{}://{authority}", uri.scheme_str().unwrap_or_default())
}

/// One try of a request.
#[derive(Debug, Clone)]
struct Attempt {
    began: Instant,
    endpoint: String,
    patience: Patience,
    health: Arc<Health>,
}

impl Attempt {
    /// The error of a failed try: worth repeating, until the store has to be taken for down.
    fn failed(&self, what: What) -> HttpError {
        self.health.failed(self.began);
        let is_down = self.health.in_trouble_for(self.patience) >= self.patience.total();
        let kind = match is_down {
            true => HttpErrorKind::Unknown,
            false => HttpErrorKind::Request,
        };
        let endpoint = self.endpoint.clone();
        HttpError::new(kind, Failed { endpoint, what })
    }

    /// An answer that says that the server is in trouble. `object_store` repeats the request.
    fn server_error(&self, answer: HttpResponse) -> Result<HttpResponse, HttpError> {
        let error = self.failed(What::Status(answer.status().as_u16()));
        match error.kind() {
            HttpErrorKind::Unknown => Err(error),
            _ => Ok(answer),
        }
    }
}

/// Which server failed, and how. It has no source: it says all that there is.
#[derive(Debug)]
struct Failed {
    endpoint: String,
    what: What,
}

#[derive(Debug)]
enum What {
    Unreachable(String),
    Silence,
    Broken(String),
    Status(u16),
}

impl What {
    fn broken(cause: &HttpError) -> Self {
        match cause.kind() {
            HttpErrorKind::Connect => Self::Unreachable(innermost(cause)),
            HttpErrorKind::Timeout => Self::Silence,
            _ => Self::Broken(innermost(cause)),
        }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoint = &self.endpoint;
        match &self.what {
            What::Unreachable(cause) => write!(f, "{endpoint} {CANNOT_BE_REACHED}: {cause}"),
            What::Silence => write!(f, "{endpoint} {DOES_NOT_ANSWER}"),
            What::Broken(cause) => write!(f, "{endpoint} {BROKE_OFF}: {cause}"),
            What::Status(status) => write!(f, "{endpoint} {ANSWERS_WITH} {status} again and again"),
        }
    }
}

impl std::error::Error for Failed {}

/// A body that fails when its next piece does not come in time.
struct Watched {
    inner: HttpResponseBody,
    attempt: Attempt,
    idle: Duration,
    deadline: Pin<Box<Sleep>>,
}

impl Watched {
    fn new(inner: HttpResponseBody, attempt: Attempt) -> Self {
        let idle = attempt.patience.answer();
        if inner.is_end_stream() {
            attempt.health.answered();
        }
        Self {
            inner,
            attempt,
            idle,
            deadline: Box::pin(tokio::time::sleep(idle)),
        }
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        match Pin::new(&mut self.inner).poll_frame(context) {
            Poll::Ready(Some(Err(cause))) => {
                let failed = self.attempt.failed(What::broken(&cause));
                Poll::Ready(Some(Err(failed)))
            }
            Poll::Ready(frame) => {
                self.attempt.health.answered();
                let next = tokio::time::Instant::now() + self.idle;
                self.deadline.as_mut().reset(next);
                Poll::Ready(frame)
            }
            Poll::Pending => self.deadline.as_mut().poll(context).map(|()| {
                let silence = self.attempt.failed(What::Silence);
                Some(Err(silence))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

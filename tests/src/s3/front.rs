//! What stands before the S3 service: it holds, loses and breaks off requests when told to.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Bytes, Frame, Incoming, SizeHint};
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use s3s::service::S3Service;
use s3s::{Body, HttpError, HttpResponse, StdError};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

use super::faults::{Faults, Moment};
use super::seen::Seen;
use super::troubles::Trouble;

/// How long a client gets to read what comes before a broken end.
const FLUSH_PAUSE: Duration = Duration::from_millis(20);

pub(super) struct Front {
    pub service: S3Service,
    pub faults: Arc<Faults>,
    pub seen: Arc<Seen>,
}

/// Serves until dropped, which ends all connections.
pub(super) async fn serve(listener: std::net::TcpListener, front: Arc<Front>) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                connections.spawn(Arc::clone(&front).serve_connection(stream));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

impl Front {
    async fn serve_connection(self: Arc<Self>, stream: TcpStream) {
        let Ok((stream, socket)) = with_socket(stream) else {
            return;
        };
        let socket = Arc::new(socket);
        let service = service_fn(|request| {
            let (front, socket) = (Arc::clone(&self), Arc::clone(&socket));
            async move { front.answer(request, &socket).await }
        });
        // A connection that breaks is the client's to notice.
        let _ = auto::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        socket: &TcpSocket,
    ) -> Result<HttpResponse, HttpError> {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        self.seen.note(&method, &uri);
        self.faults.holds.pass(Moment::Before, &method, &uri).await;
        let fault = self.faults.next(&method, &uri);
        let mut request = request.map(Body::from);
        if let Some((trouble, Moment::Before)) = fault {
            if trouble != Trouble::Reset {
                // Read to its end, or the client may see a broken connection in place of the answer.
                let _ = request.body_mut().store_all_limited(usize::MAX).await;
            }
            return spoil(None, trouble, socket).await;
        }
        // A store ends what it has begun, whether its client still listens or not; s3s-fs, dropped
        // in the midst of a completion, would leave an upload that nobody can abort.
        let service = self.service.clone();
        let answered = tokio::spawn(async move { service.call(request).await }).await;
        let answer = answered.map_err(|_| broken("the service panicked"))??;
        self.faults.holds.pass(Moment::After, &method, &uri).await;
        match fault {
            Some((trouble, _)) => spoil(Some(answer), trouble, socket).await,
            None => Ok(answer),
        }
    }
}

/// The stream, and a second handle of its socket.
fn with_socket(stream: TcpStream) -> std::io::Result<(TcpStream, TcpSocket)> {
    let stream = stream.into_std()?;
    let socket = TcpSocket::from_std_stream(stream.try_clone()?);
    Ok((TcpStream::from_std(stream)?, socket))
}

/// What becomes of an answer. An error ends the connection.
async fn spoil(
    answer: Option<HttpResponse>,
    trouble: Trouble,
    socket: &TcpSocket,
) -> Result<HttpResponse, HttpError> {
    match (trouble, answer) {
        (Trouble::InternalError, _) => Ok(error_answer(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalError",
            "We encountered an internal error. Please try again.",
        )),
        (Trouble::SlowDown, _) => Ok(error_answer(
            StatusCode::SERVICE_UNAVAILABLE,
            "SlowDown",
            "Please reduce your request rate.",
        )),
        (Trouble::StallInBody | Trouble::TruncatedBody, Some(answer)) => {
            Ok(cut(answer, trouble).await?)
        }
        (Trouble::Stall | Trouble::StallInBody, _) => std::future::pending().await,
        (Trouble::Reset | Trouble::TruncatedBody, _) => {
            // The peer gets a reset, not an orderly end.
            let _ = socket.set_zero_linger();
            Err(broken("the connection is reset on purpose"))
        }
    }
}

fn broken(words: &'static str) -> HttpError {
    HttpError::new(words.into())
}

fn error_answer(status: StatusCode, code: &str, message: &str) -> HttpResponse {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let xml = hyper::header::HeaderValue::from_static("application/xml");
    response.headers_mut().insert(CONTENT_TYPE, xml);
    response
}

/// Sends half of the body, then nothing more.
async fn cut(answer: HttpResponse, trouble: Trouble) -> Result<HttpResponse, HttpError> {
    let (parts, mut body) = answer.into_parts();
    let whole = body.store_all_limited(usize::MAX).await;
    let whole = whole.map_err(HttpError::new)?;
    let cut = Cut {
        half: Some(whole.slice(..whole.len() / 2)).filter(|half| !half.is_empty()),
        length: whole.len() as u64,
        stalls: trouble == Trouble::StallInBody,
        pause: Box::pin(tokio::time::sleep(FLUSH_PAUSE)),
    };
    match cut.half {
        Some(_) => Ok(Response::from_parts(parts, Body::http_body(cut))),
        // Nothing can be cut off.
        None if cut.stalls => std::future::pending().await,
        None => Err(broken("the connection ends on purpose")),
    }
}

/// The first half of a body, which promises its whole length.
struct Cut {
    half: Option<Bytes>,
    length: u64,
    stalls: bool,
    /// Lets the half reach the client before the connection breaks.
    pause: Pin<Box<tokio::time::Sleep>>,
}

impl hyper::body::Body for Cut {
    type Data = Bytes;
    type Error = StdError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StdError>>> {
        if let Some(half) = self.half.take() {
            return Poll::Ready(Some(Ok(Frame::data(half))));
        }
        match self.pause.as_mut().poll(context) {
            Poll::Ready(()) if !self.stalls => {
                Poll::Ready(Some(Err("the body ends on purpose".into())))
            }
            _ => Poll::Pending,
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}

//! A door to the S3 server for one process, in which a test holds requests up.
//!
//! A process that waits in a held request is at a moment that the test chose: it reads its input,
//! or it writes its part, or it is about to commit. The test fires its fault then.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{CONNECTION, TRANSFER_ENCODING};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use s3s::Body;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use crate::processes::{Result, poll};
use crate::s3::Moment;

/// Which requests are held up.
#[derive(Debug, Clone)]
pub struct Hold {
    /// `None` for any.
    pub method: Option<&'static str>,
    /// A part of the path and query, percent-encoded as on the wire.
    pub target: String,
    /// Before the store sees the request, or when it has done what it was asked and only the
    /// answer is missing.
    pub moment: Moment,
}

impl Hold {
    /// Holds requests before they have any effect.
    pub fn before(method: &'static str, target: &str) -> Self {
        Self {
            method: Some(method),
            target: target.to_owned(),
            moment: Moment::Before,
        }
    }

    /// Holds the answers of requests that had their effect.
    pub fn after(method: &'static str, target: &str) -> Self {
        Self {
            moment: Moment::After,
            ..Self::before(method, target)
        }
    }

    fn is_about(&self, request: &Request<Incoming>) -> bool {
        let method = self.method.is_none_or(|method| request.method() == method);
        method && request.uri().to_string().contains(&self.target)
    }
}

/// The present hold, and how many there were before.
#[derive(Debug, Default)]
struct Held {
    number: u64,
    hold: Option<Hold>,
}

/// Hands requests on to the S3 server. It stops when dropped.
pub struct Gate {
    address: SocketAddr,
    door: Arc<Door>,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

struct Door {
    upstream: String,
    http: reqwest::Client,
    hold: watch::Sender<Held>,
    /// Waiting requests by the number of their hold.
    waiting: Mutex<BTreeMap<u64, usize>>,
    /// Answered requests by method.
    answered: Mutex<BTreeMap<String, usize>>,
}

impl Gate {
    /// Listens on a free port of `host` and hands on to `upstream`, an `http://` URL.
    pub fn start(host: IpAddr, upstream: &str) -> Result<Self> {
        let listener = TcpListener::bind((host, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let door = Arc::new(Door {
            upstream: upstream.to_owned(),
            http: reqwest::Client::builder().no_proxy().build()?,
            hold: watch::Sender::default(),
            waiting: Mutex::default(),
            answered: Mutex::default(),
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let served = door.clone();
        let thread = thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = serve(listener, served) => {}
                    _ = stopped => {}
                }
            });
            runtime.shutdown_timeout(Duration::from_secs(5));
        });
        Ok(Self {
            address,
            door,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// What the process is told as the store's endpoint.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets go of all that is held, and holds these requests from now on.
    pub fn hold(&self, hold: Hold) {
        self.change(Some(hold));
    }

    /// Lets go of all that is held.
    pub fn release(&self) {
        self.change(None);
    }

    fn change(&self, hold: Option<Hold>) {
        self.door.hold.send_modify(|held| {
            held.number += 1;
            held.hold = hold;
        });
    }

    /// How many requests wait for the present hold's end.
    pub fn held(&self) -> usize {
        let number = self.door.hold.borrow().number;
        lock(&self.door.waiting).get(&number).copied().unwrap_or(0)
    }

    /// How many requests were answered, by method.
    pub fn requests(&self) -> BTreeMap<String, usize> {
        lock(&self.door.answered).clone()
    }

    /// Waits until a request is held.
    pub fn wait_for_held(&self) -> Result<()> {
        let what = format!("a held request: {:?}", self.door.hold.borrow());
        poll(&what, || (self.held() > 0).then_some(()))
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there has been reported by the thread itself.
            let _ = thread.join();
        }
    }
}

async fn serve(listener: TcpListener, door: Arc<Door>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    // Dropped with this future, which ends all connections.
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        let door = door.clone();
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let door = door.clone();
                async move { Ok::<_, Infallible>(door.answer(request).await) }
            });
            // A connection that breaks is the client's to notice.
            let _ = auto::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
        while connections.try_join_next().is_some() {}
    }
}

impl Door {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let (number, moment) = self.hold_of(&request);
        let method = request.method().to_string();
        if moment == Some(Moment::Before) {
            self.wait(number).await;
        }
        let answer = self.hand_on(request).await;
        if moment == Some(Moment::After) {
            self.wait(number).await;
        }
        *lock(&self.answered).entry(method).or_default() += 1;
        answer.unwrap_or_else(|_| {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        })
    }

    /// The number of the present hold, and when it stops the request, if it does.
    fn hold_of(&self, request: &Request<Incoming>) -> (u64, Option<Moment>) {
        let held = self.hold.borrow();
        let hold = held.hold.as_ref().filter(|hold| hold.is_about(request));
        (held.number, hold.map(|hold| hold.moment))
    }

    /// Ends when this hold is lifted; cancelled when the client goes away.
    async fn wait(&self, number: u64) {
        let _counted = Counted::new(&self.waiting, number);
        let mut holds = self.hold.subscribe();
        // The sender lives as long as this.
        let _ = holds.wait_for(|held| held.number != number).await;
    }

    /// Asks the server the same, signature and all: it is made for the host that the client names.
    async fn hand_on(&self, request: Request<Incoming>) -> Result<Response<Body>> {
        let (head, body) = request.into_parts();
        let body = Body::from(body).store_all_limited(usize::MAX).await?;
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let asked = self
            .http
            .request(head.method, format!("{}{path}", self.upstream))
            .headers(head.headers)
            .body(body);
        let answer = asked.send().await?;
        let mut response = Response::new(Body::empty());
        *response.status_mut() = answer.status();
        response.headers_mut().extend(answer.headers().clone());
        for of_connection in [CONNECTION, TRANSFER_ENCODING] {
            response.headers_mut().remove(of_connection);
        }
        *response.body_mut() = Body::from(answer.bytes().await?);
        Ok(response)
    }
}

/// Counts itself as waiting for as long as it lives.
struct Counted<'a> {
    waiting: &'a Mutex<BTreeMap<u64, usize>>,
    number: u64,
}

impl<'a> Counted<'a> {
    fn new(waiting: &'a Mutex<BTreeMap<u64, usize>>, number: u64) -> Self {
        *lock(waiting).entry(number).or_default() += 1;
        Self { waiting, number }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        if let Some(count) = lock(self.waiting).get_mut(&self.number) {
            *count -= 1;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

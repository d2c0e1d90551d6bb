//! Downloads that go on where they broke off.
//!
//! A server that names its content (`ETag`, `Last-Modified`) is asked for the rest only, on the
//! condition that the content is the same; whatever else comes of it begins again.

use std::path::Path;
use std::time::Duration;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::store::innermost;
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_RANGE, ETAG, HeaderMap, HeaderName,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE, RETRY_AFTER,
};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use url::Url;

use super::events::Told;
use super::fetch::{Fetched, Mark};
use super::origin::Origin;
use super::retry::Tries;
use super::spool::Spool;

/// How long a connection may take, and the next piece of an answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// A client for all downloads of a process.
pub fn client() -> Result<Client> {
    Client::builder()
        .user_agent(concat!("cinemill/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(SILENCE_MAX)
        .build()
        .map_err(|cause| Error::new(Kind::Final, "prepare", "an HTTP client", cause))
}

/// One file to be downloaded.
pub struct Download<'a> {
    pub client: &'a Client,
    pub url: &'a Url,
    pub origin: &'a Origin,
    pub known: Option<&'a Mark>,
    pub told: &'a Told<'a>,
}

/// What has arrived, and of which content it is.
struct Partial {
    spool: Spool,
    mark: Mark,
}

/// Why a try did not bring the file.
enum Trouble {
    Final(Error),
    Passing {
        cause: String,
        wait: Option<Duration>,
    },
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

fn passing(cause: impl Into<String>) -> Trouble {
    Trouble::Passing {
        cause: cause.into(),
        wait: None,
    }
}

impl Download<'_> {
    pub async fn run(&self, to: &Path) -> Result<Fetched> {
        let mut partial = Partial {
            spool: Spool::create(to).await?,
            mark: Mark::default(),
        };
        let mut tries = Tries::default();
        // What begins again has to come further than it ever did.
        let mut furthest = 0;
        loop {
            let (cause, wait) = match self.attempt(&mut partial).await {
                Ok(fetched) => return Ok(fetched),
                Err(Trouble::Final(error)) => return Err(error),
                Err(Trouble::Passing { cause, wait }) => (cause, wait),
            };
            let came_further = partial.spool.bytes() > furthest;
            furthest = furthest.max(partial.spool.bytes());
            let Some(pause) = tries.pause(came_further, wait) else {
                return Err(self
                    .failed(Kind::Retryable, cause)
                    .hint("run it again later"));
            };
            self.told.retry(cause);
            tokio::time::sleep(pause).await;
        }
    }

    async fn attempt(&self, partial: &mut Partial) -> Result<Fetched, Trouble> {
        if partial.resume_on().is_none() {
            partial.restart().await?;
        }
        let answer = self.request(partial).send().await;
        let answer = answer.map_err(|cause| passing(innermost(&cause)))?;
        match answer.status() {
            StatusCode::NOT_MODIFIED if self.known.is_some() => {
                return Ok(Fetched::Unchanged);
            }
            StatusCode::OK => {
                partial.restart().await?;
                partial.mark = mark_of(&answer);
                if self.known.is_some_and(|known| partial.mark.is_same(known)) {
                    return Ok(Fetched::Unchanged);
                }
            }
            StatusCode::PARTIAL_CONTENT => partial.check_rest(&answer).await?,
            StatusCode::RANGE_NOT_SATISFIABLE => {
                partial.restart().await?;
                return Err(passing("the file is shorter than it was"));
            }
            status => return Err(self.refused(status, answer.headers())),
        }
        if let Some(encoding) = answer.headers().get(CONTENT_ENCODING) {
            let cause = format!("it comes with the content encoding {encoding:?}, unasked");
            return Err(self.failed(Kind::Input, cause).into());
        }
        self.told.begun(partial.mark.bytes);
        self.receive(partial, answer).await
    }

    fn request(&self, partial: &Partial) -> RequestBuilder {
        let request = self.client.get(self.url.clone());
        // Bytes are wanted as they are kept there.
        let request = request.header(ACCEPT_ENCODING, "identity");
        if let Some(same) = partial.resume_on() {
            let range = format!("bytes={}-", partial.spool.bytes());
            return request.header(RANGE, range).header(IF_RANGE, same);
        }
        let known = self.known.cloned().unwrap_or_default();
        let with = |request: RequestBuilder, name: HeaderName, value: Option<String>| match value {
            Some(value) => request.header(name, value),
            None => request,
        };
        let request = with(request, IF_NONE_MATCH, known.e_tag);
        with(request, IF_MODIFIED_SINCE, known.last_modified)
    }

    async fn receive(
        &self,
        partial: &mut Partial,
        mut answer: Response,
    ) -> Result<Fetched, Trouble> {
        let broke_off =
            |cause: &reqwest::Error| passing(format!("broke off: {}", innermost(cause)));
        while let Some(piece) = answer.chunk().await.map_err(|cause| broke_off(&cause))? {
            partial.spool.append(&piece).await?;
            self.told.fetched(partial.spool.bytes());
        }
        partial.spool.finish().await?;
        let bytes = partial.spool.bytes();
        match partial.mark.bytes {
            Some(whole) if whole != bytes => {
                partial.restart().await?;
                Err(passing(format!("{bytes} bytes came, not {whole}")))
            }
            _ => Ok(Fetched::New(partial.mark.clone())),
        }
    }

    fn refused(&self, status: StatusCode, headers: &HeaderMap) -> Trouble {
        let cause = format!("the server answers {status}");
        let may_pass = status.is_server_error()
            || matches!(
                status,
                StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
            );
        match may_pass {
            true => Trouble::Passing {
                cause,
                wait: retry_after(headers),
            },
            false => self.failed(Kind::Input, cause).into(),
        }
    }

    fn failed(&self, kind: Kind, cause: impl std::fmt::Display) -> Error {
        Error::new(kind, "download", self.origin, cause)
    }
}

impl Partial {
    /// What the rest has to be of; `None` where there is nothing to go on with.
    fn resume_on(&self) -> Option<String> {
        // A weak tag does not promise the same bytes.
        let strong = |tag: &&String| !tag.starts_with("W/");
        let same = self.mark.e_tag.as_ref().filter(strong);
        let same = same.or(self.mark.last_modified.as_ref());
        same.filter(|_| self.spool.bytes() > 0).cloned()
    }

    async fn restart(&mut self) -> Result<()> {
        self.mark = Mark::default();
        self.spool.restart().await
    }

    /// An answer that claims to be the rest must be the rest of this content.
    async fn check_rest(&mut self, answer: &Response) -> Result<(), Trouble> {
        let found = mark_of(answer);
        let same_tag = found.e_tag.is_none() || found.e_tag == self.mark.e_tag;
        let range = header(answer.headers(), CONTENT_RANGE).unwrap_or_default();
        let begins = range.starts_with(&format!("bytes {}-", self.spool.bytes()));
        let total = range
            .rsplit_once('/')
            .and_then(|(_, total)| total.parse().ok());
        let same_size = total.is_none() || self.mark.bytes.is_none() || total == self.mark.bytes;
        if same_tag && begins && same_size {
            return Ok(());
        }
        self.restart().await?;
        Err(passing("the server went on with something else"))
    }
}

fn mark_of(answer: &Response) -> Mark {
    Mark {
        e_tag: header(answer.headers(), ETAG),
        last_modified: header(answer.headers(), LAST_MODIFIED),
        bytes: answer.content_length(),
    }
}

fn header(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.to_owned())
}

/// Only seconds are understood; servers that name a date are tried as others.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = header(headers, RETRY_AFTER)?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

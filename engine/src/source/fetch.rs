//! The bytes of a file: ranged requests to the store, read ahead, decompressed.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use datafusion::common::runtime::SpawnedTask;
use datafusion::physical_plan::metrics::{Count, Time};
use object_store::path::Path;
use object_store::{GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt};
use tokio::runtime::Handle;

use super::spec::{Compression, SourceFile, url_of};
use crate::error::{Error, Kind};
use crate::store::{Refusal, Requests, advice, one_line};

/// How much is asked for at a time, in bytes and requests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// One request.
    pub fetch_bytes: u64,
    /// How many requests are under way while their predecessor is decoded.
    pub ahead: usize,
    /// What is asked for behind the end of a range, for the record that crosses it.
    pub tail_bytes: u64,
    /// What the decoder takes at a time.
    pub window_bytes: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            fetch_bytes: 4 << 20,
            ahead: 2,
            tail_bytes: 64 << 10,
            window_bytes: 512 << 10,
        }
    }
}

/// A file in a store, as it was when the input was looked at.
#[derive(Debug, Clone)]
pub(super) struct Opened {
    pub store: Arc<dyn ObjectStore>,
    pub store_url: Arc<str>,
    pub input: Arc<str>,
    pub file: Arc<SourceFile>,
}

impl Opened {
    pub(super) fn url(&self) -> String {
        url_of(&self.store_url, &self.file.path)
    }

    /// Reads `range`, which must lie within the file; fails if the file is another one by now.
    async fn get(&self, range: std::ops::Range<u64>) -> Result<Bytes, Error> {
        let path = Path::parse(&self.file.path)
            .map_err(|error| store_error(&self.input, &self.url(), &error.into()))?;
        let wanted = range.end - range.start;
        // The tag of a local file holds its inode, which is another one on each machine.
        let local = self.store_url.starts_with("file:");
        let if_match = if local { None } else { self.file.e_tag.clone() };
        let options = GetOptions::new()
            .with_range(Some(range))
            .with_if_match(if_match);
        let answer = match self.store.get_opts(&path, options).await {
            Ok(answer) if self.changed(&answer.meta, local) => return Err(self.changed_error()),
            Ok(answer) => answer.bytes().await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(bytes) if bytes.len() as u64 == wanted => Ok(bytes),
            Ok(_) | Err(object_store::Error::Precondition { .. }) => Err(self.changed_error()),
            // A file that has become shorter cannot serve the range.
            Err(error @ object_store::Error::Generic { .. }) => {
                match self.store.head(&path).await {
                    Ok(meta) if self.changed(&meta, local) => Err(self.changed_error()),
                    _ => Err(store_error(&self.input, &self.url(), &error)),
                }
            }
            Err(error) => Err(store_error(&self.input, &self.url(), &error)),
        }
    }

    fn changed(&self, meta: &ObjectMeta, local: bool) -> bool {
        let modified = meta.last_modified.timestamp_millis() != self.file.last_modified_ms;
        let tagged = !local && self.file.e_tag.is_some();
        meta.size != self.file.size || (!tagged && modified)
    }

    fn changed_error(&self) -> Error {
        let cause = format!("{} changed while it was read", self.url());
        read_error(Kind::Retryable, &self.input, cause)
    }
}

/// `failed to read input <input>: <cause>`.
pub(super) fn read_error(kind: Kind, input: &str, cause: impl std::fmt::Display) -> Error {
    Error::new(kind, "read", format_args!("input {input}"), cause)
}

/// What a failure of the store means for someone who reads `url`.
pub(super) fn store_error(input: &str, url: &str, error: &object_store::Error) -> Error {
    use object_store::Error as Store;
    match (Refusal::of(error), error) {
        (Some(Refusal::Missing), _) => {
            read_error(Kind::Input, input, format_args!("{url} does not exist"))
        }
        (Some(Refusal::Forbidden), _) => denied(input, url, error),
        (Some(Refusal::InTheWay), _)
        | (
            _,
            Store::InvalidPath { .. } | Store::NotSupported { .. } | Store::NotImplemented { .. },
        ) => read_error(
            Kind::Input,
            input,
            format_args!("{url}: {}", one_line(error)),
        ),
        _ if root_io(error) == Some(io::ErrorKind::PermissionDenied) => denied(input, url, error),
        _ => {
            let text = one_line(error);
            let read = read_error(Kind::Retryable, input, format_args!("{url}: {text}"));
            advice(&text).into_iter().fold(read, Error::hint)
        }
    }
}

fn denied(input: &str, url: &str, error: &object_store::Error) -> Error {
    read_error(
        Kind::Input,
        input,
        format_args!("{url} may not be read: {}", one_line(error)),
    )
    .hint("check the permissions of the file or bucket and the credentials in use")
}

/// The kind of the operating system's error at the root, if there is one.
fn root_io(error: &object_store::Error) -> Option<io::ErrorKind> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        cause = error.source();
    }
    None
}

/// A blocking reader over a part of a stored file.
///
/// Requests for `from..soft_end` are under way before they are needed. What lies behind that, up
/// to the end of the file, is fetched only when someone reads on: it is for the one record that
/// crosses the end of a range. Requests end with the reader.
pub(super) struct StoredBytes {
    opened: Opened,
    runtime: Handle,
    sizes: Sizes,
    current: Bytes,
    /// Where the next request begins.
    position: u64,
    soft_end: u64,
    tail_bytes: u64,
    ahead: VecDeque<SpawnedTask<Result<Bytes, Error>>>,
    metrics: FetchMetrics,
}

/// What is told about the bytes of a file.
#[derive(Debug, Clone, Default)]
pub(super) struct FetchMetrics {
    /// Bytes that have arrived.
    pub bytes: Count,
    /// The time spent waiting for them.
    pub wait: Time,
    pub requests: Requests,
}

impl StoredBytes {
    /// Begins to read; must be called within a Tokio runtime.
    pub(super) fn new(
        opened: Opened,
        from: u64,
        end: u64,
        sizes: Sizes,
        metrics: FetchMetrics,
    ) -> Self {
        let size = opened.file.size;
        let soft_end = if end >= size {
            size
        } else {
            (end + sizes.tail_bytes).min(size)
        };
        let mut this = Self {
            opened,
            runtime: Handle::current(),
            sizes,
            current: Bytes::new(),
            position: from.min(size),
            soft_end,
            tail_bytes: sizes.tail_bytes.max(1),
            ahead: VecDeque::new(),
            metrics,
        };
        this.request_ahead();
        this
    }

    fn request_ahead(&mut self) {
        while self.ahead.len() < self.sizes.ahead.max(1) && self.position < self.soft_end {
            let left = self.soft_end - self.position;
            let fetch = self.sizes.fetch_bytes.max(1);
            // A short rest is not worth a request of its own.
            let length = if left < fetch + fetch / 4 {
                left
            } else {
                fetch
            };
            self.request(length);
        }
    }

    fn request(&mut self, length: u64) {
        let range = self.position..self.position + length;
        self.position = range.end;
        let opened = self.opened.clone();
        let requests = self.metrics.requests.clone();
        let task = async move { requests.count(opened.get(range)).await };
        // Reading on happens on a blocking thread, which need not be one of the runtime's.
        let _entered = self.runtime.enter();
        self.ahead.push_back(SpawnedTask::spawn(task));
    }

    fn advance(&mut self) -> io::Result<()> {
        if self.ahead.is_empty() {
            let left = self.opened.file.size - self.position;
            if left == 0 {
                return Ok(());
            }
            self.request(self.tail_bytes.min(left));
            self.tail_bytes = (self.tail_bytes * 2).min(self.sizes.fetch_bytes.max(1));
        }
        if let Some(task) = self.ahead.pop_front() {
            let _waiting = self.metrics.wait.timer();
            let answer = self.runtime.block_on(task).unwrap_or_else(|error| {
                Err(read_error(Kind::Retryable, &self.opened.input, error))
            });
            self.current = answer.map_err(io::Error::other)?;
            self.metrics.bytes.add(self.current.len());
        }
        self.request_ahead();
        Ok(())
    }
}

impl Read for StoredBytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.current.is_empty() {
            self.advance()?;
        }
        let length = buffer.len().min(self.current.len());
        buffer[..length].copy_from_slice(&self.current[..length]);
        self.current.advance(length);
        Ok(length)
    }
}

/// The bytes that a file stands for.
pub(super) fn decompressed(
    compression: Compression,
    stored: impl Read + Send + 'static,
) -> io::Result<Box<dyn Read + Send>> {
    Ok(match compression {
        Compression::None => Box::new(stored),
        Compression::Gzip => Box::new(flate2::read::MultiGzDecoder::new(stored)),
        Compression::Zstd => Box::new(zstd::stream::read::Decoder::new(stored)?),
    })
}

/// Our error inside an I/O error, or what it means that the decompressor gave up.
pub(super) fn decode_error(opened: &Opened, error: io::Error) -> Error {
    let error = match error.downcast::<Error>() {
        Ok(ours) => return ours,
        Err(error) => error,
    };
    let format = match opened.file.compression {
        Compression::None => {
            let cause = format!("{}: {error}", opened.url());
            return read_error(Kind::Retryable, &opened.input, cause);
        }
        Compression::Gzip => "gzip",
        Compression::Zstd => "zstd",
    };
    let what = match error.kind() {
        io::ErrorKind::UnexpectedEof => format!("ends in the middle of its {format} data"),
        _ => format!("is not a sound {format} file: {error}"),
    };
    read_error(
        Kind::Input,
        &opened.input,
        format_args!("{} {what}", opened.url()),
    )
    .hint("the file may be incomplete or damaged; copy or download it again")
}

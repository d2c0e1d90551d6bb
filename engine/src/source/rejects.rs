//! Gathers what is known about a range while it is read, and writes it where audits belong.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnv;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use serde::Serialize;
use tokio::runtime::Handle;
use url::{Position, Url};

use super::audit::{RangeAudit, range_name};
use super::records::Record;
use super::rows::Problem;
use super::spec::{Split, TextSpec};
use crate::error::{Error, Kind, Result};
use crate::store::Requests;

/// An object of rejects is written when it holds this many bytes.
const REJECTS_BYTES: usize = 8 << 20;

/// The folder that receives audits.
#[derive(Debug, Clone)]
pub(super) struct AuditFolder {
    store: Arc<dyn ObjectStore>,
    folder: Path,
    /// The folder as the spec names it.
    url: String,
    /// Counts what is written there.
    pub requests: Requests,
}

impl AuditFolder {
    /// The folder of `spec`, if it wants audits.
    pub(super) fn of(spec: &TextSpec, runtime: &RuntimeEnv) -> Result<Option<Self>> {
        let Some(text) = &spec.audit else {
            return Ok(None);
        };
        let wrong = |cause: String| Error::new(Kind::Final, "open", text, cause);
        let url = Url::parse(text).map_err(|error| wrong(error.to_string()))?;
        let folder = Path::from_url_path(url.path()).map_err(|error| wrong(error.to_string()))?;
        let store_url = ObjectStoreUrl::parse(&url[..Position::BeforePath])
            .map_err(|error| wrong(error.strip_backtrace()))?;
        let store = runtime
            .object_store(&store_url)
            .map_err(|error| wrong(error.strip_backtrace()))?;
        let url = text.strip_suffix('/').unwrap_or(text).to_owned();
        Ok(Some(Self {
            store,
            folder,
            url,
            requests: Requests::default(),
        }))
    }

    fn url(&self, name: &str) -> String {
        format!("{}/{name}", self.url)
    }

    async fn put(&self, name: &str, content: Vec<u8>) -> Result<()> {
        let path = self.folder.clone().join(name);
        let put = self.store.put(&path, PutPayload::from(content));
        let outcome = self.requests.count(put).await;
        outcome.map(|_| ()).map_err(|error| {
            let kind = match error {
                object_store::Error::NotFound { .. }
                | object_store::Error::PermissionDenied { .. }
                | object_store::Error::Unauthenticated { .. } => Kind::Final,
                _ => Kind::Retryable,
            };
            Error::new(kind, "write", self.url(name), error)
        })
    }
}

/// A rejected record as it is kept.
#[derive(Serialize)]
struct Reject<'a> {
    input: &'a str,
    file: &'a str,
    offset: u64,
    reasons: Vec<String>,
    record: std::borrow::Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record_base64: Option<String>,
}

/// Counts the records of a range, and keeps its rejects where there is a folder for them.
pub(super) struct Auditor {
    spec: Arc<TextSpec>,
    split: Split,
    folder: Option<AuditFolder>,
    runtime: Handle,
    pub records: u64,
    pub rejects: u64,
    reasons: Vec<(Problem, u64)>,
    lines: Vec<u8>,
    written: Vec<String>,
    lines_max: usize,
}

impl Auditor {
    /// Must be called within a Tokio runtime; what follows belongs on a blocking thread.
    pub(super) fn new(spec: Arc<TextSpec>, split: Split, folder: Option<AuditFolder>) -> Self {
        Self {
            spec,
            split,
            folder,
            runtime: Handle::current(),
            records: 0,
            rejects: 0,
            reasons: Vec::new(),
            lines: Vec::new(),
            written: Vec::new(),
            lines_max: REJECTS_BYTES,
        }
    }

    #[cfg(test)]
    pub(super) fn with_lines_max(mut self, bytes: usize) -> Self {
        self.lines_max = bytes;
        self
    }

    pub(super) fn reject(&mut self, record: &Record<'_>, problems: &[Problem]) -> Result<()> {
        self.rejects += 1;
        for problem in problems {
            match self.reasons.iter_mut().find(|(known, _)| known == problem) {
                Some((_, count)) => *count += 1,
                None => self.reasons.push((*problem, 1)),
            }
        }
        if self.folder.is_none() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(record.raw);
        let is_text = matches!(text, std::borrow::Cow::Borrowed(_));
        let reject = Reject {
            input: &self.spec.input,
            file: &self.spec.files[self.split.file as usize].path,
            offset: record.offset,
            reasons: problems
                .iter()
                .map(|problem| problem.reason(&self.spec))
                .collect(),
            record: text,
            record_base64: (!is_text).then(|| STANDARD.encode(record.raw)),
        };
        serde_json::to_writer(&mut self.lines, &reject).map_err(|error| self.encoding(&error))?;
        self.lines.push(b'\n');
        if self.lines.len() >= self.lines_max {
            self.flush()
        } else {
            Ok(())
        }
    }

    fn encoding(&self, error: &serde_json::Error) -> Error {
        Error::new(
            Kind::Final,
            "encode",
            format_args!("audit of {}", self.spec.input),
            error,
        )
    }

    fn flush(&mut self) -> Result<()> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let range = range_name(&self.spec.input, self.split);
        let name = format!("{range}-rejects-{}.jsonl", self.written.len());
        self.runtime
            .block_on(folder.put(&name, std::mem::take(&mut self.lines)))?;
        self.written.push(folder.url(&name));
        Ok(())
    }

    /// The audit of a range that was read to its end; writes it where there is a folder.
    pub(super) fn finish(mut self, rows: u64) -> Result<RangeAudit> {
        if !self.lines.is_empty() {
            self.flush()?;
        }
        let reasons = self
            .reasons
            .iter()
            .map(|(problem, count)| (problem.reason(&self.spec), *count));
        let audit = RangeAudit {
            input: self.spec.input.clone(),
            file_index: self.split.file,
            file_path: self.spec.files[self.split.file as usize].path.clone(),
            start: self.split.start,
            end: self.split.end,
            records: self.records,
            rows,
            rejects: self.rejects,
            reasons: reasons.collect(),
            reject_objects: std::mem::take(&mut self.written),
        };
        if let Some(folder) = &self.folder {
            let json = serde_json::to_vec(&audit).map_err(|error| self.encoding(&error))?;
            self.runtime
                .block_on(folder.put(&audit.object_name(), json))?;
        }
        Ok(audit)
    }
}

//! The Data API: statements that run behind the back of the one who sent them.

mod answers;
mod batch;
mod requests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::task::JoinSet;

use self::batch::Batch;
pub use self::requests::is_known_database;
use self::requests::{Request, id_of};
use super::http::ServiceError;
use super::session::Backend;

pub struct DataApi {
    backend: Arc<Backend>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    batches: BTreeMap<String, Arc<Batch>>,
    /// The batches that clients gave a token for.
    tokens: BTreeMap<String, String>,
    /// Dropped with this, which ends them.
    running: JoinSet<()>,
}

impl DataApi {
    pub fn new(backend: Arc<Backend>) -> Self {
        Self {
            backend,
            known: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub async fn answer(&self, operation: &str, request: &Value) -> Result<Value, ServiceError> {
        match operation {
            "ExecuteStatement" => Ok(self.start(Request::single(request)?)),
            "BatchExecuteStatement" => Ok(self.start(Request::batch(request)?)),
            "DescribeStatement" => {
                let (batch, part) = self.find(request)?;
                answers::description(&batch, part)
            }
            "GetStatementResult" => {
                let (batch, part) = self.find(request)?;
                answers::page(&batch, part, request["NextToken"].as_str())
            }
            "CancelStatement" => self.find(request)?.0.cancel().await,
            _ => {
                let message = format!("the stand-in does not know {operation}");
                Err(ServiceError::new("UnknownOperationException", message))
            }
        }
    }

    /// Starts a batch, unless one with its token was started before.
    fn start(&self, request: Request) -> Value {
        let mut known = self.known();
        let same = request
            .token
            .as_ref()
            .and_then(|token| known.tokens.get(token));
        let same = same.and_then(|id| known.batches.get(id)).cloned();
        if let Some(batch) = same {
            return answers::started(&batch);
        }
        let batch = Arc::new(Batch::new(request));
        let id = batch.id.clone();
        for sql in &batch.request.statements {
            self.backend.receive(sql);
        }
        if let Some(token) = &batch.request.token {
            known.tokens.insert(token.clone(), id.clone());
        }
        known.batches.insert(id, Arc::clone(&batch));
        let run = Arc::clone(&batch).run(Arc::clone(&self.backend));
        known.running.spawn(run);
        answers::started(&batch)
    }

    /// A batch, and the number of one of its statements where that is asked for.
    fn find(&self, request: &Value) -> Result<(Arc<Batch>, Option<usize>), ServiceError> {
        let (id, part) = id_of(request)?;
        let found = self.known().batches.get(id).cloned();
        let is_there = |batch: &Arc<Batch>| {
            part.is_none_or(|part| (1..=batch.request.statements.len()).contains(&part))
        };
        let batch = found.filter(is_there).ok_or_else(|| {
            ServiceError::new("ResourceNotFoundException", "Query does not exist.")
        })?;
        Ok((batch, part))
    }
}

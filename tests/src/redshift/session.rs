//! A connection to PostgreSQL that is spoken to in Redshift's SQL.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinHandle;
use tokio_postgres::types::Type;
use tokio_postgres::{CancelToken, Client, Config, NoTls, SimpleQueryMessage};

use super::copy;
use super::failure::Failure;
use super::faults::Faults;
use super::sql::{Refusal, Statement};
use super::storage::Storage;
use crate::postgres::Rows;

/// In Redshift, a backslash in a text escapes.
const OPTIONS: &str = "-c standard_conforming_strings=off -c escape_string_warning=off";

/// What every session needs.
pub struct Backend {
    /// As whom, and where.
    pub config: Config,
    pub storage: Storage,
    pub faults: Arc<Faults>,
    pub received: Mutex<Vec<String>>,
}

impl Backend {
    /// Keeps what came to be executed.
    pub fn receive(&self, sql: &str) {
        let received = self.received.lock();
        let mut received = received.unwrap_or_else(PoisonError::into_inner);
        received.push(sql.to_owned());
    }

    pub fn received(&self) -> Vec<String> {
        let received = self.received.lock();
        received.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What a statement answered.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// Empty for statements that answer no rows.
    pub columns: Vec<Column>,
    pub rows: Rows,
    pub affected: u64,
}

#[derive(Debug, Clone)]
pub struct Column {
    pub name: String,
    pub type_of: Type,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transaction {
    None,
    Open,
    Failed,
}

pub struct Session {
    client: Client,
    connection: JoinHandle<()>,
    backend: Arc<Backend>,
    transaction: Transaction,
}

impl Session {
    pub async fn open(backend: Arc<Backend>) -> Result<Self, Failure> {
        let mut config = backend.config.clone();
        config.options(OPTIONS);
        let (client, connection) = config.connect(NoTls).await?;
        Ok(Self {
            client,
            // What breaks it shows in the client's answers.
            connection: tokio::spawn(async { drop(connection.await) }),
            backend,
            transaction: Transaction::None,
        })
    }

    pub fn transaction(&self) -> Transaction {
        self.transaction
    }

    /// Whether the server has gone away.
    pub fn is_over(&self) -> bool {
        self.client.is_closed()
    }

    pub fn cancel_token(&self) -> CancelToken {
        self.client.cancel_token()
    }

    /// Executes a statement as it was translated, or lets it fail as it was refused.
    pub async fn execute(
        &mut self,
        statement: Result<Statement, Refusal>,
    ) -> Result<Answer, Failure> {
        let done = match statement {
            Ok(Statement::Begin) => self.begin().await,
            Ok(Statement::Commit) => self.commit().await,
            Ok(Statement::Rollback) => self.end("ROLLBACK").await,
            Ok(Statement::Copy(copy)) => {
                match copy::run(&self.client, &self.backend.storage, &copy).await {
                    Ok(affected) => Ok(Answer {
                        affected,
                        ..Answer::default()
                    }),
                    Err(copy::Trouble::Postgres(error)) => Err(error.into()),
                    Err(copy::Trouble::Refused(refusal)) => self.refuse(refusal).await,
                }
            }
            Ok(Statement::Other(sql)) => self.ask(&sql).await,
            Err(refusal) => self.refuse(refusal).await,
        };
        if done.is_err() && self.transaction == Transaction::Open {
            self.transaction = Transaction::Failed;
        }
        done
    }

    async fn begin(&mut self) -> Result<Answer, Failure> {
        self.client.batch_execute("BEGIN").await?;
        if self.transaction == Transaction::None {
            self.transaction = Transaction::Open;
        }
        Ok(Answer::default())
    }

    async fn commit(&mut self) -> Result<Answer, Failure> {
        if let Some(text) = self.commit_failure().await? {
            self.end("ROLLBACK").await?;
            return Err(Refusal::new("XX000", text).into());
        }
        self.end("COMMIT").await
    }

    /// Why the commit is to fail; questions are none the wiser.
    async fn commit_failure(&self) -> Result<Option<String>, Failure> {
        let asked = "SELECT 1 WHERE pg_current_xact_id_if_assigned() IS NOT NULL";
        let has_changes = self.transaction == Transaction::Open
            && self.client.simple_query(asked).await?.iter().any(is_row);
        Ok(match has_changes {
            true => self.backend.faults.take_commit_failure(),
            false => None,
        })
    }

    async fn end(&mut self, sql: &str) -> Result<Answer, Failure> {
        self.transaction = Transaction::None;
        self.client.batch_execute(sql).await?;
        Ok(Answer::default())
    }

    /// Fails, and with it the transaction.
    async fn refuse(&self, refusal: Refusal) -> Result<Answer, Failure> {
        if self.transaction == Transaction::Open {
            // That this fails is what it is for.
            let _ = self.client.batch_execute("SELECT 1 / 0").await;
        }
        Err(refusal.into())
    }

    async fn ask(&self, sql: &str) -> Result<Answer, Failure> {
        let words = sql.lines().filter(|line| !line.starts_with("--"));
        let first = words.flat_map(str::split_whitespace).next();
        let first = first.unwrap_or_default();
        let answers = ["select", "with", "show", "explain", "values", "fetch", "("];
        let mut answer = Answer::default();
        if answers.contains(&first.to_lowercase().as_str()) {
            let prepared = self.client.prepare(sql).await?;
            let columns = prepared.columns().iter().map(|column| Column {
                name: column.name().to_owned(),
                type_of: column.type_().clone(),
            });
            answer.columns = columns.collect();
        }
        for message in self.client.simple_query(sql).await? {
            match message {
                SimpleQueryMessage::Row(row) => {
                    let values = (0..row.len()).map(|at| row.get(at).map(str::to_owned));
                    answer.rows.push(values.collect());
                }
                SimpleQueryMessage::CommandComplete(rows) => answer.affected = rows,
                _ => {}
            }
        }
        Ok(answer)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

fn is_row(message: &SimpleQueryMessage) -> bool {
    matches!(message, SimpleQueryMessage::Row(_))
}

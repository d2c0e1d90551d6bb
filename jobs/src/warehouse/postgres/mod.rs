//! A server that speaks PostgreSQL's wire protocol: PostgreSQL itself, and Redshift where it is
//! reached that way.

mod copy;
mod encode;
mod failure;
mod password;
mod tls;

use std::time::Duration;

use async_trait::async_trait;
use cinemill_engine::error::{Error, Kind, Result};
use tokio_postgres::{Client, Config, SimpleQueryMessage};
use tokio_util::sync::CancellationToken;

pub use failure::is_serializable_violation;
pub use tls::Tls;

use super::dialect::Dialect;
use super::script::{Purpose, Script, Statement};
use super::target::Server;
use super::{Row, Warehouse};
use failure::failure;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long connecting may take with all that servers ask, such as the password.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a statement may take to end that was cancelled.
const CANCEL_GRACE: Duration = Duration::from_secs(5);
/// How long a connection may be silent before the other end is asked whether it is still there, and
/// how long it may leave what was sent unacknowledged.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(15);
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(30);

/// A connection.
pub struct Postgres {
    client: Client,
    dialect: Dialect,
    /// For messages.
    name: String,
    tls: Tls,
}

/// Connects to PostgreSQL, with the password of the environment or of the password file.
///
/// # Errors
/// `Unreachable` where nobody answers, `Final` where the user or password is wrong.
pub async fn connect(server: &Server) -> Result<Postgres> {
    let user = server.user.clone().map_or_else(password::user, Ok)?;
    let password = password::of(server, &user)?;
    open(server, Dialect::Postgres, &user, password.as_deref()).await
}

/// Connects as a user.
///
/// # Errors
/// As [`connect`].
pub async fn open(
    server: &Server,
    dialect: Dialect,
    user: &str,
    password: Option<&str>,
) -> Result<Postgres> {
    let mut config = Config::new();
    config
        .host(&server.host)
        .port(server.port)
        .dbname(&server.database)
        .user(user)
        .application_name("cinemill")
        .connect_timeout(CONNECT_TIMEOUT)
        .keepalives_idle(KEEPALIVE_IDLE)
        .tcp_user_timeout(UNACKNOWLEDGED_MAX);
    if let Some(password) = password {
        config.password(password);
    }
    // The server may take the connection and then say nothing.
    let connecting = tokio::time::timeout(ANSWER_TIMEOUT, tls::connect(&mut config, server));
    let client = connecting.await.unwrap_or_else(|_| {
        let cause = format!("it does not answer within {} s", ANSWER_TIMEOUT.as_secs());
        Err(Error::new(Kind::Unreachable, "connect to", server, cause)
            .hint("check that the server is well"))
    })?;
    let postgres = Postgres {
        client,
        dialect,
        name: server.to_string(),
        tls: server.tls.clone(),
    };
    // Roles may have other settings, by which answers would read differently.
    postgres.batch("SET DateStyle TO 'ISO'").await?;
    Ok(postgres)
}

impl Postgres {
    async fn execute(&self, statement: &Statement<'_>) -> Result<()> {
        let sql = &statement.sql;
        match statement.purpose {
            Purpose::Check => check(&self.rows(sql).await?),
            Purpose::Copy(rows) if self.dialect == Dialect::Postgres => {
                copy::copy(&self.client, sql, rows).await
            }
            _ => self.batch(sql).await,
        }
    }

    async fn batch(&self, sql: &str) -> Result<()> {
        let done = self.client.batch_execute(sql).await;
        done.map_err(|cause| failure(&cause, "use", &self.name))
    }

    async fn rows(&self, sql: &str) -> Result<Vec<Row>> {
        let answer = self.client.simple_query(sql).await;
        let answer = answer.map_err(|cause| failure(&cause, "ask", &self.name))?;
        let rows = answer.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let values = |row: &tokio_postgres::SimpleQueryRow| {
            (0..row.len())
                .map(|index| row.get(index).map(str::to_owned))
                .collect()
        };
        Ok(rows.map(values).collect())
    }

    async fn execute_all(&self, script: &Script<'_>, cancel: &CancellationToken) -> Result<()> {
        self.begin().await?;
        for statement in &script.statements {
            if cancel.is_cancelled() {
                return Err(super::cancelled());
            }
            self.execute(statement).await?;
        }
        Ok(())
    }

    async fn begin(&self) -> Result<()> {
        match self.dialect {
            // A later statement sees what another loader committed while this one waited for it.
            Dialect::Postgres => {
                let begin = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
                self.batch(begin).await
            }
            Dialect::Redshift => self.batch("BEGIN").await,
        }
    }
}

#[async_trait]
impl Warehouse for Postgres {
    fn dialect(&self) -> Dialect {
        self.dialect
    }

    async fn query(&mut self, sql: &str) -> Result<Vec<Row>> {
        self.rows(sql).await
    }

    async fn transact(&mut self, script: &Script<'_>, cancel: &CancellationToken) -> Result<()> {
        let done = {
            let running = self.execute_all(script, cancel);
            tokio::pin!(running);
            tokio::select! {
                done = &mut running => done,
                () = cancel.cancelled() => {
                    // A statement that waits for a lock would go on without us, and hold others.
                    tls::cancel(&self.client.cancel_token(), &self.tls).await;
                    // One that cannot be cancelled ends with the connection.
                    let stopped = tokio::time::timeout(CANCEL_GRACE, running).await;
                    stopped.map_err(|_| super::cancelled())?.and(Err(super::cancelled()))
                }
            }
        };
        match done {
            Ok(()) => self.batch("COMMIT").await,
            Err(error) => {
                // A connection that is gone has rolled back by itself.
                let _ = self.batch("ROLLBACK").await;
                Err(match cancel.is_cancelled() {
                    true => super::cancelled(),
                    false => error,
                })
            }
        }
    }
}

/// Fails with what a check found.
fn check(rows: &[Row]) -> Result<()> {
    match rows.first().and_then(|row| row.first()).cloned().flatten() {
        Some(problem) => Err(Error::new(Kind::Load, "check", "the rows", problem)),
        None => Ok(()),
    }
}

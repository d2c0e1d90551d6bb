//! Redshift's Data API: statements by HTTPS, with no connection to keep.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use aws_sdk_redshiftdata::Client;
use aws_sdk_redshiftdata::operation::describe_statement::DescribeStatementOutput;
use aws_sdk_redshiftdata::types::{Field, StatementStatusString, StatusString};
use cinemill_engine::error::{Error, Kind, Result};
use rand::Rng;
use tokio_util::sync::CancellationToken;

use super::Compute;
use super::batch::{BatchStatement, STATEMENTS_MAX, batch};
use super::failure::{failure, refusal};
use crate::aws;
use crate::warehouse::dialect::Dialect;
use crate::warehouse::script::Script;
use crate::warehouse::{Row, Warehouse, cancelled};

/// What is seen in the console.
const NAME: &str = "cinemill";
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// How long nobody may answer before a statement is given up, which may go on all the same.
const SILENCE_MAX: Duration = Duration::from_secs(90);

/// A workgroup or cluster with one of its databases.
pub struct DataApi {
    client: Client,
    compute: Compute,
    database: String,
}

impl DataApi {
    /// # Errors
    /// `Usage` where no region is known.
    pub async fn open(compute: &Compute, database: &str) -> Result<Self> {
        Ok(Self {
            client: Client::new(&aws::config("Redshift").await?),
            compute: compute.clone(),
            database: database.to_owned(),
        })
    }

    fn name(&self) -> String {
        format!("redshift://{}/{}", self.compute.name(), self.database)
    }

    /// The names of workgroup, cluster and user, of which the service wants those that fit.
    fn place(&self) -> (Option<String>, Option<String>, Option<String>) {
        match &self.compute {
            Compute::Workgroup(name) => (Some(name.clone()), None, None),
            Compute::Cluster { name, user } => (None, Some(name.clone()), user.clone()),
        }
    }

    /// Sends all statements as one transaction, and answers its id.
    async fn submit(&self, batch: &[BatchStatement]) -> Result<String> {
        let (workgroup, cluster, user) = self.place();
        let sqls = batch
            .iter()
            .map(|statement| statement.sql.clone())
            .collect();
        let submitted = self
            .client
            .batch_execute_statement()
            .set_workgroup_name(workgroup)
            .set_cluster_identifier(cluster)
            .set_db_user(user)
            .database(&self.database)
            .statement_name(NAME)
            // Requests that are sent again begin no second transaction.
            .client_token(uuid::Uuid::new_v4().to_string())
            .set_sqls(Some(sqls))
            .send()
            .await;
        let submitted = submitted.map_err(|cause| {
            let error = failure(cause, "use", &self.name());
            match error.kind {
                // The request may have arrived, and only its answer was lost.
                Kind::Unreachable => unknown_end(error),
                _ => error,
            }
        })?;
        submitted.id.ok_or_else(|| self.no_id())
    }

    fn no_id(&self) -> Error {
        let cause = "the answer holds no id of the statement";
        Error::new(Kind::Final, "use", self.name(), cause)
    }

    /// Waits until a statement has ended. Requests that fail for a while do not matter.
    async fn wait(&self, id: &str) -> Result<DescribeStatementOutput> {
        let mut pause = FIRST_PAUSE;
        let mut answered = Instant::now();
        loop {
            match self.client.describe_statement().id(id).send().await {
                Ok(state) if has_ended(&state) => return Ok(state),
                Ok(_) => answered = Instant::now(),
                Err(cause) => {
                    let error = failure(cause, "watch", &self.name());
                    if !passes(&error) || answered.elapsed() > SILENCE_MAX {
                        return Err(unknown_end(error));
                    }
                }
            }
            let jitter = rand::rng().random_range(0.7..1.3);
            tokio::time::sleep(pause.mul_f64(jitter)).await;
            pause = (pause * 3 / 2).min(PAUSE_MAX);
        }
    }

    /// Waits, and cancels where that is wished; a transaction may still end well then.
    async fn wait_or_cancel(
        &self,
        id: &str,
        cancel: &CancellationToken,
    ) -> Result<DescribeStatementOutput> {
        tokio::select! {
            state = self.wait(id) => return state,
            () = cancel.cancelled() => {}
        }
        let asked = self.client.cancel_statement().id(id).send().await;
        if let Err(cause) = asked {
            let error = failure(cause, "cancel the load on", &self.name());
            tracing::warn!(%error, "a statement may go on");
        }
        self.wait(id).await
    }

    async fn results(&self, id: &str) -> Result<Vec<Row>> {
        let mut pages = self
            .client
            .get_statement_result()
            .id(id)
            .into_paginator()
            .send();
        let mut rows = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|cause| failure(cause, "ask", &self.name()))?;
            rows.extend(
                page.records
                    .iter()
                    .map(|row| row.iter().map(text).collect::<Row>()),
            );
        }
        Ok(rows)
    }
}

#[async_trait]
impl Warehouse for DataApi {
    fn dialect(&self) -> Dialect {
        Dialect::Redshift
    }

    async fn query(&mut self, sql: &str) -> Result<Vec<Row>> {
        let (workgroup, cluster, user) = self.place();
        let submitted = self
            .client
            .execute_statement()
            .set_workgroup_name(workgroup)
            .set_cluster_identifier(cluster)
            .set_db_user(user)
            .database(&self.database)
            .statement_name(NAME)
            .client_token(uuid::Uuid::new_v4().to_string())
            .sql(sql)
            .send()
            .await;
        let submitted = submitted.map_err(|cause| failure(cause, "ask", &self.name()))?;
        let id = submitted.id.ok_or_else(|| self.no_id())?;
        let state = self.wait(&id).await?;
        match state.status {
            Some(StatusString::Finished) => self.results(&id).await,
            _ => Err(refusal(words(&state), "ask", &self.name())),
        }
    }

    async fn transact(&mut self, script: &Script<'_>, cancel: &CancellationToken) -> Result<()> {
        let batch = batch(script);
        let count = batch.len();
        if count > STATEMENTS_MAX {
            let cause = format!("{count} statements are more than a batch may hold");
            return Err(Error::new(Kind::Final, "use", self.name(), cause)
                .hint("use redshift+pg://…, which has no such limit, or load some with --tables"));
        }
        let id = self.submit(&batch).await?;
        let state = self.wait_or_cancel(&id, cancel).await?;
        match state.status {
            Some(StatusString::Finished) => Ok(()),
            Some(StatusString::Aborted) => Err(cancelled()),
            _ => Err(self.failed(&state, &batch)),
        }
    }
}

impl DataApi {
    fn failed(&self, state: &DescribeStatementOutput, batch: &[BatchStatement]) -> Error {
        let failed = state
            .sub_statements()
            .iter()
            .enumerate()
            .find(|(_, statement)| statement.status == Some(StatementStatusString::Failed));
        let Some((index, failed)) = failed else {
            return refusal(words(state), "use", &self.name());
        };
        let words = failed.error().unwrap_or_else(|| words(state));
        let is_check = batch.get(index).is_some_and(|statement| statement.is_check);
        match reason(words).filter(|_| is_check) {
            Some(reason) => Error::new(Kind::Load, "check", "the rows", reason),
            None => refusal(words, "use", &self.name()),
        }
    }
}

/// The text that could not be cast: what stands between the quotes of `invalid input syntax for
/// integer: "…"`, which the leader says, or behind `context:` in the details of a node's `Invalid
/// digit`.
fn reason(words: &str) -> Option<&str> {
    let lines = words.lines().map(str::trim);
    let context = lines
        .filter_map(|line| line.strip_prefix("context:"))
        .next();
    let quoted = || words.get(words.find('"')? + 1..words.rfind('"')?);
    let reason = context.or_else(quoted)?.trim();
    (!reason.is_empty()).then_some(reason)
}

fn has_ended(state: &DescribeStatementOutput) -> bool {
    matches!(
        state.status,
        Some(StatusString::Finished | StatusString::Failed | StatusString::Aborted)
    )
}

fn words(state: &DescribeStatementOutput) -> &str {
    state.error().unwrap_or("it failed without a reason")
}

fn passes(error: &Error) -> bool {
    let has_expired = error.cause.contains("ExpiredToken");
    matches!(error.kind, Kind::Retryable | Kind::Unreachable) && !has_expired
}

/// The statement was sent, so nobody knows what becomes of it.
fn unknown_end(mut error: Error) -> Error {
    error.kind = Kind::Retryable;
    error
        .cause
        .push_str("; the transaction may still be committed");
    error
}

/// A value in the text form that PostgreSQL has too.
fn text(field: &Field) -> Option<String> {
    match field {
        Field::StringValue(text) => Some(text.clone()),
        Field::LongValue(number) => Some(number.to_string()),
        Field::DoubleValue(number) => Some(number.to_string()),
        Field::BooleanValue(truth) => Some(if *truth { "t" } else { "f" }.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_found_in_the_message_of_a_failed_cast() {
        let words = r#"ERROR: invalid input syntax for integer: "rows: expected 5, found 4""#;
        assert_eq!(reason(words), Some("rows: expected 5, found 4"));
        let words = "ERROR: Invalid digit, Value 'r', Pos 0, Type: Integer";
        assert_eq!(reason(words), None);
        let words =
            format!("{words}\n  Detail: \n  code: 1207\n  context:   rows: none\n  query: 1");
        assert_eq!(reason(&words), Some("rows: none"));
    }
}

//! Protection of tasks from ECS itself.

use std::num::TryFromIntError;

use aws_sdk_ecs::Client;
use cinemill_engine::error::{Error, Kind, Result};

use crate::aws::failure;

/// How many tasks one call takes.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateTaskProtection.html>
const TASKS_MAX: usize = 10;
const MINUTE_S: u64 = 60;
/// Beyond the deadline of the drain.
const SLACK_MIN: u64 = 2;
/// What ECS allows.
const EXPIRY_MAX_MIN: u64 = 2880;

/// Keeps ECS from stopping tasks until a drain must be over.
pub async fn protect(client: &Client, cluster: &str, tasks: &[String], drain_s: u64) -> Result<()> {
    let minutes = (drain_s.div_ceil(MINUTE_S) + SLACK_MIN).min(EXPIRY_MAX_MIN);
    let minutes = minutes.try_into().map_err(|cause: TryFromIntError| {
        Error::new(Kind::Usage, "protect tasks of", cluster, cause)
    })?;
    for some in tasks.chunks(TASKS_MAX) {
        update(client, cluster, some, minutes).await?;
    }
    Ok(())
}

async fn update(client: &Client, cluster: &str, tasks: &[String], minutes: i32) -> Result<()> {
    let request = client
        .update_task_protection()
        .cluster(cluster)
        .set_tasks(Some(tasks.to_vec()))
        .protection_enabled(true)
        .expires_in_minutes(minutes);
    let answer = request.send().await;
    let answer = answer.map_err(|cause| failure(cause, "protect tasks of", cluster))?;
    // A task that ended meanwhile needs no protection.
    let failed = answer.failures().iter().find(|failure| {
        failure.reason() != Some("TASK_NOT_VALID") && failure.reason() != Some("MISSING")
    });
    match failed {
        None => Ok(()),
        Some(failed) => {
            let task = failed.arn().unwrap_or_default();
            let cause = failed
                .detail()
                .or(failed.reason())
                .unwrap_or("ECS says not why");
            Err(Error::new(Kind::Retryable, "protect task", task, cause))
        }
    }
}

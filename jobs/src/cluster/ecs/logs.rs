//! What containers said, from CloudWatch.

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use chrono::Utc;
use cinemill_engine::error::{Error, Kind, Result};

use super::{EXECUTOR, EcsTarget, SCHEDULER, view};
use crate::aws;
use crate::aws::failure;
use crate::cluster::Role;
use crate::cluster::logs::{Log, LogQuery, last_lines};

impl EcsTarget {
    /// The ends of the logs of scheduler and executors, or of one task.
    ///
    /// # Errors
    /// `Input` where there is none.
    pub async fn logs(&self, query: &LogQuery) -> Result<Vec<Log>> {
        let client = Client::new(&aws::config("CloudWatch Logs").await?);
        let mut logs = Vec::new();
        for (role, service) in [(Role::Scheduler, SCHEDULER), (Role::Executor, EXECUTOR)] {
            let Some((group, prefix)) = self.place(role, service).await? else {
                continue;
            };
            let events = events(&client, &group, &prefix, query).await?;
            logs.extend(by_stream(&events, query));
        }
        if logs.is_empty() {
            let cause = "nothing was said in that time";
            return Err(Error::new(Kind::Input, "read logs of", &self.name, cause)
                .hint("look further back with --since 24h"));
        }
        Ok(logs)
    }

    /// Group and prefix of the streams of a service.
    async fn place(&self, role: Role, service: &str) -> Result<Option<(String, String)>> {
        let task = view::containers(&self.client, &self.name, role).await?;
        let container = task
            .container_definitions()
            .iter()
            .find(|container| container.name() == Some(service));
        let options = container
            .and_then(|container| container.log_configuration())
            .and_then(|logs| logs.options());
        let option = |name: &str| options?.get(name).cloned();
        Ok(option("awslogs-group").zip(option("awslogs-stream-prefix")))
    }
}

async fn events(
    client: &Client,
    group: &str,
    prefix: &str,
    query: &LogQuery,
) -> Result<Vec<FilteredLogEvent>> {
    let since = query.since.map(|since| {
        let age_ms = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        Utc::now().timestamp_millis().saturating_sub(age_ms)
    });
    let request = client
        .filter_log_events()
        .log_group_name(group)
        .log_stream_name_prefix(format!("{prefix}/"))
        .set_start_time(since);
    let mut pages = request.into_paginator().send();
    let mut events = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|cause| failure(cause, "read logs in", group))?;
        events.extend(page.events.unwrap_or_default());
    }
    Ok(events)
}

fn by_stream(events: &[FilteredLogEvent], query: &LogQuery) -> Vec<Log> {
    let mut streams: Vec<&str> = events
        .iter()
        .filter_map(FilteredLogEvent::log_stream_name)
        .collect();
    streams.sort_unstable();
    streams.dedup();
    // The last part of a stream's name, and of a task's ARN, is the task's id.
    let id = query
        .node
        .as_deref()
        .and_then(|node| node.rsplit('/').next());
    streams.retain(|stream| id.is_none_or(|id| stream.rsplit('/').next() == Some(id)));
    let log = |stream: &str| {
        let of_stream = events
            .iter()
            .filter(|event| event.log_stream_name() == Some(stream));
        let text: Vec<&str> = of_stream.filter_map(FilteredLogEvent::message).collect();
        Log {
            name: stream.to_owned(),
            lines: last_lines(&text.join("\n"), query.lines),
        }
    };
    streams.into_iter().map(log).collect()
}

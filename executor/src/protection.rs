//! ECS' protection from scaling in, held while tasks run here.
//!
//! A service that shrinks takes the newest tasks of ECS first, whatever they do; protected ones it
//! leaves alone. What this executor cannot know, that others have yet to read its files, is the
//! scheduler's to look after: it drains.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;

/// How long ECS holds a protection that is not renewed, as that of an executor that hangs.
const EXPIRES_MIN: u32 = 10;
/// How long the agent may take; it gives up on ECS after 4 s.
const TIMEOUT: Duration = Duration::from_secs(10);

/// When it is asked.
#[derive(Debug, Clone, Copy)]
struct Timing {
    /// Between two askings for a protection that is held.
    renew: Duration,
    /// After one that failed.
    retry: Duration,
    /// After the last task: between stages of a run there are moments without one.
    keep: Duration,
}

const TIMING: Timing = Timing {
    renew: Duration::from_secs(240),
    retry: Duration::from_secs(15),
    keep: Duration::from_secs(60),
};

/// How many tasks run in this process. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Tasks(Arc<watch::Sender<usize>>);

/// A task that runs until this is dropped.
pub struct Task<'a>(&'a Tasks);

impl Tasks {
    pub fn begin(&self) -> Task<'_> {
        self.0.send_modify(|running| *running += 1);
        Task(self)
    }
}

impl Drop for Task<'_> {
    fn drop(&mut self) {
        self.0.0.send_modify(|running| *running -= 1);
    }
}

/// Has ECS protect the task that this process is while it runs tasks. Where ECS refuses, that is
/// told once, and all goes on without.
pub async fn hold(agent_uri: &str, tasks: &Tasks) -> Infallible {
    Agent::new(agent_uri).hold(tasks, TIMING).await
}

/// ECS' agent on this host.
struct Agent {
    http: reqwest::Client,
    url: String,
    /// It refused the last time, which was told.
    is_refused: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Protection {
    protection_enabled: bool,
}

impl Agent {
    fn new(uri: &str) -> Self {
        Self {
            // It is on this host.
            http: reqwest::Client::builder()
                .no_proxy()
                .build()
                .unwrap_or_default(),
            url: format!("{}/task-protection/v1/state", uri.trim_end_matches('/')),
            is_refused: false,
        }
    }

    async fn hold(mut self, tasks: &Tasks, timing: Timing) -> Infallible {
        let mut running = tasks.0.subscribe();
        loop {
            until(&mut running, |running| running > 0).await;
            let mut idle = pin!(until_idle(&mut running, timing.keep));
            loop {
                let pause = match self.set(true).await {
                    true => timing.renew,
                    false => timing.retry,
                };
                tokio::select! {
                    () = &mut idle => break,
                    () = tokio::time::sleep(pause) => {}
                }
            }
            // Where that fails, it expires.
            self.set(false).await;
        }
    }

    /// Whether ECS did it.
    async fn set(&mut self, enabled: bool) -> bool {
        match self.try_set(enabled).await {
            Ok(()) => {
                tracing::debug!(enabled, "protection from scaling in");
                self.is_refused = false;
            }
            Err(cause) if self.is_refused => tracing::debug!(enabled, cause, "refused again"),
            Err(cause) => {
                tracing::warn!(
                    enabled,
                    cause,
                    "ECS did not change the protection from scaling in; asking on"
                );
                self.is_refused = true;
            }
        }
        !self.is_refused
    }

    async fn try_set(&self, enabled: bool) -> Result<(), String> {
        let body = match enabled {
            true => json!({"ProtectionEnabled": true, "ExpiresInMinutes": EXPIRES_MIN}),
            false => json!({"ProtectionEnabled": false}),
        };
        let request = self.http.put(&self.url).json(&body).timeout(TIMEOUT);
        let answer = request.send().await.map_err(|cause| cause.to_string())?;
        let status = answer.status();
        // What it refuses it explains, whatever the status.
        let told: Value = answer.json().await.unwrap_or_default();
        let protection = Protection::deserialize(&told["protection"]);
        match protection.is_ok_and(|protection| protection.protection_enabled == enabled) {
            true => Ok(()),
            false => Err(format!("{status}: {told}")),
        }
    }
}

/// Returns when no task has run for so long.
async fn until_idle(running: &mut watch::Receiver<usize>, keep: Duration) {
    loop {
        until(running, |running| running == 0).await;
        let busy = until(running, |running| running > 0);
        if tokio::time::timeout(keep, busy).await.is_err() {
            return;
        }
    }
}

async fn until(running: &mut watch::Receiver<usize>, is: impl Fn(usize) -> bool) {
    // The sender lives as long as the process.
    let _ = running.wait_for(|running| is(*running)).await;
}

#[cfg(test)]
mod tests;

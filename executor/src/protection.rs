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
    renew: Duration::from_secs(120),
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
    /// When the protection that was got last ends, in ECS' words.
    expires: Value,
    /// It refused the last time, which was told.
    is_refused: bool,
}

/// What it says of this task.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Protection {
    protection_enabled: bool,
    #[serde(default)]
    expiration_date: Value,
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
            expires: Value::Null,
            is_refused: false,
        }
    }

    async fn hold(mut self, tasks: &Tasks, timing: Timing) -> Infallible {
        let mut running = tasks.0.subscribe();
        loop {
            until(&mut running, |running| running > 0).await;
            let mut idle = pin!(until_idle(&mut running, timing.keep));
            loop {
                let protected = self.protect().await;
                let pause = match self.is_told(protected) {
                    true => timing.renew,
                    false => timing.retry,
                };
                tokio::select! {
                    () = &mut idle => break,
                    () = tokio::time::sleep(pause) => {}
                }
            }
            // Where that fails, it expires.
            let released = self.release().await;
            self.is_told(released);
        }
    }

    /// Whether ECS did it. Why not is told once.
    fn is_told(&mut self, done: Result<(), String>) -> bool {
        match done {
            Ok(()) => self.is_refused = false,
            Err(cause) if self.is_refused => tracing::debug!(cause, "refused again"),
            Err(cause) => {
                tracing::warn!(
                    cause,
                    "ECS did not change the protection from scaling in; asking on"
                );
                self.is_refused = true;
            }
        }
        !self.is_refused
    }

    async fn protect(&mut self) -> Result<(), String> {
        let body = json!({"ProtectionEnabled": true, "ExpiresInMinutes": EXPIRES_MIN});
        let protection = ask(self.http.put(&self.url).json(&body)).await?;
        self.expires = protection.expiration_date;
        match protection.protection_enabled {
            true => Ok(()),
            false => Err("the answer is that this task is not protected".to_owned()),
        }
    }

    /// Gives up the protection, unless it is another one by now: `cinemill scale` protects those
    /// that are to stay.
    async fn release(&self) -> Result<(), String> {
        let protection = ask(self.http.get(&self.url)).await?;
        if protection.protection_enabled && protection.expiration_date == self.expires {
            let body = json!({"ProtectionEnabled": false});
            ask(self.http.put(&self.url).json(&body)).await?;
        }
        Ok(())
    }
}

async fn ask(request: reqwest::RequestBuilder) -> Result<Protection, String> {
    let answer = request.timeout(TIMEOUT).send().await;
    let answer = answer.map_err(|cause| cause.to_string())?;
    let status = answer.status();
    // What it refuses it explains, whatever the status.
    let told: Value = answer.json().await.unwrap_or_default();
    Protection::deserialize(&told["protection"]).map_err(|_| format!("{status}: {told}"))
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

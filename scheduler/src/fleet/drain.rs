//! Executors that leave: when nothing of them is needed any more, or at a deadline.

use std::time::{Duration, Instant};

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_jobs::fleet::{Drain, DrainState};

use super::Fleet;
use crate::slots::{Departure, Leaving};

/// How often a draining executor is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

impl Fleet {
    /// The executor gets no more tasks, and is told to leave once nothing that it has is needed,
    /// or when the deadline ends. Asked again, it answers how far that is; a sooner deadline
    /// counts.
    pub async fn drain(&self, executor: &str, deadline: Duration) -> Result<Drain> {
        if !matches!(self.slots.leaving.get(executor), Some(Leaving::Left { .. })) {
            self.known(executor).await?;
            let ends = Instant::now() + deadline;
            if self.slots.leaving.drain(executor, ends) {
                tracing::info!(executor, deadline_s = deadline.as_secs(), "drain begins");
                tokio::spawn(self.clone().see_off(executor.to_owned()));
            }
        }
        self.drain_of(executor).await
    }

    /// The executor goes at once, with whatever it has.
    pub async fn dismiss_now(&self, executor: &str) -> Result<Drain> {
        self.known(executor).await?;
        // From here on it gets no task.
        self.slots.leaving.drain(executor, Instant::now());
        let departure = match self.needs(executor).await {
            None => Departure::Clean,
            Some(_) => Departure::Lossy,
        };
        self.dismiss(executor, departure, "it leaves at once").await;
        self.drain_of(executor).await
    }

    async fn known(&self, executor: &str) -> Result<()> {
        let manager = &self.scheduler.state.executor_manager;
        let found = manager.get_executor_metadata(executor).await;
        found.map(drop).map_err(|_| {
            let cause = "no such executor is registered";
            Error::new(Kind::Usage, "find executor", executor, cause)
                .hint("`cinemill executors` lists those that are")
        })
    }

    async fn drain_of(&self, executor: &str) -> Result<Drain> {
        let drain = match self.slots.leaving.get(executor) {
            Some(Leaving::Draining { deadline, .. }) => Drain {
                executor: executor.to_owned(),
                state: DrainState::Draining,
                waits_for: self.needs(executor).await.map(|need| need.to_string()),
                left_s: deadline
                    .saturating_duration_since(Instant::now())
                    .as_secs_f64(),
            },
            Some(Leaving::Left { departure, .. }) => Drain {
                executor: executor.to_owned(),
                state: match departure {
                    Departure::Clean => DrainState::LeftClean,
                    Departure::Lossy => DrainState::LeftWithLoss,
                },
                waits_for: None,
                left_s: 0.0,
            },
            None => {
                let cause = "it was lost while it drained";
                return Err(Error::new(
                    Kind::Retryable,
                    "drain executor",
                    executor,
                    cause,
                ));
            }
        };
        Ok(drain)
    }

    /// Waits until the executor may leave, and tells it so.
    async fn see_off(self, executor: String) {
        loop {
            let Some(Leaving::Draining { deadline, .. }) = self.slots.leaving.get(&executor) else {
                // It was lost meanwhile, or went at once.
                return;
            };
            let Some(need) = self.needs(&executor).await else {
                let reason = "it is drained";
                return self.dismiss(&executor, Departure::Clean, reason).await;
            };
            if Instant::now() >= deadline {
                tracing::warn!(executor, lost = %need, "the deadline of a drain ended");
                let reason = "the deadline of its drain ended";
                return self.dismiss(&executor, Departure::Lossy, reason).await;
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// Tells the executor to leave, and forgets it at once, so that whoever waits for its tasks
    /// need not wait for its heartbeats to stay away.
    async fn dismiss(&self, executor: &str, departure: Departure, reason: &str) {
        tracing::info!(executor, ?departure, reason, "an executor leaves");
        // First, lest the absence of one that left clean is taken for a loss.
        self.slots.leaving.left(executor, departure);
        let manager = &self.scheduler.state.executor_manager;
        manager.stop_executor(executor, reason.to_owned()).await;
        let removed = manager
            .remove_executor(executor, Some(reason.to_owned()))
            .await;
        if let Err(cause) = removed {
            tracing::warn!(executor, %cause, "could not remove an executor that left");
        }
    }
}

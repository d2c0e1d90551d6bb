//! The executors that a scheduler finds again after a restart.

use std::time::{Duration, Instant};

use crate::server::Scheduler;

const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The executors that are registered.
#[derive(Clone)]
pub struct Executors {
    scheduler: Scheduler,
    /// An executor that says nothing for so long is lost.
    timeout: Duration,
}

impl Executors {
    pub fn new(scheduler: Scheduler, timeout: Duration) -> Self {
        Self { scheduler, timeout }
    }

    /// How many tasks they run side by side, all together.
    pub async fn vcores(&self) -> u32 {
        let state = self
            .scheduler
            .state
            .executor_manager
            .get_executors_state()
            .await;
        let executors = state.unwrap_or_default();
        executors
            .iter()
            .map(|(metadata, ..)| metadata.specification.vcores)
            .sum()
    }

    /// Waits until so many vcores have registered again, which executors do with their next sign
    /// of life; not for those that are lost. A plan is cut for the executors that are there.
    pub async fn rejoined(&self, vcores: u32) {
        let began = Instant::now();
        while self.vcores().await < vcores && began.elapsed() < self.timeout {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}

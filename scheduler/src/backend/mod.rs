//! Executes a run's plans as Ballista jobs.

mod books;
pub mod holders;
mod job;
mod results;
mod usage;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ballista_scheduler::cluster::JobState;
use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::session::SessionOptions;
use cinemill_jobs::run::{Backend, EventSender, Executed, Needs, PhysicalJob};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::fleet::Fleet;
use crate::server::Scheduler;

/// How often a job, and the cluster, is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Input bytes per partition of joins and aggregations.
const PARTITION_BYTES: u64 = 64 << 20;
/// More partitions than this cost more in bookkeeping than they gain.
const PARTITIONS_MAX: usize = 4096;
/// How many times more partitions a plan gets that ran out of memory.
const SCARCE_MEMORY_PARTITIONS: usize = 4;
/// What one slot takes in of unpacked input, in bytes per second, from scan to written table:
/// measured with `imdb_titles`.
const SLOT_BYTES_PER_S: u64 = 10 << 20;

/// The executors that are registered with this process's scheduler.
pub struct ClusterBackend {
    scheduler: Scheduler,
    fleet: Fleet,
    jobs: Arc<dyn JobState>,
    limits: Limits,
}

/// How long and how often things may go wrong.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long a job may go on without any task of it ending.
    pub stall_timeout: Duration,
    /// How long a plan waits for the first executor.
    pub executor_wait: Duration,
    /// How often a piece of a run is executed before the run fails.
    pub attempts_max: u32,
    /// Work that would take longer than this to do again is kept in a checkpoint.
    pub checkpoint_after: Duration,
}

impl From<&Config> for Limits {
    fn from(config: &Config) -> Self {
        Self {
            stall_timeout: Duration::from_secs(config.stall_timeout_s),
            executor_wait: Duration::from_secs(config.executor_wait_s),
            attempts_max: config.attempts_max,
            checkpoint_after: Duration::from_secs(config.checkpoint_after_s),
        }
    }
}

impl ClusterBackend {
    pub fn new(
        scheduler: Scheduler,
        fleet: Fleet,
        jobs: Arc<dyn JobState>,
        limits: Limits,
    ) -> Self {
        Self {
            scheduler,
            fleet,
            jobs,
            limits,
        }
    }

    /// The executors that are alive, and how many tasks those of them that stay run side by side.
    async fn executors(&self) -> (Vec<String>, usize) {
        let manager = &self.scheduler.state.executor_manager;
        let state = manager.get_executors_state().await.unwrap_or_default();
        let staying = state.iter().filter(|(m, ..)| !self.fleet.is_leaving(&m.id));
        let vcores = staying.map(|(m, ..)| m.specification.vcores as usize).sum();
        (state.into_iter().map(|(m, ..)| m.id).collect(), vcores)
    }

    async fn wait_for_executors(&self, cancel: &CancellationToken) -> Result<()> {
        let started = Instant::now();
        while self.executors().await.1 == 0 {
            if started.elapsed() > self.limits.executor_wait {
                let waited = self.limits.executor_wait.as_secs();
                let cause = format!("no executor has registered for {waited} seconds");
                return Err(Error::new(Kind::Retryable, "run", "the job", cause)
                    .hint("start executors: `cinemill-executor --scheduler <host:port>`"));
            }
            tokio::select! {
                () = cancel.cancelled() => return Err(cancelled("the job")),
                () = tokio::time::sleep(POLL_INTERVAL) => {}
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Backend for ClusterBackend {
    async fn place(&self) -> String {
        match self.executors().await.0.len() {
            1 => "cluster of 1 executor".to_owned(),
            count => format!("cluster of {count} executors"),
        }
    }

    async fn session(&self, needs: Needs) -> SessionOptions {
        let vcores = self.executors().await.1;
        let by_size = needs.input_bytes.div_ceil(PARTITION_BYTES);
        let by_size = usize::try_from(by_size)
            .unwrap_or(PARTITIONS_MAX)
            .max(vcores);
        let finer = if needs.scarce_memory {
            SCARCE_MEMORY_PARTITIONS
        } else {
            1
        };
        SessionOptions {
            partitions: (by_size * finer).clamp(1, PARTITIONS_MAX),
            distributed: true,
            scarce_memory: needs.scarce_memory,
            memory_bytes: None,
            spill_folder: None,
        }
    }

    fn attempts_max(&self) -> u32 {
        self.limits.attempts_max
    }

    async fn checkpoint_bytes(&self) -> Option<u64> {
        let slots = self.executors().await.1.max(1) as u64;
        Some(self.limits.checkpoint_after.as_secs() * SLOT_BYTES_PER_S * slots)
    }

    async fn execute(
        &self,
        plan: PhysicalJob,
        events: &EventSender,
        cancel: &CancellationToken,
    ) -> Result<Executed> {
        self.wait_for_executors(cancel).await?;
        let job = job::Job::submit(self, &plan).await?;
        let ended = tokio::select! {
            () = cancel.cancelled() => Err(cancelled(&plan.run_id)),
            ended = job.watch(events) => ended,
        };
        plan.meter.add(job.usage().await);
        if ended.is_err() {
            job.stop().await;
        }
        // The books balance: each partition of the last stage was done once, and left one file.
        let locations = ended?;
        let partitions = locations.len();
        let rows = results::read(&plan, locations).await?;
        Ok(Executed { rows, partitions })
    }
}

fn cancelled(object: &str) -> Error {
    Error::new(Kind::Cancelled, "run", object, "it was cancelled")
}

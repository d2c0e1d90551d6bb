//! Executes plans inside this process, on all cores.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::scratch::Scratch;
use cinemill_engine::session::SessionOptions;
use datafusion::arrow::array::RecordBatch;
use datafusion::physical_plan::ExecutionPlanProperties;
use futures::TryStreamExt;
use tokio_util::sync::CancellationToken;

use super::backend::{Backend, PhysicalJob};
use super::events::{EventSender, RunEvent, StageProgress};

/// How often progress is told.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);

/// The part of the machine's memory that operators may use before they spill.
const MEMORY_SHARE: f64 = 0.6;

/// This process.
#[derive(Debug, Clone)]
pub struct Embedded {
    cores: usize,
    memory_bytes: Option<usize>,
    /// Where operators spill.
    spill: Arc<Scratch>,
}

impl Embedded {
    /// Operators spill to a folder below `spill_dir`, by default the system's for temporary files,
    /// before they use more than `memory_bytes`, by default a part of the machine's.
    ///
    /// # Errors
    /// `Final` where that folder cannot be used.
    pub fn new(spill_dir: Option<&Path>, memory_bytes: Option<usize>) -> Result<Self> {
        let common = spill_dir.map_or_else(std::env::temp_dir, Path::to_owned);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            cores,
            memory_bytes: memory_bytes.or_else(|| {
                machine_memory_bytes().map(|machine| (machine as f64 * MEMORY_SHARE) as usize)
            }),
            spill: Arc::new(Scratch::new(&common, "cinemill-spill")?),
        })
    }
}

/// What this process may use: the smaller of the machine's memory and its control group's bound.
pub fn machine_memory_bytes() -> Option<u64> {
    let machine = std::fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
            line.split_whitespace()
                .nth(1)?
                .parse::<u64>()
                .ok()
                .map(|kib| kib << 10)
        });
    let group = std::fs::read_to_string("/sys/fs/cgroup/memory.max")
        .ok()
        .and_then(|text| text.trim().parse::<u64>().ok());
    machine.into_iter().chain(group).min()
}

#[async_trait]
impl Backend for Embedded {
    async fn place(&self) -> String {
        "embedded".to_owned()
    }

    async fn session(&self, _: u64) -> SessionOptions {
        SessionOptions {
            partitions: self.cores,
            distributed: false,
            memory_bytes: self.memory_bytes,
            spill_folder: Some(self.spill.path().to_owned()),
        }
    }

    async fn execute(
        &self,
        job: PhysicalJob,
        events: &EventSender,
        cancel: &CancellationToken,
    ) -> Result<Vec<RecordBatch>> {
        let failed = |cause: datafusion::error::DataFusionError| {
            let object = format!("{} of run {}", job.phase, job.run_id);
            Error::of_full_disk(&cause, ("run", &object), self.spill.path(), "--spill-dir")
                .unwrap_or_else(|| Error::from_datafusion(&cause, "run", object))
        };
        let partitions = job.plan.output_partitioning().partition_count();
        let mut tasks = Tasks::new();
        for partition in 0..partitions {
            let (plan, context) = (job.plan.clone(), job.state.task_ctx());
            let rows = plan.execute(partition, context).map_err(failed)?;
            tasks.spawn(rows.try_collect::<Vec<_>>());
        }
        let watched = watch(&mut tasks, partitions, &job, events, cancel).await;
        // Whatever the end, no task goes on: what it wrote later would escape the clearing up.
        tasks.shutdown().await;
        watched?.map_err(failed)
    }
}

type Tasks = tokio::task::JoinSet<datafusion::error::Result<Vec<RecordBatch>>>;

/// Waits for all tasks, or for the first that fails.
async fn watch(
    tasks: &mut Tasks,
    partitions: usize,
    job: &PhysicalJob,
    events: &EventSender,
    cancel: &CancellationToken,
) -> Result<datafusion::error::Result<Vec<RecordBatch>>> {
    let mut ticks = tokio::time::interval(PROGRESS_INTERVAL);
    let mut rows = Vec::new();
    let mut tasks_done = 0;
    loop {
        tokio::select! {
            biased;
            () = cancel.cancelled() => {
                return Err(Error::new(Kind::Cancelled, "run", &job.run_id, "it was cancelled"));
            }
            task = tasks.join_next() => match task {
                None => return Ok(Ok(rows)),
                Some(Ok(Ok(batches))) => {
                    rows.extend(batches);
                    tasks_done += 1;
                }
                Some(Ok(Err(cause))) => return Ok(Err(cause)),
                Some(Err(cause)) => {
                    return Err(Error::new(Kind::Final, "run", &job.run_id, cause));
                }
            },
            _ = ticks.tick() => {
                let stages = vec![StageProgress { stage: 1, tasks: partitions, tasks_done }];
                events(RunEvent::Progress { phase: job.phase.clone(), stages });
            }
        }
    }
}

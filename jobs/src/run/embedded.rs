//! Executes plans inside this process, on all cores.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::memory;
use cinemill_engine::scratch::Scratch;
use cinemill_engine::session::SessionOptions;
use datafusion::arrow::array::RecordBatch;
use datafusion::physical_plan::ExecutionPlanProperties;
use futures::TryStreamExt;
use tokio_util::sync::CancellationToken;

use super::backend::{Backend, Executed, Needs, PhysicalJob};
use super::events::{EventSender, RunEvent, StageProgress};
use super::usage::{Usage, requests_of};

/// How often progress is told.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);

/// How many times more partitions a plan gets that ran out of memory.
const SCARCE_MEMORY_PARTITIONS: usize = 4;

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
    /// so that the process stays within `memory_bytes`, by default the machine's.
    ///
    /// # Errors
    /// `Final` where that folder cannot be used.
    pub fn new(spill_dir: Option<&Path>, memory_bytes: Option<u64>) -> Result<Self> {
        let common = spill_dir.map_or_else(std::env::temp_dir, Path::to_owned);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            cores,
            memory_bytes: memory_bytes
                .or_else(memory::machine_bytes)
                .map(|bytes| memory::of_operators(bytes) as usize),
            spill: Arc::new(Scratch::new(&common, "cinemill-spill")?),
        })
    }
}

#[async_trait]
impl Backend for Embedded {
    async fn place(&self) -> String {
        "embedded".to_owned()
    }

    async fn session(&self, needs: Needs) -> SessionOptions {
        let finer = if needs.scarce_memory {
            SCARCE_MEMORY_PARTITIONS
        } else {
            1
        };
        SessionOptions {
            partitions: self.cores * finer,
            distributed: false,
            scarce_memory: needs.scarce_memory,
            memory_bytes: self.memory_bytes,
            spill_folder: Some(self.spill.path().to_owned()),
        }
    }

    async fn execute(
        &self,
        job: PhysicalJob,
        events: &EventSender,
        cancel: &CancellationToken,
    ) -> Result<Executed> {
        let failed = |cause: datafusion::error::DataFusionError| {
            let object = format!("{} of run {}", job.phase, job.run_id);
            Error::of_full_disk(&cause, ("run", &object), self.spill.path(), "--spill-dir")
                .unwrap_or_else(|| Error::from_datafusion(&cause, "run", object))
        };
        let partitions = job.plan.output_partitioning().partition_count();
        let began = Instant::now();
        let mut tasks = Tasks::new();
        for partition in 0..partitions {
            let (plan, context) = (job.plan.clone(), job.state.task_ctx());
            let rows = plan.execute(partition, context).map_err(failed)?;
            tasks.spawn(rows.try_collect::<Vec<_>>());
        }
        let watched = watch(&mut tasks, partitions, &job, events, cancel).await;
        // Whatever the end, no task goes on: what it wrote later would escape the clearing up.
        tasks.shutdown().await;
        let (s3_reads, s3_writes) = requests_of(job.plan.as_ref());
        job.meter.add(Usage {
            slot_seconds: began.elapsed().as_secs_f64() * self.cores as f64,
            s3_reads,
            s3_writes,
        });
        let rows = watched?.map_err(failed)?;
        Ok(Executed { rows, partitions })
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

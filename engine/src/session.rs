//! The one builder of sessions, for the CLI, the scheduler and the executor alike, so that the
//! three cannot drift apart: functions, codec, stores and settings.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ballista_core::extension::SessionConfigExt;
use ballista_core::registry::BallistaFunctionRegistry;
use ballista_core::{ConfigProducer, RuntimeProducer};
use datafusion::error::Result;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::prelude::SessionConfig;
use std::num::NonZeroUsize;

use crate::buckets;
use crate::codec::EngineCodec;
use crate::leaves::LeavesInMemory;
use crate::peers;
use crate::sink::node::SinkQueryPlanner;
use crate::spark;
use crate::store::StoreRegistry;

/// The largest message between client, scheduler and executors, in bytes. Plans over thousands of
/// files and reports of thousands of tasks outgrow tonic's default.
pub const GRPC_MESSAGE_BYTES_MAX: usize = 128 << 20;

/// How a session's plans are going to be executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionOptions {
    /// Partitions of scans, joins and aggregations.
    pub partitions: usize,
    /// Plans shall be cut into stages for a cluster.
    pub distributed: bool,
    /// Joins shall sort and spill rather than hold one side in memory.
    pub scarce_memory: bool,
    /// Memory for operators that can spill, in bytes; `None` sets no bound.
    pub memory_bytes: Option<usize>,
    /// Where operators spill; `None` is the system's folder for temporary files.
    pub spill_folder: Option<PathBuf>,
}

/// Settings of a session. Never holds a secret: settings travel with every task.
pub fn config(options: &SessionOptions) -> SessionConfig {
    let config = SessionConfig::new_with_ballista()
        .with_target_partitions(options.partitions)
        // Ballista's static planner: the adaptive one does not survive the loss of an executor.
        .set_bool("ballista.planner.adaptive.enabled", false)
        // One partition per task, so that a lost task costs little and slots stay evenly loaded.
        .set_usize("ballista.scheduler.max_partitions_per_task", 1)
        .set_usize(
            "ballista.client.grpc_max_message_size",
            GRPC_MESSAGE_BYTES_MAX,
        )
        .with_ballista_override_create_grpc_client_endpoint(peers::endpoint())
        .set_usize("ballista.client.io_retries_times", 1)
        .set_usize("ballista.client.io_retry_wait_time_ms", 1000)
        // A hash join's build side is bounded by the number of partitions, which follows the size
        // of the inputs; a sort-merge join sorts both sides, but can spill.
        .set_bool(
            "datafusion.optimizer.prefer_hash_join",
            !options.scarce_memory,
        )
        .with_collect_statistics(false);
    let config = match options.scarce_memory {
        // Even the smallest share must hold a batch, and what a sort sets aside for merging what it
        // spilled.
        true => config.with_batch_size(SCARCE_BATCH_ROWS).set_usize(
            "datafusion.execution.sort_spill_reservation_bytes",
            SCARCE_SORT_RESERVATION_BYTES,
        ),
        false => config,
    };
    match options.distributed {
        true => bounded(config),
        false => config.with_round_robin_repartition(true),
    }
}

/// Where memory is scarce.
const SCARCE_BATCH_ROWS: usize = 1024;
const SCARCE_SORT_RESERVATION_BYTES: usize = 256 << 10;

/// The largest build side, in estimated bytes and rows, that every task of a join gets whole. It
/// is built anew in each of them.
const BROADCAST_BYTES_MAX: usize = 8 << 20;
const BROADCAST_ROWS_MAX: usize = 256 << 10;
/// What a task buffers of its output before it spills.
const SHUFFLE_WRITE_BYTES_MAX: usize = 64 << 20;
/// What a task fetches from other executors at a time; it becomes a few times larger in memory.
const SHUFFLE_READ_BYTES_MAX: usize = 16 << 20;

/// Keeps what a task holds in memory small and independent of the size of the data.
fn bounded(config: SessionConfig) -> SessionConfig {
    let optimizer = |key: &str| format!("datafusion.optimizer.{key}");
    config
        .set_usize(
            &optimizer("hash_join_single_partition_threshold"),
            BROADCAST_BYTES_MAX,
        )
        .set_usize(
            &optimizer("hash_join_single_partition_threshold_rows"),
            BROADCAST_ROWS_MAX,
        )
        // A guess that filters drop most rows would let large tables pass for small ones.
        .set_usize(&optimizer("default_filter_selectivity"), 100)
        .set_usize(
            "ballista.optimizer.broadcast_join_threshold_bytes",
            BROADCAST_BYTES_MAX,
        )
        .set_usize(
            "ballista.optimizer.broadcast_join_threshold_rows",
            BROADCAST_ROWS_MAX,
        )
        .set_usize(
            "ballista.shuffle.sort_based.memory_limit_per_task_bytes",
            SHUFFLE_WRITE_BYTES_MAX,
        )
        .set_usize(
            "ballista.shuffle.reader.max_bytes_in_flight",
            SHUFFLE_READ_BYTES_MAX,
        )
}

/// The environment that plans execute in: stores, memory, spill files.
pub fn runtime(options: &SessionOptions) -> Result<Arc<RuntimeEnv>> {
    let mut builder =
        RuntimeEnvBuilder::new().with_object_store_registry(Arc::new(StoreRegistry::default()));
    if let Some(bytes) = options.memory_bytes {
        let pool = TrackConsumersPool::new(FairSpillPool::new(bytes), TOP_CONSUMERS);
        let pool: Arc<dyn MemoryPool> = Arc::new(pool);
        builder = builder.with_memory_pool(pool);
    }
    if let Some(folder) = &options.spill_folder {
        builder = builder.with_disk_manager_builder(spill_to(folder));
    }
    builder.build_arc()
}

/// How many operators a message about lack of memory names.
const TOP_CONSUMERS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4);

fn spill_to(folder: &Path) -> DiskManagerBuilder {
    DiskManagerBuilder::default()
        .with_mode(DiskManagerMode::Directories(vec![folder.to_owned()]))
        // The disk is the bound.
        .with_max_temp_directory_size(u64::MAX)
}

/// A session that plans and, embedded, executes cinemill's jobs.
pub fn state(options: &SessionOptions) -> Result<SessionState> {
    build(config(options), runtime(options)?)
}

fn build(config: SessionConfig, runtime: Arc<RuntimeEnv>) -> Result<SessionState> {
    let config = config.with_ballista_physical_extension_codec(Arc::new(EngineCodec::default()));
    let builder = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_default_features()
        .with_query_planner(Arc::new(SinkQueryPlanner))
        .with_physical_optimizer_rule(Arc::new(LeavesInMemory));
    Ok(buckets::register(spark::register(builder)).build())
}

/// Ballista's hook for a session of the scheduler.
pub fn scheduler_session(config: SessionConfig) -> Result<SessionState> {
    build(config, runtime(&cluster_options())?)
}

/// Ballista's hook for the settings that a process begins with. All of a cluster's processes must
/// know the same ones, for unknown settings are dropped on the way.
pub fn config_producer() -> ConfigProducer {
    Arc::new(|| config(&cluster_options()))
}

/// Ballista's hook for the environment of an executor's tasks; Ballista adds the memory pool.
pub fn runtime_producer(spill_folder: PathBuf) -> RuntimeProducer {
    Arc::new(move |_| {
        runtime(&SessionOptions {
            spill_folder: Some(spill_folder.clone()),
            ..cluster_options()
        })
    })
}

/// All functions that a plan may name, for an executor.
pub fn function_registry() -> Result<Arc<BallistaFunctionRegistry>> {
    Ok(Arc::new(BallistaFunctionRegistry::from(&state(
        &cluster_options(),
    )?)))
}

fn cluster_options() -> SessionOptions {
    SessionOptions {
        partitions: 1,
        distributed: true,
        scarce_memory: false,
        memory_bytes: None,
        spill_folder: None,
    }
}

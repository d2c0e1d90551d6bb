//! `cinemill-executor`: Ballista's executor with cinemill's operators and functions.

mod clients;
mod config;
mod life;
mod protection;
mod scheduler;
mod spot;
mod work_dir;

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Duration;

use ballista_core::config::TaskSchedulingPolicy;
use ballista_executor::executor_process::ExecutorProcessConfig;
use cinemill_engine::codec::EngineCodec;
use cinemill_engine::doors::Door;
use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::memory;
use cinemill_engine::session::{self, GRPC_MESSAGE_BYTES_MAX};
use clap::Parser;

use crate::life::End;
use crate::protection::Tasks;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Plans nest as deep as SQL does, and operators recurse.
const THREAD_STACK_BYTES: usize = 16 << 20;
/// How long tasks may take to stop when the process ends.
const TASK_STOP_WAIT: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let config = config::Config::parse();
    cinemill_engine::logging::init();
    match serve(&config) {
        Ok(code) => code,
        Err(error) => {
            tracing::error!(hint = error.hint, "{error}");
            ExitCode::from(if error.kind == Kind::Usage { 2 } else { 1 })
        }
    }
}

fn serve(config: &config::Config) -> Result<ExitCode> {
    let failed = |cause: &dyn std::fmt::Display| {
        Error::new(Kind::Retryable, "run executor of", &config.scheduler, cause)
            .hint("is the scheduler running there? name another with --scheduler <host:port>")
    };
    let work_dir = work_dir::make(config.work_dir.as_deref())?;
    let tasks = Tasks::default();
    let process = Arc::new(process_config(config, work_dir.path(), &tasks)?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(THREAD_STACK_BYTES)
        .build()
        .map_err(|cause| failed(&cause))?;
    tracing::info!(
        scheduler = config.scheduler,
        port = process.port,
        vcores = process.vcores,
        "executor starts"
    );
    let end = runtime.block_on(async {
        let protected = async {
            match &config.ecs_agent {
                Some(agent) => protection::hold(agent, &tasks).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            end = life::live(process, config) => end,
            never = protected => match never {},
        }
    });
    // Tasks that still run have nobody to run for. None may write on while its files are removed.
    runtime.shutdown_timeout(TASK_STOP_WAIT);
    drop(work_dir);
    match end.map_err(|cause| failed(&cause))? {
        End::Left => Ok(ExitCode::SUCCESS),
        End::Killed(signal) => Ok(ExitCode::from(128 + signal)),
        End::Failed(cause) => Err(failed(&cause)),
        End::Lost => Err(failed(&begin_again())),
    }
}

/// Becomes a new executor in the same process, with nothing of the old one; answers only where
/// that fails.
fn begin_again() -> std::io::Error {
    tracing::warn!("lost the scheduler; beginning again");
    match std::env::current_exe() {
        Ok(program) => Command::new(program)
            .args(std::env::args_os().skip(1))
            .exec(),
        Err(cause) => cause,
    }
}

fn process_config(
    config: &config::Config,
    work_dir: &Path,
    tasks: &Tasks,
) -> Result<ExecutorProcessConfig> {
    let (host, port) = config.scheduler_address()?;
    let door = Door::new(&config.bind_host, config.external_host.as_deref())?;
    door.check_peer(&host, port)?;
    let tasks_port = free_port(&config.bind_host, config.grpc_port)?;
    door.warn_if_open(tasks_port);
    let failed = |cause: &dyn std::fmt::Display| {
        Error::new(Kind::Final, "prepare executor of", &config.scheduler, cause)
    };
    let executor_id = new_id(work_dir).map_err(|cause| failed(&cause))?;
    let functions = session::function_registry().map_err(|cause| failed(&cause))?;
    Ok(ExecutorProcessConfig {
        executor_id,
        bind_host: door.bind_host,
        external_host: Some(door.external_host),
        port: free_port(&config.bind_host, config.port)?,
        grpc_port: tasks_port,
        scheduler_host: host,
        scheduler_port: port,
        scheduler_connect_timeout_seconds: config.connect_timeout_s,
        vcores: config.vcores(),
        task_scheduling_policy: TaskSchedulingPolicy::PushStaged,
        work_dir: Some(path_text(work_dir)),
        grpc_max_decoding_message_size: GRPC_MESSAGE_BYTES_MAX as u32,
        grpc_max_encoding_message_size: GRPC_MESSAGE_BYTES_MAX as u32,
        executor_heartbeat_interval_seconds: config.heartbeat_interval_s,
        memory_pool_size: config.memory_bytes().map(memory::of_operators),
        override_function_registry: Some(functions),
        override_runtime_producer: Some(session::runtime_producer(work_dir.to_owned())),
        override_config_producer: Some(session::config_producer()),
        override_physical_codec: Some(Arc::new(EngineCodec::default())),
        override_execution_engine: Some(Arc::new(work_dir::Engine::new(
            work_dir.to_owned(),
            tasks.clone(),
        ))),
        ..ExecutorProcessConfig::default()
    })
}

/// A new id for this executor, written down for whoever looks into its work folder.
fn new_id(work_dir: &Path) -> std::io::Result<String> {
    let id = ExecutorProcessConfig::default().executor_id;
    std::fs::write(work_dir.join("executor-id"), &id)?;
    Ok(id)
}

fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The given port, or for 0 one that is free now: the scheduler must be told a real one.
fn free_port(host: &str, port: u16) -> Result<u16> {
    if port != 0 {
        return Ok(port);
    }
    TcpListener::bind((host, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|cause| Error::new(Kind::Final, "find a free port on", host, cause))
}

//! Puts Ballista's scheduler and the run service behind one port.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ballista_core::serde::protobuf::scheduler_grpc_server::SchedulerGrpcServer;
use ballista_scheduler::cluster::memory::InMemoryJobState;
use ballista_scheduler::cluster::{BallistaCluster, JobState};
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::create_scheduler;
use ballista_scheduler::scheduler_server::SchedulerServer;
use ballista_scheduler::state::session_manager::share_file_statistics_cache;
use cinemill_engine::codec::EngineCodec;
use cinemill_engine::doors::Door;
use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::session::{self, GRPC_MESSAGE_BYTES_MAX};
use cinemill_engine::store::Location;
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tonic::service::Routes;

use crate::backend::{ClusterBackend, Limits};
use crate::config::Config;
use crate::fleet::{self, Fleet};
use crate::ledger::Ledger;
use crate::rejoin::Executors;
use crate::runs::Runs;
use crate::service;
use crate::slots::{RunQueue, SlotState};

/// Ballista's scheduler with cinemill's plans.
pub type Scheduler = SchedulerServer<LogicalPlanNode, PhysicalPlanNode>;

/// Seconds between two looks for executors that are gone.
const EXECUTOR_CHECK_INTERVAL_S: u64 = 2;
/// Seconds that results and shuffle files of a finished job are kept; the driver reads them at once.
const JOB_DATA_KEPT_S: u64 = 60;
/// Seconds that the state of a finished job is kept in memory.
const JOB_STATE_KEPT_S: u64 = 600;
/// Seconds that a stopping executor may take to end its tasks.
const EXECUTOR_STOP_S: u64 = 30;

/// Serves until SIGTERM, and leaves what runs to the next start; or until SIGINT, and cancels it.
pub async fn serve(config: Config) -> Result<()> {
    let door = Door::new(&config.bind_host, config.external_host.as_deref())?;
    let address = format!("{}:{}", config.bind_host, config.port);
    let failed =
        |cause: &dyn std::fmt::Display| Error::new(Kind::Final, "serve on", &address, cause);
    let listener = TcpListener::bind(&address).await.map_err(|cause| {
        failed(&cause).hint("is another scheduler running here? choose another --port")
    })?;
    door.warn_if_open(config.port);
    let place = Location::parse(&config.state_dir)?;
    let found_at = format!("{}:{}", door.external_host, config.port);
    let ledger = Ledger::open(place, &found_at).await?;
    let ballista = Arc::new(ballista_config(&config, door));
    ballista.validate().map_err(|cause| failed(&cause))?;
    let queue = Arc::new(RunQueue::default());
    let slots = Arc::new(SlotState::new(queue.clone()));
    let jobs = job_state(&ballista);
    let cluster = BallistaCluster::new(slots.clone(), jobs.clone());
    let scheduler: Scheduler = create_scheduler(cluster, ballista)
        .await
        .map_err(|cause| failed(&cause))?;
    let fleet = Fleet::new(scheduler.clone(), slots, jobs.clone());
    let limits = Limits::from(&config);
    let backend = ClusterBackend::new(scheduler.clone(), fleet.clone(), jobs, limits);
    let client_absence = Duration::from_secs(config.client_absence_s);
    let executor_timeout = Duration::from_secs(config.executor_timeout_s);
    let executors = Executors::new(scheduler.clone(), executor_timeout);
    let runs = Runs::recover(ledger, Arc::new(backend), executors, queue, client_absence).await?;
    let grpc = SchedulerGrpcServer::new(scheduler.clone())
        .max_encoding_message_size(GRPC_MESSAGE_BYTES_MAX)
        .max_decoding_message_size(GRPC_MESSAGE_BYTES_MAX);
    let routes = Routes::new(grpc)
        .into_axum_router()
        .merge(service::routes(runs.clone()))
        .merge(fleet::routes(fleet, runs.clone()));
    tracing::info!(address, "serving");
    let app = routes.into_make_service_with_connect_info::<SocketAddr>();
    let mut terminate = signal(SignalKind::terminate()).map_err(|cause| failed(&cause))?;
    tokio::select! {
        served = axum::serve(listener, app) => served.map_err(|cause| failed(&cause))?,
        // Services are restarted with it, and their work is to go on.
        _ = terminate.recv() => {
            tracing::info!("received SIGTERM; the runs go on with the next start");
            runs.leave().await;
        }
        // A person who stops it means the work, too.
        _ = tokio::signal::ctrl_c() => {
            tracing::info!("received SIGINT; cancelling the runs");
            runs.cancel_all().await;
        }
        // The runs are driven elsewhere by now; whatever was still done here would disturb them.
        error = runs.lost() => return Err(error),
    }
    runs.close().await;
    Ok(())
}

/// Ballista's memory of jobs, with our sessions.
fn job_state(config: &SchedulerConfig) -> Arc<dyn JobState> {
    let sessions = share_file_statistics_cache(Arc::new(session::scheduler_session));
    let settings = session::config_producer();
    Arc::new(InMemoryJobState::new(
        config.scheduler_id.clone(),
        sessions,
        settings,
    ))
}

fn ballista_config(config: &Config, door: Door) -> SchedulerConfig {
    SchedulerConfig {
        external_host: door.external_host,
        bind_host: door.bind_host,
        bind_port: config.port,
        executor_timeout_seconds: config.executor_timeout_s,
        expire_dead_executor_interval_seconds: EXECUTOR_CHECK_INTERVAL_S,
        // Not to be recovered from: the driver executes the plan again.
        stage_max_failures: 1,
        no_executors_grace_period_seconds: config.executor_timeout_s,
        executor_termination_grace_period: EXECUTOR_STOP_S,
        finished_job_data_clean_up_interval_seconds: JOB_DATA_KEPT_S,
        finished_job_state_clean_up_interval_seconds: JOB_STATE_KEPT_S,
        grpc_server_max_decoding_message_size: GRPC_MESSAGE_BYTES_MAX as u32,
        grpc_server_max_encoding_message_size: GRPC_MESSAGE_BYTES_MAX as u32,
        grpc_client_max_message_size: GRPC_MESSAGE_BYTES_MAX as u32,
        override_config_producer: Some(session::config_producer()),
        override_session_builder: Some(Arc::new(session::scheduler_session)),
        override_physical_codec: Some(Arc::new(EngineCodec::default())),
        ..SchedulerConfig::default()
    }
}

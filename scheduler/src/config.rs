//! Flags of the scheduler.

use clap::Parser;

/// Ballista's scheduler and cinemill's run service, on one port.
#[derive(Debug, Clone, Parser)]
#[command(version)]
pub struct Config {
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1", env = "CINEMILL_BIND_HOST")]
    pub bind_host: String,

    /// Port for clients and executors alike.
    #[arg(long, default_value_t = 50050, env = "CINEMILL_PORT")]
    pub port: u16,

    /// Name or address under which executors reach this process; they report their tasks there.
    /// Found out where not given.
    #[arg(long, env = "CINEMILL_EXTERNAL_HOST")]
    pub external_host: Option<String>,

    /// Folder of the ledger of runs, local or s3://….
    #[arg(
        long,
        value_name = "DIR",
        default_value = "cinemill-state",
        env = "CINEMILL_STATE_DIR"
    )]
    pub state_dir: String,

    /// Seconds without a sign of life after which an executor counts as lost.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(2..))]
    pub executor_timeout_s: u64,

    /// Seconds that a plan waits for a first executor.
    #[arg(long, default_value_t = 120, env = "CINEMILL_EXECUTOR_WAIT_S")]
    pub executor_wait_s: u64,

    /// How often a piece of a run is executed, when executors are lost, before the run fails with
    /// exit code 20.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..), env = "CINEMILL_ATTEMPTS_MAX")]
    pub attempts_max: u32,

    /// Seconds of work of the whole cluster from which on a relation is kept in a checkpoint, so
    /// that a loss later on does not repeat them; 0 keeps all that lie between two exchanges.
    #[arg(long, default_value_t = 300, env = "CINEMILL_CHECKPOINT_AFTER_S")]
    pub checkpoint_after_s: u64,

    /// Seconds without any task of a job ending after which it counts as lost.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(10..))]
    pub stall_timeout_s: u64,

    /// Seconds that a run goes on after its last client went away without a word; a detached run
    /// needs no client.
    #[arg(long, default_value_t = 20, env = "CINEMILL_CLIENT_ABSENCE_S")]
    pub client_absence_s: u64,
}

//! Flags of the executor.

use std::path::PathBuf;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::memory;
use clap::Parser;

/// Runs tasks for a scheduler.
#[derive(Debug, Clone, Parser)]
#[command(version)]
pub struct Config {
    /// The scheduler, as host:port.
    #[arg(long, default_value = "127.0.0.1:50050", env = "CINEMILL_SCHEDULER")]
    pub scheduler: String,

    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1", env = "CINEMILL_BIND_HOST")]
    pub bind_host: String,

    /// Name or address under which the scheduler and other executors reach this process. Found
    /// out where not given.
    #[arg(long, env = "CINEMILL_EXTERNAL_HOST")]
    pub external_host: Option<String>,

    /// Port that serves shuffle files; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    pub port: u16,

    /// Port that takes tasks; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    pub grpc_port: u16,

    /// How many tasks run side by side; 0 takes the number of cores.
    #[arg(long, default_value_t = 0)]
    pub vcores: usize,

    /// Memory that the whole process is to stay within, in MiB; operators get 60 % of it, and spill
    /// what they cannot hold. 80 % of the machine's where not given.
    #[arg(long)]
    pub memory_mb: Option<u64>,

    /// Folder below which this process makes its own for shuffle and spill files, and removes it at
    /// the end; the system's for temporary files where not given.
    #[arg(long, env = "CINEMILL_WORK_DIR")]
    pub work_dir: Option<PathBuf>,

    /// Seconds between two signs of life.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    pub heartbeat_interval_s: u64,

    /// Seconds that this executor may take to leave after SIGTERM, if its tasks or files are
    /// needed so long.
    #[arg(long, default_value_t = 120)]
    pub drain_deadline_s: u64,

    /// Look for EC2's notice that the spot instance is taken away, and leave before.
    #[arg(long)]
    pub spot_notice: bool,

    /// Where ECS' agent answers, which is asked to leave this executor alone while it runs tasks.
    /// ECS says it itself.
    #[arg(long, value_name = "URL", env = "ECS_AGENT_URI")]
    pub ecs_agent: Option<String>,

    /// Seconds to keep trying to reach the scheduler at the start.
    #[arg(long, default_value_t = 60)]
    pub connect_timeout_s: u16,
}

impl Config {
    /// The scheduler's host and port.
    pub fn scheduler_address(&self) -> Result<(String, u16)> {
        let usage = || {
            let text = format!("`{}`", self.scheduler);
            Error::new(
                Kind::Usage,
                "understand scheduler",
                text,
                "it is not of the form host:port",
            )
        };
        let (host, port) = self.scheduler.rsplit_once(':').ok_or_else(usage)?;
        Ok((host.to_owned(), port.parse().map_err(|_| usage())?))
    }

    /// Memory of the process, where it can be told.
    pub fn memory_bytes(&self) -> Option<u64> {
        let given = self.memory_mb.map(|mb| mb << 20);
        given.or_else(|| memory::machine_bytes().map(|bytes| bytes / 10 * 8))
    }

    pub fn vcores(&self) -> usize {
        match self.vcores {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            vcores => vcores,
        }
    }
}

//! A cluster of real processes, started as a user starts one.

use std::fs;
use std::path::PathBuf;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::processes::{
    Cinemill, Ended, Result, Running, command, free_port, is_alive, poll, send, text,
};
use crate::s3::S3Server;

/// A scheduler and executors of one vcore. They are killed when this value is dropped.
pub struct Cluster {
    folder: TempDir,
    port: u16,
    environment: Vec<(String, String)>,
    /// The scheduler that was started in place of a killed one.
    restarted: Option<Running>,
}

impl Cluster {
    pub fn start(executors: usize) -> Result<Self> {
        Self::start_with(executors, Vec::new())
    }

    pub fn start_on_s3(executors: usize, server: &S3Server) -> Result<Self> {
        Self::start_with(executors, server.environment())
    }

    /// With an environment of its processes' own.
    pub fn start_with(executors: usize, mut environment: Vec<(String, String)>) -> Result<Self> {
        let folder = TempDir::new()?;
        let work = folder.path().join("work");
        fs::create_dir(&work)?;
        // Executors that are killed leave their shuffle files.
        environment.push(("TMPDIR".to_owned(), text(&work)?));
        let cluster = Self {
            port: free_port()?,
            folder,
            environment,
            restarted: None,
        };
        let ended = cluster.cinemill().run(&[
            "cluster",
            "local",
            "--executors",
            &executors.to_string(),
            "--port",
            &cluster.port.to_string(),
            "--state-dir",
            &text(&cluster.state())?,
        ])?;
        match ended.code() {
            Some(0) => Ok(cluster),
            _ => Err(format!("no cluster: {}\n{}", ended.stderr, cluster.logs()).into()),
        }
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The command line, set up for this cluster.
    pub fn cinemill(&self) -> Cinemill {
        let cinemill = Cinemill::default().with("CINEMILL_SCHEDULER", self.address());
        self.environment
            .iter()
            .fold(cinemill, |cinemill, (name, value)| {
                cinemill.with(name, value)
            })
    }

    pub fn run(&self, arguments: &[&str]) -> Result<Ended> {
        self.cinemill().run(arguments)
    }

    /// Kills the scheduler as the power failing would.
    pub fn kill_scheduler(&mut self) -> Result<()> {
        if let Some(scheduler) = self.restarted.take() {
            scheduler.kill()?;
            return Ok(());
        }
        let pids = self.pids();
        let scheduler = *pids.first().ok_or("no scheduler")?;
        send(scheduler, Signal::KILL);
        poll("the scheduler's end", || {
            (!is_alive(scheduler)).then_some(())
        })
    }

    /// Starts the scheduler again on the same port and state folder.
    pub fn restart_scheduler(&mut self) -> Result<()> {
        let mut scheduler = command("cinemill-scheduler", &self.environment)?;
        scheduler
            .args(["--port", &self.port.to_string(), "--state-dir"])
            .arg(self.state());
        self.restarted = Some(Running::start(scheduler)?);
        poll("the scheduler's answer", || {
            let ended = self.run(&["runs"]).ok()?;
            (ended.code() == Some(0)).then_some(())
        })
    }

    pub fn kill_executor(&self, number: usize) -> Result<()> {
        let pid = *self.pids().get(number + 1).ok_or("no such executor")?;
        send(pid, Signal::KILL);
        Ok(())
    }

    /// What the processes wrote.
    pub fn logs(&self) -> String {
        let files = fs::read_dir(self.state().join("logs"))
            .into_iter()
            .flatten();
        files
            .flatten()
            .filter_map(|file| fs::read_to_string(file.path()).ok())
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Where `cluster local` keeps the cluster's state.
    pub fn state_dir(&self) -> PathBuf {
        self.state()
    }

    /// The executors' processes, in the order of their start.
    pub fn executor_pids(&self) -> Vec<i32> {
        self.pids().into_iter().skip(1).collect()
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// The scheduler's, then the executors'.
    fn pids(&self) -> Vec<i32> {
        let json = fs::read(self.state().join("processes.json")).unwrap_or_default();
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap_or_default();
        let executors = json["executors"].as_array().into_iter().flatten();
        let pids = executors.map(|executor| &executor["pid"]);
        [&json["scheduler_pid"]]
            .into_iter()
            .chain(pids)
            .filter_map(|pid| i32::try_from(pid.as_i64()?).ok())
            .collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for pid in self.pids() {
            send(pid, Signal::KILL);
        }
    }
}

//! A scheduler that a test may kill and start again, and the executors that outlive it.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use cinemill_tests::processes::{Cinemill, Ended, Running, command, poll};
use cinemill_tests::s3::S3Server;
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::fixture::{JOB, assert_code, text};

pub struct Site {
    folder: TempDir,
    port: u16,
    environment: Vec<(String, String)>,
    /// What is given as `--state-dir`.
    state: String,
    /// More flags of the scheduler.
    flags: Vec<String>,
    scheduler: Option<Running>,
    executors: Vec<Running>,
}

impl Site {
    /// With its ledger on the disk.
    pub fn start(executors: usize, flags: &[&str]) -> Self {
        let mut site = Self::planned(flags);
        site.open(executors);
        site
    }

    /// With its ledger in a bucket, as `s3://lake/state`.
    pub fn start_on_s3(executors: usize, server: &S3Server, flags: &[&str]) -> Self {
        let mut site = Self::planned(flags);
        "s3://lake/state".clone_into(&mut site.state);
        site.environment.extend(server.environment());
        site.open(executors);
        site
    }

    /// With no process yet.
    pub fn planned(flags: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        Self {
            port: free_port(),
            environment: vec![("TMPDIR".to_owned(), text(folder.path()).to_owned())],
            state: text(&folder.path().join("state")).to_owned(),
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
            folder,
            scheduler: None,
            executors: Vec::new(),
        }
    }

    fn open(&mut self, executors: usize) {
        self.start_scheduler();
        for _ in 0..executors {
            let mut command = command("cinemill-executor", &self.environment).unwrap();
            command.args(["--scheduler", &self.address(), "--vcores", "1"]);
            command.args(["--memory-mb", "512", "--heartbeat-interval-s", "1"]);
            self.executors.push(Running::start(command).unwrap());
        }
        poll("the executors", || {
            let registered = self.get("/v1/executors")?;
            (registered.as_array()?.len() == executors).then_some(())
        })
        .unwrap();
    }

    /// Where something of this site may be put.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn cinemill(&self) -> Cinemill {
        let cinemill = Cinemill::default().with("CINEMILL_SCHEDULER", self.address());
        let environment = self.environment.iter();
        environment.fold(cinemill, |cinemill, (name, value)| {
            cinemill.with(name, value)
        })
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.cinemill().run(arguments).unwrap()
    }

    /// A client that submits a run.
    pub fn submit(&self, input: &Path, output: &str, run_id: &str, more: &[&str]) -> Running {
        let mut arguments = vec!["submit", JOB, "--input", text(input), "--output", output];
        arguments.extend(["--run-id", run_id]);
        arguments.extend(more);
        self.cinemill().start(&arguments).unwrap()
    }

    /// Submits a run that needs no client.
    pub fn detach(&self, input: &Path, output: &str, run_id: &str, more: &[&str]) {
        let more = [&["--detach"], more].concat();
        let ended = self.submit(input, output, run_id, &more).wait().unwrap();
        assert_code(&ended, 0, &[run_id]);
    }

    /// A scheduler of this site, which may not be the only one.
    pub fn another_scheduler(&self, port: u16) -> Running {
        let mut command = command("cinemill-scheduler", &self.environment).unwrap();
        command.args(["--port", &port.to_string(), "--state-dir", &self.state]);
        command.args(&self.flags);
        Running::start(command).unwrap()
    }

    /// Starts it, or another one in the place of one that died.
    pub fn start_scheduler(&mut self) {
        self.scheduler = Some(self.another_scheduler(self.port));
        poll("the scheduler's answer", || self.get("/v1/runs")).unwrap();
    }

    pub fn scheduler(&mut self) -> &mut Running {
        self.scheduler.as_mut().unwrap()
    }

    /// Waits until it has ended by itself.
    pub fn wait_for_scheduler(&mut self) -> Ended {
        self.scheduler.take().unwrap().wait().unwrap()
    }

    /// As the power failing.
    pub fn kill_scheduler(&mut self) -> Ended {
        self.scheduler.take().unwrap().kill().unwrap()
    }

    pub fn stop_scheduler(&mut self, signal: Signal) -> Ended {
        self.scheduler().signal(signal);
        self.wait_for_scheduler()
    }

    /// Kills them.
    pub fn stop_executors(&mut self) {
        self.executors.clear();
    }

    pub fn signal_executors(&self, signal: Signal) {
        self.executors
            .iter()
            .for_each(|executor| executor.signal(signal));
    }

    pub fn executors_alive(&mut self) -> usize {
        let executors = self.executors.iter_mut();
        executors
            .filter_map(|executor| (!executor.is_over()).then_some(()))
            .count()
    }

    /// A run as the service tells it.
    pub fn status(&self, run_id: &str) -> Value {
        self.get(&format!("/v1/runs/{run_id}")).unwrap()
    }

    /// Waits for a run's end without following it, which would keep an attached one alive.
    pub fn until_over(&self, run_id: &str) -> Value {
        poll("the run's end", || {
            let run = self.get(&format!("/v1/runs/{run_id}"))?;
            (run["state"] != "running").then_some(run)
        })
        .unwrap()
    }

    /// Changes a run's entry in the ledger of a scheduler that is not there.
    pub fn change_entry(&self, run_id: &str, change: impl FnOnce(&mut Value)) {
        let path = Path::new(&self.state).join(format!("runs/{run_id}.json"));
        let mut entry: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        change(&mut entry);
        fs::write(path, entry.to_string()).unwrap();
    }

    /// What the service answers; `None` where it does not, or refuses.
    fn get(&self, path: &str) -> Option<Value> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let url = format!("http://{}{path}", self.address());
        runtime.block_on(async {
            let answer = reqwest::get(url).await.ok()?;
            answer.error_for_status().ok()?.json().await.ok()
        })
    }
}

pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// Waits until a process has said a thing, and is still at it.
#[track_caller]
pub fn until_said(running: &mut Running, words: &str) {
    poll(words, || {
        let over = running.is_over();
        let said = running.said().unwrap();
        assert!(!over || said.contains(words), "no `{words}` in {said}");
        said.contains(words).then_some(())
    })
    .unwrap();
}

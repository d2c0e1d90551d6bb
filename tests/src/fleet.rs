//! A scheduler and executors that a test starts, kills, freezes and adds to one by one, each with
//! a gate of its own to the store.

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::gate::Gate;
use crate::hosts::{Host, Network};
use crate::processes::{Cinemill, Ended, Result, Running, command, free_port, poll, text};
use crate::s3::S3Server;
use crate::service::{Story, get_json};

/// The scheduler's port on a host of its own.
const SCHEDULER_PORT: u16 = 50050;
/// Lines of each process's log that are shown when a test fails.
const LOG_LINES_SHOWN: usize = 60;

/// What the processes are told.
#[derive(Debug, Clone)]
pub struct Flags {
    pub scheduler: Vec<String>,
    pub executor: Vec<String>,
}

impl Default for Flags {
    /// A loss is noticed within seconds.
    fn default() -> Self {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect();
        Self {
            scheduler: words("--executor-timeout-s 5"),
            executor: words("--heartbeat-interval-s 1 --vcores 1 --memory-mb 512"),
        }
    }
}

/// One process of the fleet.
pub struct Member {
    host: Host,
    gate: Option<Gate>,
    process: Option<Running>,
    /// Of an executor: its shuffle and spill files.
    work: PathBuf,
    /// The port that it is known by.
    port: u16,
    /// What the processes before the present one wrote.
    past_log: String,
}

impl Member {
    /// Where the requests of this process for the store pass.
    pub fn gate(&self) -> Result<&Gate> {
        Ok(self.gate.as_ref().ok_or("a fleet without a store")?)
    }

    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(|p| !p.is_over())
    }

    /// As the power failing, for this process.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(process) = self.process.take() {
            self.past_log += &process.kill()?.stderr;
        }
        Ok(())
    }

    fn start(&mut self, command: Command) -> Result<()> {
        // One that has ended by itself leaves its log too.
        self.kill()?;
        self.process = Some(Running::start(self.host.command(command))?);
        Ok(())
    }

    pub fn signal(&self, signal: Signal) {
        if let Some(process) = &self.process {
            process.signal(signal);
        }
    }

    /// The most memory that the process held so far, in bytes.
    pub fn peak_memory_bytes(&self) -> Result<u64> {
        let pid = self.process.as_ref().ok_or("no process")?.pid();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        Ok(kib.ok_or("no VmHWM")?.trim().parse::<u64>()? << 10)
    }

    /// The files of shuffles, as `job/stage/task/data.arrow`.
    pub fn shuffle_files(&self) -> Vec<PathBuf> {
        let files = self.work_files().into_iter();
        let shuffled = files.filter(|file| file.extension().is_some_and(|e| e == "arrow"));
        shuffled
            .map(|file| {
                let parts = file.components().count();
                file.components().skip(parts.saturating_sub(4)).collect()
            })
            .collect()
    }

    /// All files below the work folder, those of spilling too.
    pub fn work_files(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.work.clone()];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            for path in entries.map(|entry| entry.path()) {
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push(path);
                }
            }
        }
        files
    }

    fn log(&mut self) -> String {
        let said = self.process.as_mut().map(Running::said);
        self.past_log.clone() + &said.and_then(Result::ok).unwrap_or_default()
    }
}

/// The processes; they are killed when this value is dropped.
pub struct Fleet {
    folder: TempDir,
    flags: Flags,
    store: Store,
    pub scheduler: Member,
    pub executors: Vec<Member>,
}

/// How the processes reach S3, if at all.
#[derive(Default)]
struct Store {
    environment: Vec<(String, String)>,
    endpoint: Option<String>,
}

impl Store {
    fn new(server: Option<&S3Server>) -> Self {
        server.map_or_else(Self::default, |server| Self {
            environment: server.environment(),
            endpoint: Some(server.endpoint()),
        })
    }

    fn gate(&self, address: IpAddr) -> Result<Option<Gate>> {
        let gate = self.endpoint.as_ref().map(|e| Gate::start(address, e));
        gate.transpose()
    }
}

impl Fleet {
    pub fn start(executors: usize, store: Option<&S3Server>) -> Result<Self> {
        Self::start_with(executors, store, Flags::default())
    }

    pub fn start_with(executors: usize, store: Option<&S3Server>, flags: Flags) -> Result<Self> {
        let store = Store::new(store);
        let here = Host::local();
        let gate = store.gate(here.address)?;
        let mut fleet = Self::with_scheduler(here, free_port()?, gate, store, flags)?;
        for _ in 0..executors {
            fleet.add_executor()?;
        }
        fleet.wait_for_executors(executors)?;
        Ok(fleet)
    }

    /// The scheduler on the network's first host, and an executor on each of the others.
    pub fn start_on(network: &Network, hosts: usize, store: Option<&S3Server>) -> Result<Self> {
        let store = Store::new(store);
        let gate = store.gate(network.own_address())?;
        let first = network.host(0);
        let flags = Flags::default();
        let mut fleet = Self::with_scheduler(first, SCHEDULER_PORT, gate, store, flags)?;
        for index in 1..hosts {
            let gate = fleet.store.gate(network.own_address())?;
            fleet.add_executor_on(network.host(index), gate)?;
        }
        fleet.wait_for_executors(hosts - 1)?;
        Ok(fleet)
    }

    fn with_scheduler(
        host: Host,
        port: u16,
        gate: Option<Gate>,
        store: Store,
        flags: Flags,
    ) -> Result<Self> {
        let folder = TempDir::new()?;
        let mut fleet = Self {
            scheduler: Member {
                host,
                gate,
                process: None,
                work: folder.path().join("scheduler"),
                port,
                past_log: String::new(),
            },
            folder,
            flags,
            store,
            executors: Vec::new(),
        };
        fleet.start_scheduler()?;
        Ok(fleet)
    }

    /// Where clients find the scheduler.
    pub fn address(&self) -> String {
        format!("{}:{}", self.scheduler.host.address, self.scheduler.port)
    }

    /// Starts the scheduler, or another one in the place of one that died.
    pub fn start_scheduler(&mut self) -> Result<()> {
        let state = self.folder.path().join("state");
        let mut command = self.command("cinemill-scheduler", &self.scheduler)?;
        command.arg("--state-dir").arg(state);
        command.args(["--port", &self.scheduler.port.to_string()]);
        command.args(&self.flags.scheduler);
        self.scheduler.start(command)?;
        poll("the scheduler's answer", || {
            get_json(&self.url("/v1/executors")).ok().map(drop)
        })
    }

    /// Starts one more executor on this machine and gives its index; it registers by itself.
    pub fn add_executor(&mut self) -> Result<usize> {
        let here = Host::local();
        let gate = self.store.gate(here.address)?;
        self.add_executor_on(here, gate)
    }

    fn add_executor_on(&mut self, host: Host, gate: Option<Gate>) -> Result<usize> {
        let index = self.executors.len();
        self.executors.push(Member {
            host,
            gate,
            process: None,
            work: self.folder.path().join(format!("executor-{index}")),
            port: free_port()?,
            past_log: String::new(),
        });
        self.start_executor(index)?;
        Ok(index)
    }

    /// Starts an executor, or another one in the place of one that died.
    pub fn start_executor(&mut self, index: usize) -> Result<()> {
        let member = &self.executors[index];
        let mut command = self.command("cinemill-executor", member)?;
        command.args(["--scheduler", &self.address()]);
        command.args(["--port", &member.port.to_string()]);
        command.arg("--work-dir").arg(&member.work);
        command.args(&self.flags.executor);
        self.executors[index].start(command)
    }

    /// What is common to all of the fleet's processes.
    fn command(&self, name: &str, member: &Member) -> Result<Command> {
        let mut environment = self.store.environment.clone();
        environment.push(("TMPDIR".to_owned(), text(self.folder.path())?));
        if let Some(gate) = &member.gate {
            environment.push(("AWS_ENDPOINT_URL".to_owned(), gate.endpoint()));
        }
        let mut command = command(name, &environment)?;
        let address = member.host.address;
        // Other hosts cannot reach what listens on loopback.
        let bind = match address.is_loopback() {
            true => address.to_string(),
            false => "0.0.0.0".to_owned(),
        };
        command.args(["--bind-host", &bind]);
        command.args(["--external-host", &address.to_string()]);
        Ok(command)
    }

    /// The executors as the scheduler knows them.
    pub fn registered(&self) -> Result<Vec<Value>> {
        let answer = get_json(&self.url("/v1/executors"))?;
        Ok(answer.as_array().cloned().unwrap_or_default())
    }

    pub fn wait_for_executors(&self, count: usize) -> Result<()> {
        poll(&format!("{count} executors"), || {
            let registered = self.registered().ok()?;
            (registered.len() == count).then_some(())
        })
    }

    /// The id under which the scheduler knows an executor, if it does.
    pub fn executor_id(&self, index: usize) -> Result<Option<String>> {
        let port = self.executors[index].port;
        let registered = self.registered()?;
        let own = registered.iter().find(|executor| executor["port"] == port);
        Ok(own.and_then(|executor| Some(executor["id"].as_str()?.to_owned())))
    }

    /// The command line, set up for this fleet.
    pub fn cinemill(&self) -> Cinemill {
        let cinemill = Cinemill::default().with("CINEMILL_SCHEDULER", self.address());
        let environment = self.store.environment.iter();
        environment.fold(cinemill, |cinemill, (name, value)| {
            cinemill.with(name, value)
        })
    }

    pub fn run(&self, arguments: &[&str]) -> Result<Ended> {
        self.cinemill().run(arguments)
    }

    /// The events of a run, which may begin later.
    pub fn story(&self, run_id: &str) -> Result<Story> {
        Story::follow(&self.address(), run_id)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// Writes what all processes wrote into a folder that stays, and gives the folder.
    pub fn keep_logs(&mut self) -> Result<PathBuf> {
        let folder = TempDir::new()?.keep();
        for (name, log) in self.logs() {
            std::fs::write(folder.join(format!("{name}.log")), log)?;
        }
        Ok(folder)
    }

    fn logs(&mut self) -> Vec<(String, String)> {
        let executors = self.executors.iter_mut().enumerate();
        let executors = executors.map(|(index, m)| (format!("executor-{index}"), m.log()));
        let scheduler = ("scheduler".to_owned(), self.scheduler.log());
        [scheduler].into_iter().chain(executors).collect()
    }

    #[allow(clippy::print_stderr)]
    fn show_logs(&mut self) {
        for (name, log) in self.logs() {
            let lines: Vec<_> = log.lines().collect();
            let shown = lines.len().saturating_sub(LOG_LINES_SHOWN);
            eprintln!("--- {name}\n{}", lines[shown..].join("\n"));
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.show_logs();
        }
    }
}

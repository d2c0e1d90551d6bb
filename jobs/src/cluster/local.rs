//! A cluster of real processes on this machine, for trying things out.

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use cinemill_engine::error::{Error, Kind, Result};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde::{Deserialize, Serialize};

use super::logs::{Log, LogQuery, last_lines};
use crate::client::Client;

/// How long the processes may take to be ready.
const READY_WAIT: Duration = Duration::from_secs(60);
/// How long they may take to stop before they are killed.
const STOP_WAIT: Duration = Duration::from_secs(40);
/// How long executors that have nothing to do may take to leave before the scheduler does.
const LEAVE_WAIT: Duration = Duration::from_secs(2);
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(100);
const PROCESSES: &str = "processes.json";
const WORK: &str = "work";
const LOGS: &str = "logs";
/// What the names of all our processes begin with.
const NAME: &str = "cinemill";

/// What is asked for.
#[derive(Debug, Clone)]
pub struct LocalCluster {
    /// State, logs and process ids.
    pub folder: PathBuf,
    pub port: u16,
    pub executors: usize,
    pub vcores: usize,
}

/// The processes of a running cluster.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Processes {
    /// `host:port`.
    pub scheduler: String,
    /// The scheduler's, once it was started.
    scheduler_pid: i32,
    /// In the order of their start.
    pub executors: Vec<ExecutorProcess>,
    vcores: usize,
    /// How many executors were ever started: the number of the next.
    started: usize,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ExecutorProcess {
    pub pid: i32,
    /// Names its log and its work folder.
    number: usize,
    #[serde(default)]
    pub started_at: Option<DateTime<Utc>>,
}

impl Processes {
    pub fn scheduler_pid(&self) -> i32 {
        self.scheduler_pid
    }

    fn pids(&self) -> impl Iterator<Item = i32> + Clone {
        let executors = self.executors.iter().map(|executor| executor.pid);
        [self.scheduler_pid].into_iter().chain(executors)
    }
}

impl ExecutorProcess {
    pub fn work_dir(&self, folder: &Path) -> PathBuf {
        let name = format!("executor-{}", self.number);
        folder.join(WORK).join(name)
    }

    /// The id that the executor gave itself.
    pub fn id(&self, folder: &Path) -> Result<String> {
        let own = format!("cinemill-executor-{}", self.pid);
        let path = self.work_dir(folder).join(own).join("executor-id");
        std::fs::read_to_string(&path)
            .map_err(|cause| Error::new(Kind::Retryable, "read", path.display(), cause))
    }
}

/// Starts the scheduler and the executors, and returns when all are ready.
pub async fn start(cluster: &LocalCluster) -> Result<Client> {
    if read(&cluster.folder)?.is_some_and(|running| running.pids().any(is_alive)) {
        let cause = "a cluster is running already";
        return Err(Error::new(
            Kind::Usage,
            "start cluster in",
            cluster.folder.display(),
            cause,
        )
        .hint(format!(
            "stop it with `cinemill cluster stop --state-dir {}`",
            cluster.folder.display()
        )));
    }
    let logs = cluster.folder.join(LOGS);
    // Shuffle files of executors that were killed are of no use to anybody.
    match std::fs::remove_dir_all(cluster.folder.join(WORK)) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
            return Err(in_folder(&cluster.folder, &cause));
        }
        _ => {}
    }
    std::fs::create_dir_all(&logs).map_err(|cause| in_folder(&cluster.folder, &cause))?;
    let address = format!("127.0.0.1:{}", cluster.port);
    // Or the executors would join whoever listens there.
    drop(TcpListener::bind(&address).map_err(|cause| {
        Error::new(Kind::Final, "listen on", &address, cause).hint("name another --port")
    })?);
    let mut processes = Processes {
        scheduler: address.clone(),
        vcores: cluster.vcores,
        ..Processes::default()
    };
    let started = start_all(cluster, &logs, &mut processes).await;
    if let Err(error) = started {
        terminate(&processes).await;
        // Nothing of it is left that anybody could stop.
        let _ = std::fs::remove_file(cluster.folder.join(PROCESSES));
        return Err(error);
    }
    Client::new(&address)
}

async fn start_all(cluster: &LocalCluster, logs: &Path, processes: &mut Processes) -> Result<()> {
    let mut scheduler = command("cinemill-scheduler")?;
    scheduler
        .args(["--port", &cluster.port.to_string(), "--state-dir"])
        .arg(&cluster.folder);
    processes.scheduler_pid = spawn(scheduler, &logs.join("scheduler.log"))?;
    write(&cluster.folder, processes)?;
    for _ in 0..cluster.executors {
        start_executor(&cluster.folder, processes, cluster.executors)?;
    }
    wait_until_ready(&cluster.folder, processes).await
}

/// Starts one more executor. `executors` is how many the machine shall have.
pub(super) fn start_executor(
    folder: &Path,
    processes: &mut Processes,
    executors: usize,
) -> Result<()> {
    let number = processes.started;
    let mut process = ExecutorProcess {
        pid: 0,
        number,
        started_at: Some(Utc::now()),
    };
    let mut executor = command("cinemill-executor")?;
    executor
        .args(["--scheduler", &processes.scheduler])
        .args(["--vcores", &processes.vcores.to_string()])
        .arg("--work-dir")
        .arg(process.work_dir(folder))
        // A machine is shared by all of its executors.
        .args(memory_share(executors));
    let log = folder.join(LOGS).join(format!("executor-{number}.log"));
    process.pid = spawn(executor, &log)?;
    processes.started += 1;
    processes.executors.push(process);
    write(folder, processes)
}

fn memory_share(executors: usize) -> Vec<String> {
    let Some(machine) = cinemill_engine::memory::machine_bytes() else {
        return Vec::new();
    };
    let share_mb = (machine >> 20) * 6 / 10 / executors.max(1) as u64;
    vec!["--memory-mb".to_owned(), share_mb.to_string()]
}

/// The binaries lie beside this one.
fn command(name: &str) -> Result<Command> {
    let own =
        std::env::current_exe().map_err(|cause| Error::new(Kind::Final, "find", name, cause))?;
    let path = own.with_file_name(name);
    if !path.is_file() {
        let cause = format!("{} does not exist", path.display());
        return Err(Error::new(Kind::Final, "start", name, cause)
            .hint("the three binaries belong in one folder"));
    }
    Ok(Command::new(path))
}

/// Starts a process and answers its id.
fn spawn(mut command: Command, log: &Path) -> Result<i32> {
    let spawned = File::create(log).and_then(|file| {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file);
        // Ctrl-C in the terminal that started the cluster is not meant for it.
        command.process_group(0).spawn()
    });
    let mut child = spawned.map_err(|cause| {
        Error::new(
            Kind::Final,
            "start",
            command.get_program().to_string_lossy(),
            cause,
        )
    })?;
    let pid = i32::try_from(child.id()).unwrap_or_default();
    // An autoscaler may outlive it.
    std::thread::spawn(move || child.wait());
    Ok(pid)
}

/// Waits until the scheduler knows all executors.
pub(super) async fn wait_until_ready(folder: &Path, processes: &Processes) -> Result<()> {
    let client = Client::new(&processes.scheduler)?;
    let began = Instant::now();
    loop {
        let known = client.executors().await.unwrap_or_default();
        let is_known = |executor: &ExecutorProcess| {
            let id = executor.id(folder);
            id.is_ok_and(|id| known.iter().any(|known| known.id == id))
        };
        let dead = processes.pids().any(|pid| !is_alive(pid));
        if !dead && client.slots().await.is_ok() && processes.executors.iter().all(is_known) {
            return Ok(());
        }
        if dead || began.elapsed() > READY_WAIT {
            let cause = if dead {
                "a process ended at once"
            } else {
                "it is not ready in time"
            };
            return Err(Error::new(Kind::Unreachable, "start", "the cluster", cause)
                .hint(format!("its logs are in {}", folder.join(LOGS).display())));
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Stops the cluster of a folder; false where none is running.
pub async fn stop(folder: &Path) -> Result<bool> {
    let Some(processes) = read(folder)? else {
        return Ok(false);
    };
    let alive = processes.pids().any(is_alive);
    // Or they would go on when a cluster is started in this folder again. A scheduler that is gone
    // cannot be asked.
    if is_alive(processes.scheduler_pid) {
        let _ = Client::new(&processes.scheduler)?.cancel_all().await;
    }
    terminate(&processes).await;
    std::fs::remove_file(folder.join(PROCESSES)).map_err(|cause| in_folder(folder, &cause))?;
    Ok(alive)
}

/// The ends of the logs of the cluster's processes, or of one of them.
///
/// # Errors
/// `Input` where there are none.
pub fn logs(folder: &Path, query: &LogQuery) -> Result<Vec<Log>> {
    let logs = folder.join(LOGS);
    let wanted = |name: &str| query.node.as_deref().is_none_or(|node| node == name);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&logs)
        .map_err(|cause| Error::new(Kind::Input, "read logs in", logs.display(), cause))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    files.sort();
    let mut found = Vec::new();
    for file in files {
        let name = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if !wanted(&name) {
            continue;
        }
        let text = std::fs::read(&file)
            .map_err(|cause| Error::new(Kind::Input, "read", file.display(), cause))?;
        let lines = last_lines(&String::from_utf8_lossy(&text), query.lines);
        found.push(Log { name, lines });
    }
    if found.is_empty() {
        let cause = "there are none";
        return Err(Error::new(
            Kind::Input,
            "read logs in",
            logs.display(),
            cause,
        ));
    }
    Ok(found)
}

/// Executors first, so that the scheduler sees them leave.
async fn terminate(processes: &Processes) {
    let executors = || processes.pids().skip(1);
    executors().for_each(|pid| signal(pid, Signal::TERM));
    ended(executors(), LEAVE_WAIT).await;
    signal(processes.scheduler_pid, Signal::TERM);
    if !ended(processes.pids(), STOP_WAIT).await {
        processes.pids().for_each(|pid| signal(pid, Signal::KILL));
    }
}

/// Waits for the end of processes; false where they take too long.
async fn ended(pids: impl Iterator<Item = i32> + Clone, wait: Duration) -> bool {
    let began = Instant::now();
    while pids.clone().any(is_alive) {
        if began.elapsed() > wait {
            return false;
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    true
}

pub(super) fn signal(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        // A process that is gone already has done what it was told.
        let _ = kill_process(pid, signal);
    }
}

/// Whether a process of ours is alive. One that has ended but was not waited for (a child of this
/// one) is not, nor is a stranger that got its number since.
pub(super) fn is_alive(pid: i32) -> bool {
    let exists = Pid::from_raw(pid).is_some_and(|pid| test_kill_process(pid).is_ok());
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat
        .rsplit(") ")
        .next()
        .and_then(|rest| rest.chars().next());
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    exists && state != Some('Z') && name.starts_with(NAME)
}

pub(super) fn read(folder: &Path) -> Result<Option<Processes>> {
    match std::fs::read(folder.join(PROCESSES)) {
        Ok(json) => serde_json::from_slice(&json).map(Some).map_err(|cause| {
            let path = folder.join(PROCESSES);
            Error::new(Kind::Final, "understand", path.display(), cause)
                .hint("end the cluster's processes by hand, and remove that file")
        }),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(in_folder(folder, &cause)),
    }
}

pub(super) fn write(folder: &Path, processes: &Processes) -> Result<()> {
    let json = serde_json::to_vec(processes)
        .map_err(|cause| Error::new(Kind::Final, "write", "process ids", cause))?;
    let (path, fresh) = (folder.join(PROCESSES), folder.join("processes.json.new"));
    std::fs::write(&fresh, json)
        .and_then(|()| std::fs::rename(&fresh, &path))
        .map_err(|cause| in_folder(folder, &cause))
}

pub(super) fn in_folder(folder: &Path, cause: &std::io::Error) -> Error {
    Error::new(Kind::Final, "use cluster folder", folder.display(), cause)
}

//! Changes the number of executors of a cluster on this machine.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use cinemill_engine::error::{Error, Kind, Result};
use rustix::process::Signal;

use super::local::{
    ExecutorProcess, POLL_INTERVAL, Processes, in_folder, is_alive, read, signal, start_executor,
    wait_until_ready, write,
};
use super::{Description, Node, Role, Shape, Target};

/// How long the process of an executor that has left may take to end.
const END_WAIT: Duration = Duration::from_secs(15);

/// The cluster that `cluster local` started in a folder, resized by nobody else meanwhile.
#[derive(Debug)]
pub struct LocalTarget {
    folder: PathBuf,
    /// Kept for its hold; `None` for who only looks.
    _lock: Option<File>,
}

impl LocalTarget {
    /// # Errors
    /// `Usage` where no cluster runs there, `Retryable` while another process resizes it.
    pub fn open(folder: &Path) -> Result<Self> {
        running(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            _lock: Some(lock(folder)?),
        })
    }

    /// As [`LocalTarget::open`], only to be looked at.
    ///
    /// # Errors
    /// `Usage` where no cluster runs there.
    pub fn look(folder: &Path) -> Result<Self> {
        running(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            _lock: None,
        })
    }
}

#[async_trait]
impl Target for LocalTarget {
    fn is_local(&self) -> bool {
        true
    }

    async fn describe(&self) -> Result<Description> {
        let processes = running(&self.folder)?;
        Ok(describe(&self.folder, &processes))
    }

    async fn request(&self, executors: usize) -> Result<()> {
        let mut processes = running(&self.folder)?;
        for _ in processes.executors.len()..executors {
            start_executor(&self.folder, &mut processes, executors)?;
        }
        wait_until_ready(&self.folder, &processes).await
    }

    /// Nobody replaces a process.
    async fn hold(&self, _executors: usize, _drain_deadline_s: u64) -> Result<()> {
        Ok(())
    }

    /// Waits for the end of the processes, and strikes them off, with all that have ended.
    async fn release(&self, _executors: usize, leaving: &[Node]) -> Result<()> {
        // With those that have ended since.
        let mut processes = started(&self.folder)?;
        let is_leaving = |executor: &ExecutorProcess| {
            let pid = executor.pid.to_string();
            !is_alive(executor.pid) || leaving.iter().any(|node| node.id == pid)
        };
        let (leaving, staying) = processes.executors.into_iter().partition(is_leaving);
        processes.executors = staying;
        let leaving: Vec<ExecutorProcess> = leaving;
        // Some never came so far as to be drained.
        leaving
            .iter()
            .for_each(|executor| signal(executor.pid, Signal::TERM));
        let began = Instant::now();
        while leaving.iter().any(|executor| is_alive(executor.pid)) && began.elapsed() < END_WAIT {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        leaving
            .iter()
            .for_each(|executor| signal(executor.pid, Signal::KILL));
        write(&self.folder, &processes)?;
        for executor in leaving {
            // Nobody needs its shuffle files any more.
            let _ = std::fs::remove_dir_all(executor.work_dir(&self.folder));
        }
        Ok(())
    }
}

fn describe(folder: &Path, processes: &Processes) -> Description {
    let executors = processes.executors.iter();
    let nodes: Vec<Node> = executors.map(|executor| node(folder, executor)).collect();
    Description {
        platform: "local",
        id: folder.display().to_string(),
        name: folder.display().to_string(),
        state: "running".to_owned(),
        reason: None,
        scheduler: Some(processes.scheduler.clone()),
        created_at: None,
        executors: nodes.len(),
        executor_shape: None,
        executors_are_spot: false,
        nodes,
    }
}

fn node(folder: &Path, executor: &ExecutorProcess) -> Node {
    Node {
        id: executor.pid.to_string(),
        role: Role::Executor,
        is_fixed: false,
        shape: Shape::Process,
        is_spot: false,
        state: "running".to_owned(),
        names: executor.id(folder).into_iter().collect(),
        started_at: executor.started_at,
    }
}

/// The cluster, without executors that have ended.
fn running(folder: &Path) -> Result<Processes> {
    let mut processes = started(folder)?;
    processes
        .executors
        .retain(|executor| is_alive(executor.pid));
    Ok(processes)
}

/// The cluster, with executors that may have ended.
fn started(folder: &Path) -> Result<Processes> {
    let processes = read(folder)?.filter(|processes| is_alive(processes.scheduler_pid()));
    processes.ok_or_else(|| {
        let cause = "no cluster runs there";
        Error::new(Kind::Usage, "find cluster in", folder.display(), cause)
            .hint("start one with `cinemill cluster local`")
    })
}

/// Held while a cluster is being resized.
fn lock(folder: &Path) -> Result<File> {
    let file = File::options()
        .create(true)
        .append(true)
        .open(folder.join("scale.lock"))
        .map_err(|cause| in_folder(folder, &cause))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let cause = "another process resizes it";
            Err(Error::new(
                Kind::Retryable,
                "scale cluster in",
                folder.display(),
                cause,
            ))
        }
        Err(TryLockError::Error(cause)) => Err(in_folder(folder, &cause)),
    }
}

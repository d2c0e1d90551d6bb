//! Changes the number of executors of a cluster on this machine.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use cinemill_engine::error::{Error, Kind, Result};

use super::local::{
    POLL_INTERVAL, Processes, in_folder, is_alive, read, start_executor, wait_until_ready, write,
};
use super::{ScaleTarget, Scaled};
use crate::client::Client;
use crate::fleet::DrainState;

/// How long after its deadline an executor may take to end.
const END_WAIT: Duration = Duration::from_secs(15);

/// The cluster that `cluster local` started in a folder.
#[derive(Debug, Clone)]
pub struct LocalTarget {
    pub folder: PathBuf,
}

#[async_trait]
impl ScaleTarget for LocalTarget {
    async fn scale(&self, executors: usize, drain_deadline_s: u64) -> Result<Scaled> {
        let _lock = lock(&self.folder)?;
        let mut processes = self.running()?;
        let now = processes.executors.len();
        for _ in now..executors {
            start_executor(&self.folder, &mut processes, executors)?;
        }
        if executors > now {
            wait_until_ready(&self.folder, &processes).await?;
        }
        let mut scaled = Scaled {
            started: executors.saturating_sub(now),
            drained: 0,
            cut_off: 0,
        };
        // The newest first: they have the least.
        let client = Client::new(&processes.scheduler)?;
        let surplus = processes.executors.iter().skip(executors).rev();
        let ids = surplus.map(|executor| executor.id(&self.folder));
        let ids = ids.collect::<Result<Vec<String>>>()?;
        // All at once, so that none of them takes over what another one gave up.
        for id in &ids {
            client.drain(id, drain_deadline_s).await?;
        }
        let deadline = Duration::from_secs(drain_deadline_s) + END_WAIT;
        for id in &ids {
            match left(&client, id, drain_deadline_s, deadline).await? {
                DrainState::LeftClean => scaled.drained += 1,
                _ => scaled.cut_off += 1,
            }
        }
        self.forget_ended(&mut processes, executors, deadline)
            .await?;
        Ok(scaled)
    }
}

impl LocalTarget {
    /// The cluster, without executors that died by themselves.
    fn running(&self) -> Result<Processes> {
        let processes = read(&self.folder)?.filter(|processes| is_alive(processes.scheduler_pid()));
        let mut processes = processes.ok_or_else(|| {
            let cause = "no cluster runs there";
            Error::new(
                Kind::Usage,
                "scale cluster in",
                self.folder.display(),
                cause,
            )
            .hint("start one with `cinemill cluster local`")
        })?;
        processes
            .executors
            .retain(|executor| is_alive(executor.pid));
        Ok(processes)
    }

    /// Waits for the end of the processes that left, and strikes them off.
    async fn forget_ended(
        &self,
        processes: &mut Processes,
        executors: usize,
        wait: Duration,
    ) -> Result<()> {
        let began = Instant::now();
        let surplus = processes
            .executors
            .split_off(executors.min(processes.executors.len()));
        while surplus.iter().any(|executor| is_alive(executor.pid)) && began.elapsed() < wait {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        write(&self.folder, processes)?;
        for executor in surplus {
            // Nobody needs its shuffle files any more.
            let _ = std::fs::remove_dir_all(executor.work_dir(&self.folder));
        }
        Ok(())
    }
}

/// How an executor left.
async fn left(client: &Client, id: &str, deadline_s: u64, wait: Duration) -> Result<DrainState> {
    let began = Instant::now();
    loop {
        let drain = client.drain(id, deadline_s).await?;
        if drain.state != DrainState::Draining || began.elapsed() > wait {
            return Ok(drain.state);
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
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
            let cause = "it is being scaled already";
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

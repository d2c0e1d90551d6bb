//! The server's processes.

use std::fs::{self, File};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::data::Data;
use super::programs::command;
use crate::processes::{Result, is_alive, poll, send};

/// How long a server gets to end its processes before they are killed.
const GRACE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(5);

pub(super) struct Server {
    postmaster: Child,
}

impl Server {
    /// Returns before it takes connections.
    pub fn start(data: &Data) -> Result<Self> {
        let log = File::options().create(true).append(true).open(data.log())?;
        let postmaster = command("postgres", data.owner, data.folder())?
            .arg("-D")
            .arg(data.cluster())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        Ok(Self { postmaster })
    }

    pub fn is_over(&mut self) -> bool {
        !matches!(self.postmaster.try_wait(), Ok(None))
    }

    /// As if every process of it had crashed at once.
    pub fn kill(&mut self) -> Result<()> {
        let pid = self.postmaster.id().cast_signed();
        // One that stands still starts no further processes.
        send(pid, Signal::STOP);
        let children = children_of(pid)?;
        send(pid, Signal::KILL);
        for child in &children {
            send(*child, Signal::KILL);
        }
        self.postmaster.wait()?;
        let is_gone = || !children.iter().any(|child| is_alive(*child));
        poll("PostgreSQL's processes to end", || is_gone().then_some(()))
    }

    /// Ends it without a checkpoint, but with all that it holds of the system released.
    fn stop(&mut self) -> Result<()> {
        send(self.postmaster.id().cast_signed(), Signal::QUIT);
        let began = Instant::now();
        while began.elapsed() < GRACE {
            if self.is_over() {
                return Ok(());
            }
            std::thread::sleep(PAUSE);
        }
        self.kill()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.is_over() {
            // There is nobody to tell.
            let _ = self.stop();
        }
    }
}

fn children_of(parent: i32) -> Result<Vec<i32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // The name, in brackets, may hold anything; the state and the parent's id follow it.
        let parent_of = stat.rsplit(") ").next().and_then(|s| s.split(' ').nth(1));
        if parent_of.is_some_and(|text| text == parent.to_string()) {
            found.push(pid);
        }
    }
    Ok(found)
}

//! The product's programs as processes: started, watched, signalled, and never left behind.

use std::error::Error;
use std::fs::File;
use std::net::TcpListener;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tempfile::tempfile;

use crate::s3::S3Server;

pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// How long anything may take before a test gives up on it.
pub const LIMIT: Duration = Duration::from_secs(150);
const POLL: Duration = Duration::from_millis(10);

/// A program of this build: beside this one, or beside the folder of this one, which is where Cargo
/// puts tests.
pub fn binary(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folders = own.ancestors().skip(1).take(2);
    let mut paths = folders.map(|folder| folder.join(name));
    paths.find(|path| path.is_file()).ok_or_else(|| {
        let hint = "build it first: cargo build --release --workspace";
        format!("{name} is missing; {hint}").into()
    })
}

/// Looks again and again until there is an answer.
pub fn poll<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> Result<T> {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if began.elapsed() > LIMIT {
            return Err(format!("waited for {LIMIT:?} in vain: {what}").into());
        }
        thread::sleep(POLL);
    }
}

/// A port of loopback that is free now.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// A path as an argument.
pub fn text(path: &Path) -> Result<String> {
    Ok(path.to_str().ok_or("a path that is no text")?.to_owned())
}

/// The command line `cinemill`, with an environment of its own.
#[derive(Debug, Clone, Default)]
pub struct Cinemill {
    environment: Vec<(String, String)>,
}

impl Cinemill {
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    #[must_use]
    pub fn with_s3(mut self, server: &S3Server) -> Self {
        self.environment.extend(server.environment());
        self
    }

    /// Starts it and returns at once.
    pub fn start(&self, arguments: &[&str]) -> Result<Running> {
        let mut command = command("cinemill", &self.environment)?;
        command.args(arguments);
        Running::start(command)
    }

    /// Runs it to its end.
    pub fn run(&self, arguments: &[&str]) -> Result<Ended> {
        self.start(arguments)?.wait()
    }
}

/// A program of this build that sees nothing of the machine's own stores and schedulers.
pub fn command(name: &str, environment: &[(String, String)]) -> Result<Command> {
    let mut command = Command::new(binary(name)?);
    for (variable, _) in std::env::vars_os() {
        let text = variable.to_string_lossy();
        if text.starts_with("AWS_") || text.starts_with("CINEMILL_") || text == "RUST_LOG" {
            command.env_remove(&variable);
        }
    }
    command.envs(environment.iter().cloned());
    Ok(command)
}

/// A process that goes on. It is killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    words: String,
    stdout: File,
    stderr: File,
}

impl Running {
    pub fn start(mut command: Command) -> Result<Self> {
        let (stdout, stderr) = (tempfile()?, tempfile()?);
        command
            .stdin(Stdio::null())
            .stdout(stdout.try_clone()?)
            .stderr(stderr.try_clone()?);
        Ok(Self {
            child: command.spawn()?,
            words: format!("{command:?}"),
            stdout,
            stderr,
        })
    }

    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// What it wrote to standard error so far.
    pub fn said(&mut self) -> Result<String> {
        text_of(&self.stderr)
    }

    pub fn is_over(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    pub fn signal(&self, signal: Signal) {
        send(self.pid(), signal);
    }

    /// As the power failing, for this process.
    pub fn kill(mut self) -> Result<Ended> {
        self.child.kill()?;
        self.wait()
    }

    pub fn wait(mut self) -> Result<Ended> {
        let waited = poll("the end of a process", || self.child.try_wait().transpose());
        let Ok(status) = waited else {
            let (words, said) = (&self.words, text_of(&self.stderr)?);
            return Err(format!("it does not end: {words}\n{said}").into());
        };
        self.ended(status?)
    }

    /// As [`Running::wait`], within a limit of its own; `None` where it has not ended by then.
    pub fn wait_at_most(mut self, limit: Duration) -> Result<Option<Ended>> {
        let began = Instant::now();
        while began.elapsed() < limit {
            if let Some(status) = self.child.try_wait()? {
                return self.ended(status).map(Some);
            }
            thread::sleep(POLL);
        }
        Ok(None)
    }

    fn ended(&self, status: ExitStatus) -> Result<Ended> {
        Ok(Ended {
            status,
            stdout: text_of(&self.stdout)?,
            stderr: text_of(&self.stderr)?,
            words: self.words.clone(),
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads without moving the position, which the process shares.
fn text_of(file: &File) -> Result<String> {
    let mut bytes = vec![0; usize::try_from(file.metadata()?.len())?];
    let read = file.read_at(&mut bytes, 0)?;
    bytes.truncate(read);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// How a process ended.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
    pub words: String,
}

impl Ended {
    /// The exit code; `None` for a process that was killed.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Whether standard output or standard error holds a text.
    pub fn says(&self, text: &str) -> bool {
        self.stdout.contains(text) || self.stderr.contains(text)
    }
}

/// Sends a signal to a process that a test started. One that is gone already needs none.
pub fn send(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _ = kill_process(pid, signal);
    }
}

/// Whether a process exists and has not ended.
pub fn is_alive(pid: i32) -> bool {
    let exists = Pid::from_raw(pid).is_some_and(|pid| test_kill_process(pid).is_ok());
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let is_zombie = stat.rsplit(") ").next().is_some_and(|s| s.starts_with('Z'));
    exists && !is_zombie
}

/// The process ended with this code, and said these things.
#[track_caller]
pub fn assert_code(ended: &Ended, code: i32, texts: &[&str]) {
    let Ended {
        stdout,
        stderr,
        words,
        status,
    } = ended;
    let told = format!("{words}\n{status}\n--- stdout\n{stdout}\n--- stderr\n{stderr}");
    assert_eq!(ended.code(), Some(code), "{told}");
    for text in texts {
        assert!(ended.says(text), "`{text}` is not said by {told}");
    }
    assert!(!stderr.contains("panicked"), "{told}");
}

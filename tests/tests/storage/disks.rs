//! Disks that are full, and what is left on them.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use cinemill_tests::processes::{Cinemill, Running, command, poll};
use cinemill_tests::s3::Moment;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::fixture::{Disk, Lake, assert_code, run, text, write_input};

const TITLES: u64 = 100_000;

/// Input, output, and a folder that may be a disk of its own.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self {
            folder: TempDir::new().unwrap(),
        };
        write_input(&place.folder.path().join("in"), TITLES);
        fs::create_dir(place.folder.path().join("disk")).unwrap();
        place
    }

    fn path(&self, name: &str) -> String {
        text(&self.folder.path().join(name)).to_owned()
    }

    fn job(&self, verb: &str, output: &str, more: &[&str]) -> Vec<String> {
        let words = [
            verb,
            "imdb_titles",
            "--input",
            &self.path("in"),
            "--output",
            output,
        ];
        let words = words.iter().chain(more);
        words.map(|word| (*word).to_owned()).collect()
    }
}

fn words(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

/// The folders of processes below a common one.
fn folders(common: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(common).unwrap().flatten();
    let folders = entries.filter(|entry| entry.path().is_dir());
    folders
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

/// The folders of jobs below those of executors. Others there are the operators' for temporary
/// files; empty ones are kept for a while.
fn jobs(common: &str) -> BTreeSet<String> {
    let of_executor = folders(common).into_iter();
    let below = of_executor.flat_map(|folder| folders(text(&Path::new(common).join(folder))));
    below
        .filter(|name| !name.starts_with("datafusion-"))
        .collect()
}

#[test]
fn a_full_output_disk_is_named() {
    let place = Place::new();
    let Some(_disk) = Disk::mount(&place.folder.path().join("disk"), "256k") else {
        return;
    };
    let output = place.path("disk/out");
    let ended = Cinemill::default().run(&words(&place.job("run", &output, &[])));
    assert_code(
        &ended.unwrap(),
        20,
        &[
            "error: failed to write",
            &output,
            "o space left",
            "hint: free",
        ],
    );
}

#[test]
fn a_full_spill_disk_is_named() {
    let place = Place::new();
    let Some(_disk) = Disk::mount(&place.folder.path().join("disk"), "256k") else {
        return;
    };
    let spill = place.path("disk");
    let more = ["--spill-dir", &spill, "--memory-mb", "40"];
    let job = place.job("run", &place.path("out"), &more);
    let ended = Cinemill::default().run(&words(&job)).unwrap();
    assert_code(&ended, 20, &["no space is left in", &spill, "--spill-dir"]);
    assert_eq!(folders(&spill), BTreeSet::new());
}

#[test]
fn spilled_files_go_with_their_run_or_with_the_next() {
    let place = Place::new();
    let spill = place.path("disk");
    let job = place.job("run", &place.path("out"), &["--spill-dir", &spill]);
    let running = Cinemill::default().start(&words(&job)).unwrap();
    poll("a spill folder", || {
        (!folders(&spill).is_empty()).then_some(())
    })
    .unwrap();
    running.kill().unwrap();
    assert_eq!(folders(&spill).len(), 1);
    assert_code(&Cinemill::default().run(&words(&job)).unwrap(), 0, &[]);
    assert_eq!(folders(&spill), BTreeSet::new());
}

#[test]
fn a_full_work_disk_of_an_executor_is_named() {
    let place = Place::new();
    let Some(_disk) = Disk::mount(&place.folder.path().join("disk"), "512k") else {
        return;
    };
    let work = place.path("disk");
    let cluster = Processes::start(&[&work], Vec::new());
    let submit = place.job("submit", &place.path("out"), &[]);
    let ended = cluster.cinemill().run(&words(&submit));
    assert_code(
        &ended.unwrap(),
        20,
        &["no space is left in", &work, "--work-dir"],
    );
    poll("the shuffle files to go", || {
        // That of a job before it, which succeeded, is kept for a while.
        (jobs(&work).len() <= 1).then_some(())
    })
    .unwrap();
}

#[test]
fn the_shuffle_files_of_a_cancelled_run_go() {
    let lake = Lake::new();
    let folder = TempDir::new().unwrap();
    let work = text(folder.path()).to_owned();
    let cluster = Processes::start(&[&work, &work], lake.environment());
    let hold = lake
        .server()
        .faults()
        .hold(Some("PUT"), "partNumber=", Moment::Before);
    let submit = run("submit", "s3://lake/out", "r1");
    let client = cluster.cinemill().start(&submit).unwrap();
    poll("a part", || (hold.waiting() > 0).then_some(())).unwrap();
    let before = jobs(&work);
    assert!(!before.is_empty());
    assert_code(&cluster.cinemill().run(&["cancel", "r1"]).unwrap(), 0, &[]);
    hold.release();
    assert_code(&client.wait().unwrap(), 22, &[]);
    poll("the shuffle files to go", || {
        (!jobs(&work).is_superset(&before)).then_some(())
    })
    .unwrap();
    lake.assert_nothing_is_left("out");
}

#[test]
fn an_executors_files_go_with_it_or_with_the_next() {
    let place = Place::new();
    let work = place.path("disk");
    let mut cluster = Processes::start(&[&work], Vec::new());
    let left = folders(&work);
    assert_eq!(left.len(), 1);
    cluster.executors.remove(0).kill().unwrap();
    assert_eq!(folders(&work), left);

    cluster.add_executor(&work);
    cluster.add_executor(&work);
    cluster.wait_for_executors();
    let made = folders(&work);
    assert!(made.len() == 2 && made.is_disjoint(&left), "{made:?}");
    for executor in cluster.executors.drain(..) {
        executor.signal(Signal::TERM);
        assert_eq!(executor.wait().unwrap().code(), Some(0));
    }
    assert_eq!(folders(&work), BTreeSet::new());
}

/// A scheduler, and executors with work folders of choice.
struct Processes {
    executors: Vec<Running>,
    environment: Vec<(String, String)>,
    address: String,
    _scheduler: Running,
    _state: TempDir,
}

impl Processes {
    fn start(work_dirs: &[&str], environment: Vec<(String, String)>) -> Self {
        let state = TempDir::new().unwrap();
        let free = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = free.local_addr().unwrap().port().to_string();
        drop(free);
        let mut scheduler = command("cinemill-scheduler", &environment).unwrap();
        scheduler.args(["--port", &port, "--state-dir", text(state.path())]);
        let mut cluster = Self {
            executors: Vec::new(),
            environment,
            address: format!("127.0.0.1:{port}"),
            _scheduler: Running::start(scheduler).unwrap(),
            _state: state,
        };
        for work_dir in work_dirs {
            cluster.add_executor(work_dir);
        }
        cluster.wait_for_executors();
        cluster
    }

    fn add_executor(&mut self, work_dir: &str) {
        let mut executor = command("cinemill-executor", &self.environment).unwrap();
        executor.args(["--scheduler", &self.address, "--vcores", "1"]);
        executor.args(["--work-dir", work_dir]);
        self.executors.push(Running::start(executor).unwrap());
    }

    /// Waits until the scheduler knows all of the executors.
    fn wait_for_executors(&mut self) {
        for executor in &mut self.executors {
            let registered = || {
                let port = executor.said().ok()?.split_once(" port=")?.1.to_owned();
                let port = port.split_whitespace().next()?;
                let known = get(&self.address, "/v1/executors")?;
                known.contains(&format!("\"port\":{port},")).then_some(())
            };
            poll("an executor", registered).unwrap();
            let pid = executor.pid();
            poll("its signals", || handles_sigterm(pid).then_some(())).unwrap();
        }
    }

    fn cinemill(&self) -> Cinemill {
        let cinemill = Cinemill::default().with("CINEMILL_SCHEDULER", &self.address);
        let with =
            |cinemill: Cinemill, (name, value): &(String, String)| cinemill.with(name, value);
        self.environment.iter().fold(cinemill, with)
    }
}

/// The answer of a server; `None` where there is none.
fn get(address: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// Whether a process has said what SIGTERM is to do to it.
fn handles_sigterm(pid: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok());
    caught.is_some_and(|mask| mask & (1 << (Signal::TERM.as_raw() - 1)) != 0)
}

//! A cluster over a lake in which the writing of a table can be held up.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use cinemill_tests::cluster::Cluster;
use cinemill_tests::processes::{Cinemill, Ended, Running, command, poll};
use cinemill_tests::published::{Published, Rows};
use cinemill_tests::s3::{Hold, Moment, S3Server};
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

const JOB: &str = "imdb_titles";
const TITLES: &str = "5000";

pub struct Site {
    pub cluster: Cluster,
    server: S3Server,
    folder: TempDir,
}

impl Site {
    /// With executors of one slot each.
    pub fn start(executors: usize) -> Self {
        let folder = TempDir::new().unwrap();
        let server = S3Server::start_blocking(&folder.path().join("s3")).unwrap();
        server.create_bucket("lake").unwrap();
        let cluster = Cluster::start_on_s3(executors, &server).unwrap();
        Self {
            cluster,
            server,
            folder,
        }
    }

    /// From now on each task that writes to the table stops before its first byte.
    pub fn hold(&self, table: &str) -> Hold {
        let target = format!("/lake/{table}/");
        self.server
            .faults()
            .hold(Some("POST"), &target, Moment::Before)
    }

    /// Begins a run that writes to the table; it has the table's name.
    pub fn submit(&self, table: &str, more: &[&str]) -> Running {
        let output = format!("s3://lake/{table}");
        let input = text(sample());
        let mut arguments = vec!["submit", JOB, "--input", input, "--output", &output];
        arguments.extend(["--run-id", table]);
        arguments.extend(more);
        self.cluster.cinemill().start(&arguments).unwrap()
    }

    /// The run was executed once, as a whole, and its table is right.
    #[track_caller]
    pub fn assert_done_at_once(&self, run: Running, table: &str) {
        let ended = self.assert_done(run, table);
        assert!(!ended.says("executing it again"), "{}", ended.stderr);
    }

    #[track_caller]
    pub fn assert_done(&self, run: Running, table: &str) -> Ended {
        let ended = run.wait().unwrap();
        assert_eq!(
            ended.code(),
            Some(0),
            "{}\n{}",
            ended.stderr,
            self.cluster.logs()
        );
        let found = Published::read(&self.server.object_path("lake", table)).unwrap();
        let difference = found.unwrap().rows.difference(reference());
        assert_eq!(difference, None);
        ended
    }

    /// One more executor, as a process of the test's own.
    pub fn executor(&self, more: &[&str], environment: &[(String, String)]) -> Executor {
        let work_dir = TempDir::new_in(self.folder.path()).unwrap();
        let mut all = self.server.environment();
        all.extend_from_slice(environment);
        let mut program = command("cinemill-executor", &all).unwrap();
        let address = self.cluster.address();
        program.args([
            "--scheduler",
            &address,
            "--vcores",
            "1",
            "--memory-mb",
            "512",
        ]);
        program.arg("--work-dir").arg(work_dir.path()).args(more);
        let process = Running::start(program).unwrap();
        let id = poll("the executor's registration", || {
            // The process's own folder is the only one there.
            let mut entries = fs::read_dir(work_dir.path()).ok()?.flatten();
            let id = entries.find_map(|e| fs::read_to_string(e.path().join("executor-id")).ok())?;
            self.executor_named(&id).map(|_| id)
        });
        Executor {
            process,
            id: id.unwrap(),
            _work_dir: work_dir,
        }
    }

    /// What `cinemill executors` says.
    pub fn executors(&self) -> Vec<Value> {
        let ended = self.cluster.run(&["executors", "--json"]).unwrap();
        let executors: Value = serde_json::from_str(&ended.stdout).unwrap_or_default();
        executors.as_array().cloned().unwrap_or_default()
    }

    pub fn executor_named(&self, id: &str) -> Option<Value> {
        self.executors()
            .into_iter()
            .find(|executor| executor["id"] == id)
    }

    /// Waits until the service says of slots what is asked for.
    #[track_caller]
    pub fn wait_for_slots(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let found = poll(what, || {
            last = serde_json::from_str(&self.get("/v1/slots")).unwrap_or_default();
            wanted(&last).then(|| last.clone())
        });
        found.unwrap_or_else(|error| panic!("{error}; it is {last}"))
    }

    pub fn get(&self, path: &str) -> String {
        let url = format!("http://{}{path}", self.cluster.address());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async { reqwest::get(url).await.unwrap().text().await.unwrap() })
    }
}

/// An executor that belongs to a test.
pub struct Executor {
    pub process: Running,
    pub id: String,
    _work_dir: TempDir,
}

impl Executor {
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Its exit code.
    pub fn code(self) -> Option<i32> {
        self.process.wait().unwrap().code()
    }
}

/// Waits until so many tasks are held before they write.
#[track_caller]
pub fn wait_for_held(hold: &Hold, tasks: usize) {
    poll(&format!("{tasks} held tasks"), || {
        (hold.waiting() == tasks).then_some(())
    })
    .unwrap();
}

fn sample() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fleet-sample");
        // One of a build before may differ.
        let _ = fs::remove_dir_all(&folder);
        let arguments = ["sample", "--titles", TITLES, "--output", text(&folder)];
        let ended = Cinemill::default().run(&arguments).unwrap();
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
        folder
    })
}

/// The rows of an embedded run.
fn reference() -> &'static Rows {
    static MADE: OnceLock<Rows> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = TempDir::new().unwrap();
        let (input, output) = (text(sample()), text(folder.path()));
        let arguments = ["run", JOB, "--input", input, "--output", output];
        let ended = Cinemill::default().run(&arguments).unwrap();
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
        Published::read(folder.path()).unwrap().unwrap().rows
    })
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

//! One run on a fleet, over a bucket, with a fault in it.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use cinemill_tests::fleet::{Flags, Fleet};
use cinemill_tests::gate::Gate;
use cinemill_tests::hosts::Network;
use cinemill_tests::processes::{Running, poll};
use cinemill_tests::published::{Published, whole};
use cinemill_tests::s3::S3Server;
use cinemill_tests::samples::{self, JOB};
use cinemill_tests::service::{Stage, Story};
use tempfile::TempDir;

pub const TITLES: u64 = 20_000;

const BUCKET: &str = "lake";
const INPUT: &str = "s3://lake/in";
const OUTPUT: &str = "s3://lake/out";

/// Path of the requests that read the input; only executors read more than a few bytes of it.
pub const OF_INPUT: &str = "/lake/in/";
/// Part of the path of the last request of a scan in the phase `write`.
pub const OF_AUDIT: &str = "/audit-";
/// Part of the query of the requests that send the rows of the output.
pub const OF_ROWS: &str = "partNumber=";
/// Part of the path of the request that publishes.
pub const OF_MANIFEST: &str = "/_manifest.json";

/// A data set, made once per run of the tests.
fn sample() -> &'static Path {
    static SAMPLE: OnceLock<PathBuf> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("chaos-sample");
        // One of a build before may differ.
        let _ = std::fs::remove_dir_all(&folder);
        samples::make(TITLES, 1, &folder).unwrap();
        folder
    })
}

/// What one process makes of the data.
fn reference() -> &'static Published {
    static REFERENCE: OnceLock<Published> = OnceLock::new();
    REFERENCE.get_or_init(|| samples::embedded(sample()).unwrap())
}

/// Dropped in this order: the processes, the store, its folder.
pub struct Case {
    pub fleet: Fleet,
    server: S3Server,
    _folder: TempDir,
}

/// A run that its client follows.
pub struct Submitted {
    pub run_id: String,
    pub client: Running,
    pub story: Story,
}

impl Case {
    pub fn new(executors: usize) -> Self {
        Self::with(|server| Fleet::start(executors, Some(server)).unwrap())
    }

    /// As [`Case::new`], with a checkpoint of every relation that could have one.
    pub fn with_checkpoints(executors: usize) -> Self {
        Self::with_scheduler(executors, ["--checkpoint-after-s", "0"])
    }

    /// As [`Case::new`], with one more flag for the scheduler.
    pub fn with_scheduler(executors: usize, flag: [&str; 2]) -> Self {
        let mut flags = Flags::default();
        flags.scheduler.extend(flag.map(str::to_owned));
        Self::with(|server| Fleet::start_with(executors, Some(server), flags).unwrap())
    }

    /// The scheduler on the first host, an executor on each of the others.
    pub fn on(network: &Network, hosts: usize) -> Self {
        Self::with(|server| Fleet::start_on(network, hosts, Some(server)).unwrap())
    }

    fn with(fleet: impl FnOnce(&S3Server) -> Fleet) -> Self {
        let folder = TempDir::new().unwrap();
        let server = S3Server::start_blocking(folder.path()).unwrap();
        server.create_bucket(BUCKET).unwrap();
        samples::copy(sample(), &server.object_path(BUCKET, "in")).unwrap();
        Self {
            fleet: fleet(&server),
            server,
            _folder: folder,
        }
    }

    /// Where the store's requests of an executor pass.
    pub fn gate(&self, executor: usize) -> &Gate {
        self.fleet.executors[executor].gate().unwrap()
    }

    /// What a client of the store needs in its environment.
    pub fn environment(&self) -> Vec<(String, String)> {
        self.server.environment()
    }

    /// Starts a run, and a client that waits for its end.
    pub fn submit(&self, run_id: &str, more: &[&str]) -> Submitted {
        let mut arguments = vec![
            "submit", JOB, "--input", INPUT, "--output", OUTPUT, "--run-id", run_id,
        ];
        arguments.extend(more);
        self.client(run_id, &arguments)
    }

    /// A client that waits for the end of a run that another one began.
    pub fn wait(&self, run_id: &str) -> Submitted {
        self.client(run_id, &["wait", run_id])
    }

    fn client(&self, run_id: &str, arguments: &[&str]) -> Submitted {
        Submitted {
            run_id: run_id.to_owned(),
            story: self.fleet.story(run_id).unwrap(),
            client: self.fleet.cinemill().start(arguments).unwrap(),
        }
    }

    /// The run succeeds; the table is its table, right and whole, and nothing else is left.
    #[track_caller]
    pub fn ends_right(&self, run: Submitted) {
        let run_id = self.succeeds(run);
        self.holds_table_of(&run_id).unwrap();
    }

    /// As [`Case::ends_right`], for a fault after which something that counts as dead may still
    /// end what it was about, and clear up after itself.
    #[track_caller]
    pub fn ends_right_in_the_end(&self, run: Submitted) {
        let run_id = self.succeeds(run);
        let table = Published::read(&self.output()).unwrap().unwrap();
        assert_eq!(table.rows.difference(&reference().rows), None);
        poll("nothing to be left behind", || {
            self.holds_table_of(&run_id).ok()
        })
        .unwrap_or_else(|error| panic!("{error}: {:?}", self.holds_table_of(&run_id)));
    }

    /// The fleet runs a job as if nothing had happened.
    #[track_caller]
    pub fn works_after(&self) {
        self.ends_right(self.submit("after", &[]));
    }

    #[track_caller]
    fn succeeds(&self, run: Submitted) -> String {
        let ended = run.client.wait().unwrap();
        let told = format!("{}\n{}", ended.stdout, ended.stderr);
        assert_eq!(ended.code(), Some(0), "{told}");
        run.run_id
    }

    fn holds_table_of(&self, run_id: &str) -> Result<(), String> {
        let table = whole(&self.output()).map_err(|error| error.to_string())?;
        if table.run_id != run_id {
            return Err(format!("the table is that of {}", table.run_id));
        }
        if let Some(difference) = table.rows.difference(&reference().rows) {
            return Err(format!("the rows differ: {difference}"));
        }
        let open = self.server.open_uploads(BUCKET).unwrap();
        match open.is_empty() {
            true => Ok(()),
            false => Err(format!("open uploads: {open:?}")),
        }
    }

    fn output(&self) -> PathBuf {
        self.server.object_path(BUCKET, "out")
    }
}

/// Whether all tasks that could begin are done but this many.
pub fn left(tasks: u64) -> impl Fn(&[Stage]) -> bool {
    move |stages| stages.iter().map(|(all, done)| all - done).sum::<u64>() == tasks
}

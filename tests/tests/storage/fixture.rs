//! A bucket with data, and what must hold of what comes of it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

pub use cinemill_tests::processes::assert_code;
use cinemill_tests::processes::{Cinemill, Ended};
use cinemill_tests::published::{Published, staged, visible_files};
use cinemill_tests::s3::S3Server;
use serde_json::Value;
use tempfile::TempDir;

pub const BUCKET: &str = "lake";
pub const INPUT: &str = "s3://lake/in";
const JOB: &str = "imdb_titles";
const TITLES: u64 = 5_000;
/// Seconds that requests are repeated for, so that a store that is down is noticed soon; the wait
/// for one answer is a quarter of it.
const PATIENCE_S: &str = "8";

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A data set with some records that do not fit.
pub fn write_input(folder: &Path, titles: u64) {
    let (titles, output) = (titles.to_string(), text(folder));
    let sample = ["sample", "--titles", &titles, "--output", output];
    assert_code(&Cinemill::default().run(&sample).unwrap(), 0, &[]);
    for (name, bad) in [
        ("title.basics.tsv", "tt0\tshort\n"),
        ("title.ratings.tsv", "tt1\tmany\tvotes\ntt2\t1.0\n"),
    ] {
        let path = folder.join(name);
        let content = fs::read_to_string(&path).unwrap() + bad;
        fs::write(path, content).unwrap();
    }
}

/// A bucket with a data set in `in`.
pub struct Lake {
    folder: TempDir,
    /// `None` while it is stopped.
    server: Option<S3Server>,
    port: u16,
    environment: Vec<(String, String)>,
}

impl Lake {
    pub fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let server = S3Server::start_blocking(folder.path()).unwrap();
        server.create_bucket(BUCKET).unwrap();
        write_input(&server.object_path(BUCKET, "in"), TITLES);
        let mut environment = server.environment();
        environment.push(("CINEMILL_STORE_PATIENCE_S".into(), PATIENCE_S.into()));
        Self {
            folder,
            port: server.port(),
            environment,
            server: Some(server),
        }
    }

    pub fn server(&self) -> &S3Server {
        self.server.as_ref().unwrap()
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn stop(&mut self) {
        self.server = None;
    }

    pub fn start(&mut self) {
        self.server = Some(S3Server::start_at(self.folder.path(), self.port).unwrap());
    }

    pub fn environment(&self) -> Vec<(String, String)> {
        self.environment.clone()
    }

    pub fn cinemill(&self) -> Cinemill {
        let with =
            |cinemill: Cinemill, (name, value): &(String, String)| cinemill.with(name, value);
        self.environment.iter().fold(Cinemill::default(), with)
    }

    pub fn run(&self, output: &str, run_id: &str) -> Ended {
        self.cinemill().run(&run("run", output, run_id)).unwrap()
    }

    /// The folder of a table as a folder on the disk.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.server().object_path(BUCKET, name)
    }

    pub fn table(&self, name: &str) -> Table {
        Table::read(&self.folder(name))
    }

    pub fn open_uploads(&self) -> Vec<String> {
        self.server().open_uploads(BUCKET).unwrap()
    }

    /// Nothing can be seen of a run but its record.
    #[track_caller]
    pub fn assert_nothing_is_left(&self, name: &str) {
        let folder = self.folder(name);
        assert_eq!(self.open_uploads(), Vec::<String>::new());
        let visible = visible_files(&folder).unwrap();
        assert!(visible.is_empty(), "visible: {visible:?}");
        let staged = staged(&folder).unwrap();
        assert!(staged.is_empty(), "staged: {staged:?}");
    }
}

/// `run` or `submit` of the job, over the bucket's data.
pub fn run<'a>(verb: &'a str, output: &'a str, run_id: &'a str) -> [&'a str; 8] {
    [
        verb, JOB, "--input", INPUT, "--output", output, "--run-id", run_id,
    ]
}

/// What a run published, with the figures that its record has of its inputs.
pub struct Table {
    published: Published,
    inputs: Value,
}

impl Table {
    /// It is whole, with nothing visible beside it.
    #[track_caller]
    pub fn read(folder: &Path) -> Self {
        let published = Published::read(folder).unwrap().expect("a published table");
        assert_eq!(visible_files(folder).unwrap(), published.files);
        let record = folder.join(format!("_runs/{}.json", published.run_id));
        let record: Value = serde_json::from_slice(&fs::read(record).unwrap()).unwrap();
        assert_eq!(record["state"], "succeeded");
        Self {
            published,
            inputs: record["summary"]["inputs"].clone(),
        }
    }

    /// The same rows, and the same rejects, file by file and reason by reason.
    #[track_caller]
    pub fn assert_same(&self, other: &Self) {
        if let Some(difference) = self.published.rows.difference(&other.published.rows) {
            panic!("the tables differ: {difference}");
        }
        assert!(self.inputs.is_array(), "{}", self.inputs);
        assert_eq!(self.inputs, other.inputs);
    }
}

/// Makes all below a folder look old.
pub fn age(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => age(&path),
            false => File::open(path)
                .and_then(|file| file.set_modified(SystemTime::UNIX_EPOCH))
                .unwrap(),
        }
    }
}

/// A small disk, where this user may make one.
pub struct Disk(PathBuf);

impl Disk {
    /// `None`, with a word about it, where mounting is not permitted.
    pub fn mount(folder: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(folder).unwrap();
        let options = format!("size={size}");
        let arguments = ["-t", "tmpfs", "-o", &options, "tmpfs", text(folder)];
        let mounted = Command::new("mount").args(arguments).output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            return Some(Self(folder.to_owned()));
        }
        eprintln!("skipped: this user may not mount");
        None
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

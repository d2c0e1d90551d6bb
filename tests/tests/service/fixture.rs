//! What the tests share: data, the table that is to come of it, and how processes must end.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

pub use cinemill_tests::processes::assert_code;
use cinemill_tests::processes::{Cinemill, poll};
use cinemill_tests::published::{Published, staged, visible_files};
use cinemill_tests::s3::S3Server;
use tempfile::TempDir;

pub const JOB: &str = "imdb_titles";

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A made-up data set and the table that one process makes of it; made once.
pub fn sample(titles: u64) -> (PathBuf, Published) {
    static MADE: Mutex<BTreeMap<u64, (PathBuf, Published)>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap_or_else(|broken| broken.into_inner());
    made.entry(titles).or_insert_with(|| make(titles)).clone()
}

fn make(titles: u64) -> (PathBuf, Published) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("service-{titles}"));
    // One of a build before may differ.
    let _ = fs::remove_dir_all(&folder);
    let titles = titles.to_string();
    let arguments = ["sample", "--titles", &titles, "--output", text(&folder)];
    assert_code(&Cinemill::default().run(&arguments).unwrap(), 0, &[]);
    let output = TempDir::new().unwrap();
    let arguments = ["run", JOB, "--input", text(&folder), "--output"];
    let arguments = [&arguments[..], &[text(output.path())]].concat();
    assert_code(&Cinemill::default().run(&arguments).unwrap(), 0, &[]);
    let table = Published::read(output.path()).unwrap().unwrap();
    (folder, table)
}

/// An S3 server with the bucket `lake`.
pub fn lake(folder: &TempDir) -> S3Server {
    let server = S3Server::start_blocking(folder.path()).unwrap();
    server.create_bucket("lake").unwrap();
    server
}

/// The run's table is published, is the one that is expected, and nothing is left beside it.
///
/// Late tasks of a scheduler that died may stage files for a while.
#[track_caller]
pub fn assert_published(folder: &Path, run_id: &str, expected: &Published) {
    let found = Published::read(folder).unwrap().expect("a table");
    assert_eq!(found.run_id, run_id);
    if let Some(difference) = found.rows.difference(&expected.rows) {
        panic!("the tables differ: {difference}");
    }
    assert_eq!(visible_files(folder).unwrap(), found.files);
    poll("late tasks' files to go", || {
        staged(folder).unwrap().is_empty().then_some(())
    })
    .unwrap();
}

#[track_caller]
pub fn assert_nothing_published(folder: &Path) {
    assert!(Published::read(folder).unwrap().is_none());
    let visible = visible_files(folder).unwrap();
    assert!(visible.is_empty(), "visible: {visible:?}");
    let left = staged(folder).unwrap();
    assert!(left.is_empty(), "left behind in _staging: {left:?}");
}

//! Runs that add to a table: the same rows as a full rebuild, less work, and nothing lost when they
//! die.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use cinemill_tests::cluster::Cluster;
use cinemill_tests::processes::{Cinemill, Ended, poll};
use cinemill_tests::published::Published;
use cinemill_tests::s3::S3Server;
use serde_json::Value;
use tempfile::TempDir;

use crate::fixture::{
    CREW, JOB, NAMES, RATINGS, Small, TITLES, assert_code, assert_fails, assert_same, readable,
    sample, text, whole,
};

const SIZE: u64 = 20_000;
/// One in so many titles came after the first snapshot.
const NEW_ONE_IN: usize = 100;
/// One in so many lines of the others was another one in the first snapshot.
const CHANGED_ONE_IN: usize = 500;

/// Two snapshots of the same data.
struct Snapshots {
    /// The second one without the new titles.
    fewer: PathBuf,
    /// The same, with other votes and names.
    older: PathBuf,
    now: PathBuf,
    /// What a full rebuild makes of the second one.
    rebuilt: Published,
    /// How many titles are new in the second one.
    new: usize,
}

impl Snapshots {
    /// What a run tells that adds the new titles and changes nothing else.
    fn added(&self) -> String {
        let (new, others) = (self.new, SIZE as usize - self.new);
        format!("{new} inserted, 0 updated, 0 deleted, {others} unchanged")
    }
}

fn snapshots() -> &'static Snapshots {
    static MADE: OnceLock<Snapshots> = OnceLock::new();
    MADE.get_or_init(|| {
        let now = sample(SIZE);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("snapshots");
        let (fewer, older) = (folder.join("fewer"), folder.join("older"));
        for to in [&fewer, &older] {
            fs::create_dir_all(to).unwrap();
            let changed = if to == &older {
                CHANGED_ONE_IN
            } else {
                usize::MAX
            };
            for (file, column) in [
                (TITLES, None),
                (CREW, None),
                (RATINGS, Some(2)),
                (NAMES, Some(1)),
            ] {
                earlier(
                    &now.join(file),
                    &to.join(file),
                    column.map(|column| (column, changed)),
                );
            }
        }
        let output = TempDir::new().unwrap();
        assert_code(&run(&now, output.path(), &[]), 0, &[]);
        let rebuilt = whole(output.path());
        let keys = rebuilt.rows.rows.iter().filter_map(|row| row[0].as_deref());
        Snapshots {
            new: keys.filter(|key| is_new(key)).count(),
            fewer,
            older,
            now,
            rebuilt,
        }
    })
}

fn is_new(title: &str) -> bool {
    let number = title
        .strip_prefix("tt")
        .and_then(|digits| digits.parse::<usize>().ok());
    number.is_some_and(|number| number % NEW_ONE_IN == 0)
}

/// A file without the new titles, and with a 7 behind some of the values of a column.
fn earlier(from: &Path, to: &Path, changed: Option<(usize, usize)>) {
    let content = fs::read_to_string(from).unwrap();
    let mut written = String::new();
    for (number, line) in content.lines().enumerate() {
        let mut cells: Vec<String> = line.split('\t').map(str::to_owned).collect();
        if is_new(&cells[0]) {
            continue;
        }
        if let Some((column, one_in)) = changed
            && number > 0
            && number % one_in == 0
        {
            cells[column] += "7";
        }
        written += &cells.join("\t");
        written += "\n";
    }
    fs::write(to, written).unwrap();
}

fn run(input: &Path, output: &Path, more: &[&str]) -> Ended {
    let mut arguments = vec!["run", JOB, "--input", text(input), "--output", text(output)];
    arguments.extend(more);
    Cinemill::default().run(&arguments).unwrap()
}

/// What the last run did to the rows, as its record tells.
fn change(output: &Path, run_id: &str) -> Value {
    let record = fs::read(output.join(format!("_runs/{run_id}.json"))).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    record["summary"]["tables"][0].clone()
}

fn counts(change: &Value) -> [u64; 4] {
    ["inserted", "updated", "deleted", "unchanged"].map(|name| change[name].as_u64().unwrap())
}

#[test]
fn appended_rows_come_to_a_full_rebuild() {
    let made = snapshots();
    let output = TempDir::new().unwrap();
    let output = output.path();
    let append = ["--mode", "append_new"];
    assert_code(&run(&made.fewer, output, &append), 0, &[]);
    let before = whole(output);
    let planned = run(&made.now, output, &["--mode", "append_new", "--dry-run"]);
    assert_code(&planned, 0, &[&made.added()]);
    assert_eq!(whole(output).run_id, before.run_id);
    let ended = run(
        &made.now,
        output,
        &["--mode", "append_new", "--run-id", "second"],
    );
    assert_code(&ended, 0, &[&made.added()]);
    let after = whole(output);
    assert_same(&after, &made.rebuilt);
    assert!(
        after.files.is_superset(&before.files),
        "files were rewritten"
    );
    // The same data again: not even a file.
    let ended = run(
        &made.now,
        output,
        &["--mode", "append_new", "--run-id", "third"],
    );
    assert_code(&ended, 0, &["0 inserted"]);
    assert_eq!(whole(output).files, after.files);
}

#[test]
fn merged_rows_come_to_a_full_rebuild() {
    let made = snapshots();
    let output = TempDir::new().unwrap();
    let output = output.path();
    assert_code(&run(&made.older, output, &["--mode", "merge"]), 0, &[]);
    assert_ne!(whole(output).rows, made.rebuilt.rows);
    let planned = run(&made.now, output, &["--mode", "merge", "--dry-run"]);
    let ended = run(
        &made.now,
        output,
        &["--mode", "merge", "--run-id", "second"],
    );
    assert_code(&ended, 0, &[&format!("{} inserted", made.new)]);
    assert_same(&whole(output), &made.rebuilt);
    let [inserted, updated, deleted, unchanged] = counts(&change(output, "second"));
    assert_eq!((inserted as usize, deleted), (made.new, 0));
    assert!(updated > 20, "{updated} updated");
    assert_eq!(inserted + updated + unchanged, SIZE);
    assert_code(
        &planned,
        0,
        &[&format!("{inserted} inserted, {updated} updated")],
    );
    let files = whole(output).files;
    assert_code(
        &run(&made.now, output, &["--mode", "merge", "--run-id", "third"]),
        0,
        &[],
    );
    assert_eq!(counts(&change(output, "third")), [0, 0, 0, 20_000]);
    assert_eq!(whole(output).files, files);
}

#[test]
fn a_cluster_merges_as_one_process_does() {
    let made = snapshots();
    let cluster = Cluster::start(2).unwrap();
    let folder = TempDir::new().unwrap();
    let output = folder.path().join("out");
    let submit = |input: &Path, mode: &str| {
        let (input, output) = (text(input), text(&output));
        let arguments = [
            "submit", JOB, "--input", input, "--output", output, "--mode", mode,
        ];
        assert_code(&cluster.cinemill().run(&arguments).unwrap(), 0, &[]);
    };
    submit(&made.older, "merge");
    submit(&made.now, "merge");
    assert_same(&whole(&output), &made.rebuilt);
    submit(&made.fewer, "overwrite");
    submit(&made.now, "append_new");
    assert_same(&whole(&output), &made.rebuilt);
}

/// Reads more than what changed, and finds the same.
#[test]
fn without_a_state_all_is_compared() {
    let made = snapshots();
    let output = TempDir::new().unwrap();
    let output = output.path();
    assert_code(&run(&made.older, output, &[]), 0, &[]);
    assert!(!output.join("_state").exists());
    let ended = run(&made.now, output, &["--mode", "merge"]);
    assert_code(&ended, 0, &[&format!("{} inserted", made.new)]);
    assert_same(&whole(output), &made.rebuilt);
}

#[test]
fn rows_that_are_gone_stay_in_a_merge() {
    let made = snapshots();
    let output = TempDir::new().unwrap();
    let output = output.path();
    assert_code(&run(&made.now, output, &["--mode", "merge"]), 0, &[]);
    let ended = run(&made.fewer, output, &["--mode", "merge"]);
    assert_code(
        &ended,
        0,
        &["0 inserted, 0 updated, 0 deleted, 20000 unchanged"],
    );
    assert_same(&whole(output), &made.rebuilt);
}

#[test]
fn a_bucket_keeps_what_was_replaced() {
    let made = snapshots();
    let folder = TempDir::new().unwrap();
    let server = S3Server::start_blocking(folder.path()).unwrap();
    server.create_bucket("lake").unwrap();
    let cinemill = Cinemill::default().with_s3(&server);
    let to_bucket = |input: &Path, mode: &str, run_id: &str| {
        let output = "s3://lake/out";
        let arguments = [
            "run",
            JOB,
            "--input",
            text(input),
            "--output",
            output,
            "--mode",
            mode,
            "--run-id",
            run_id,
        ];
        assert_code(&cinemill.run(&arguments).unwrap(), 0, &[]);
    };
    let output = server.object_path("lake", "out");
    to_bucket(&made.older, "merge", "first");
    let first = whole(&output);
    to_bucket(&made.now, "merge", "second");
    assert_same(&whole(&output), &made.rebuilt);
    let kept: BTreeSet<String> = fs::read_dir(output.join("_snapshots/first"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    let expected = first
        .files
        .iter()
        .cloned()
        .chain(["_manifest.json".to_owned()]);
    assert_eq!(kept, expected.collect());
    to_bucket(&made.now, "append_new", "third");
    assert_same(&whole(&output), &made.rebuilt);
    // The server leaves the folder of objects that are gone.
    let left = fs::read_dir(output.join("_snapshots/first")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "one snapshot is kept, not two");
    assert!(server.open_uploads("lake").unwrap().is_empty());
}

/// A run that only adds rows leaves changed ones as they are; a merge after it must see them.
#[test]
fn what_an_append_left_is_merged_later() {
    let made = snapshots();
    let output = TempDir::new().unwrap();
    let output = output.path();
    assert_code(&run(&made.older, output, &["--mode", "merge"]), 0, &[]);
    for _ in 0..2 {
        assert_code(&run(&made.now, output, &["--mode", "append_new"]), 0, &[]);
    }
    assert_ne!(whole(output).rows, made.rebuilt.rows);
    assert_code(
        &run(&made.now, output, &["--mode", "merge"]),
        0,
        &["0 inserted"],
    );
    assert_same(&whole(output), &made.rebuilt);
}

/// Both modes, killed at moments spread over their length: the old table or the new one.
#[test]
fn runs_that_add_rows_may_be_killed_at_any_moment() {
    let made = snapshots();
    for (mode, first) in [("append_new", &made.fewer), ("merge", &made.older)] {
        let (began, untouched) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        assert_code(
            &run(first, began.path(), &["--mode", mode, "--run-id", "old"]),
            0,
            &[],
        );
        let old = whole(began.path());
        copy(began.path(), untouched.path());
        let clock = Instant::now();
        assert_code(&run(&made.now, untouched.path(), &["--mode", mode]), 0, &[]);
        let length = clock.elapsed();
        for moment in 1..=4 {
            killed_after(length * moment / 4, mode, began.path());
            let found = readable(began.path());
            let expected = if found.run_id == "old" {
                &old
            } else {
                &made.rebuilt
            };
            assert_same(&found, expected);
        }
        assert_code(&run(&made.now, began.path(), &["--mode", mode]), 0, &[]);
        assert_same(&whole(began.path()), &made.rebuilt);
    }
}

fn killed_after(time: Duration, mode: &str, output: &Path) {
    let (input, output) = (text(&snapshots().now), text(output));
    let arguments = [
        "run", JOB, "--input", input, "--output", output, "--mode", mode,
    ];
    let running = Cinemill::default().start(&arguments).unwrap();
    thread::sleep(time);
    running.kill().unwrap();
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => {
                fs::create_dir_all(&target).unwrap();
                copy(&entry.path(), &target);
            }
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

#[test]
fn other_partitions_stay() {
    let small = Small::new();
    let by_year = ["--partition-by", "release_year"];
    assert_code(&small.run(&by_year), 0, &[]);
    let before = whole(&small.output());
    small.write(
        TITLES,
        b"tconst\ttitleType\tprimaryTitle\toriginalTitle\tstartYear\tendYear\truntimeMinutes\tgenres\n\
          tt3\tmovie\tThree\tDrei\t1999\t\\N\t90\tDrama\n",
    );
    let mode = [
        "--partition-by",
        "release_year",
        "--mode",
        "overwrite_partitions",
    ];
    assert_code(
        &small.run(&mode),
        0,
        &["1 inserted, 0 updated, 1 deleted, 1 unchanged"],
    );
    let after = whole(&small.output());
    let titles: Vec<_> = after
        .rows
        .rows
        .iter()
        .map(|row| row[0].as_deref())
        .collect();
    assert_eq!(titles, [Some("tt2"), Some("tt3")]);
    let stayed: Vec<_> = after.files.intersection(&before.files).collect();
    assert!(
        matches!(stayed[..], [only] if only.contains("release_year=2001")),
        "{stayed:?}"
    );
    // Other folders than the table has.
    let other = [
        "--partition-by",
        "title_type",
        "--mode",
        "overwrite_partitions",
    ];
    let hint = "the table has Hive folders by release_year, the job has Hive folders by title_type";
    assert_fails(&small.run(&other), 10, &[hint, "--mode overwrite"]);
    assert_fails(
        &small.run(&["--mode", "overwrite_partitions"]),
        2,
        &["--partition-by"],
    );
}

#[test]
fn a_failed_backfill_goes_on_where_it_stopped() {
    let made = snapshots();
    let output = TempDir::new().unwrap();
    let output = output.path();
    let arguments = [
        "run",
        JOB,
        "--input",
        text(&made.now),
        "--output",
        text(output),
        "--run-id",
        "backfill",
        "--chunk-by",
        "title_key",
        "--chunks",
        "5",
    ];
    let mut running = Cinemill::default().start(&arguments).unwrap();
    poll("the third chunk", || {
        running
            .said()
            .unwrap()
            .contains("phase: chunk 3 of 5")
            .then_some(())
    })
    .unwrap();
    running.kill().unwrap();
    assert!(Published::read(output).unwrap().is_none());
    let ended = Cinemill::default().run(&arguments).unwrap();
    assert_code(&ended, 0, &["phase: chunk 5 of 5"]);
    assert!(
        !ended.stderr.contains("phase: chunk 1 of 5"),
        "{}",
        ended.stderr
    );
    assert_same(&whole(output), &made.rebuilt);
    assert!(!output.join("_checkpoints").exists());
    // By an expression that no input has a column for.
    let by = ["--chunk-by", "release_year % 3", "--chunks", "3"];
    assert_code(&run(&made.now, output, &by), 0, &[]);
    assert_same(&whole(output), &made.rebuilt);
    for (by, words) in [
        ("nothing", "nothing"),
        ("rand()", "other values each time"),
        ("current_timestamp()", "other values each time"),
        ("title_key) FROM titles --", "not one expression"),
    ] {
        let more = ["--chunk-by", by, "--chunks", "2"];
        assert_fails(&run(&made.now, output, &more), 10, &[words]);
    }
}

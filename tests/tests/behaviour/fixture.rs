//! What the tests share: data, and what must hold of any output at any time.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

pub use cinemill_tests::processes::assert_code;
use cinemill_tests::processes::{Cinemill, Ended};
use cinemill_tests::published::{self, Published, staged, visible_files};
use tempfile::TempDir;

pub const JOB: &str = "imdb_titles";

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A made-up data set, made once per run of the tests.
pub fn sample(titles: u64) -> PathBuf {
    static MADE: Mutex<BTreeMap<u64, PathBuf>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap_or_else(|broken| broken.into_inner());
    let make = || {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("sample-{titles}"));
        // One of a build before may differ.
        let _ = fs::remove_dir_all(&folder);
        write_sample(titles, &folder, &[]);
        folder
    };
    made.entry(titles).or_insert_with(make).clone()
}

pub fn write_sample(titles: u64, folder: &Path, more: &[&str]) {
    let titles = titles.to_string();
    let mut arguments = vec!["sample", "--titles", &titles, "--output", text(folder)];
    arguments.extend(more);
    assert_code(&Cinemill::default().run(&arguments).unwrap(), 0, &[]);
}

/// As [`assert_code`], for a failure: one line that says what failed and why.
#[track_caller]
pub fn assert_fails(ended: &Ended, code: i32, texts: &[&str]) {
    assert_code(ended, code, texts);
    let is_told = ended.stderr.lines().any(|line| {
        line.strip_prefix("error: failed to ")
            .is_some_and(|rest| rest.contains(": "))
    });
    let wire = [
        "External error",
        "cinemill-error",
        "Generic LocalFileSystem",
        "<?xml",
    ];
    let bare = !wire.iter().any(|word| ended.stderr.contains(word));
    assert!(is_told && bare, "not a clear error: {}", ended.stderr);
}

/// The table of a folder, which is whole, with nothing visible beside it and nothing staged.
#[track_caller]
pub fn whole(folder: &Path) -> Published {
    published::whole(folder).unwrap()
}

/// The table of a folder as a reader of the manifest finds it.
#[track_caller]
pub fn readable(folder: &Path) -> Published {
    Published::read(folder).unwrap().expect("a published table")
}

#[track_caller]
pub fn assert_nothing_staged(folder: &Path) {
    let left = staged(folder).unwrap();
    assert!(left.is_empty(), "left behind in _staging: {left:?}");
}

#[track_caller]
pub fn assert_nothing_published(folder: &Path) {
    assert!(Published::read(folder).unwrap().is_none());
    assert!(!folder.join("_SUCCESS").exists());
    let visible = visible_files(folder).unwrap();
    assert!(visible.is_empty(), "visible: {visible:?}");
    assert_nothing_staged(folder);
}

#[track_caller]
pub fn assert_same(table: &Published, reference: &Published) {
    if let Some(difference) = table.rows.difference(&reference.rows) {
        panic!("the tables differ: {difference}");
    }
}

pub const TITLES: &str = "title.basics.tsv";
pub const CREW: &str = "title.crew.tsv";
pub const RATINGS: &str = "title.ratings.tsv";
pub const NAMES: &str = "name.basics.tsv";

/// Input and output folders, with a small good data set to spoil.
pub struct Small {
    folder: TempDir,
}

impl Small {
    pub fn new() -> Self {
        let small = Self {
            folder: TempDir::new().unwrap(),
        };
        fs::create_dir(small.input()).unwrap();
        small.write(
            TITLES,
            b"tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\truntimeMinutes\tgenres\n\
              tt1\tmovie\tOne\tEins\t0\t1999\t\\N\t90\tDrama\n\
              tt2\ttvSeries\tTwo\tZwei\t0\t2001\t2004\t\\N\tComedy,War\n",
        );
        small.write(
            CREW,
            b"tconst\tdirectors\twriters\ntt1\tnm1,nm2\tnm2\ntt2\t\\N\tnm1\n",
        );
        small.write(RATINGS, b"tconst\taverageRating\tnumVotes\ntt1\t7.5\t12\n");
        small.write(
            NAMES,
            b"nconst\tprimaryName\tbirthYear\tdeathYear\tprimaryProfession\tknownForTitles\n\
              nm1\tAda One\t\\N\t\\N\t\\N\t\\N\nnm2\tBen Two\t\\N\t\\N\t\\N\t\\N\n",
        );
        small
    }

    /// A good data set, with one file spoilt.
    pub fn with(name: &str, content: &[u8]) -> Self {
        let small = Self::new();
        small.write(name, content);
        small
    }

    pub fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.input().join(name), content).unwrap();
    }

    /// Adds to the end of a file.
    pub fn append(&self, name: &str, content: &[u8]) {
        let mut bytes = fs::read(self.input().join(name)).unwrap();
        bytes.extend_from_slice(content);
        self.write(name, &bytes);
    }

    pub fn remove(&self, name: &str) {
        fs::remove_file(self.input().join(name)).unwrap();
    }

    pub fn input(&self) -> PathBuf {
        self.folder.path().join("in")
    }

    pub fn output(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn run(&self, more: &[&str]) -> Ended {
        let (input, output) = (self.input(), self.output());
        let mut arguments = vec![
            "run",
            JOB,
            "--input",
            text(&input),
            "--output",
            text(&output),
        ];
        arguments.extend(more);
        Cinemill::default().run(&arguments).unwrap()
    }

    /// The run fails, and publishes nothing: neither where nothing is, nor over a table.
    #[track_caller]
    pub fn fails(&self, more: &[&str], code: i32, texts: &[&str]) -> Ended {
        let ended = self.run(more);
        assert_fails(&ended, code, texts);
        assert_nothing_published(&self.output());

        let good = Self::new();
        assert_code(&good.run(&[]), 0, &[]);
        let before = whole(&good.output());
        let (input, output) = (self.input(), good.output());
        let mut arguments = vec![
            "run",
            JOB,
            "--input",
            text(&input),
            "--output",
            text(&output),
        ];
        arguments.extend(more);
        assert_fails(&Cinemill::default().run(&arguments).unwrap(), code, texts);
        let after = whole(&good.output());
        assert_eq!(after.run_id, before.run_id);
        assert_same(&after, &before);
        ended
    }
}

//! What the tests share: a site, a target, and what must hold of a target.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

pub use cinemill_tests::processes::assert_code;
use cinemill_tests::processes::{Cinemill, Ended, Running};
use cinemill_tests::web::{Page, Web};
use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

pub const FILE: &str = "title.basics.tsv.gz";
const HEADER: &str = "tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\truntimeMinutes\tgenres\n";

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

pub fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// A packed file of so many titles, whose keys tell of its version.
pub fn titles(version: &str, count: usize) -> Vec<u8> {
    let line = |n| {
        let noise = (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        format!("{version}{n:07}\tmovie\t{noise:x}\t{noise:x}\t0\t1999\t\\N\t90\tDrama\n")
    };
    let lines: String = (0..count).map(line).collect();
    gzip(format!("{HEADER}{lines}").as_bytes())
}

/// A site with one file, and a folder to bring it to.
pub struct Site {
    pub web: Web,
    pub folder: TempDir,
    pub cinemill: Cinemill,
    pub to: String,
}

impl Site {
    pub fn new(page: Page) -> Self {
        let folder = TempDir::new().unwrap();
        let own = format!("[[file]]\nname = \"{FILE}\"\n");
        fs::write(folder.path().join("own.toml"), own).unwrap();
        let site = Self {
            web: Web::start().unwrap(),
            cinemill: Cinemill::default(),
            to: text(&folder.path().join("raw")).to_owned(),
            folder,
        };
        site.web.put(FILE, page);
        site
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn start(&self, more: &[&str]) -> Running {
        let (own, url) = (self.path("own.toml"), self.web.url());
        let work = self.path("work");
        let mut arguments = vec!["stage", "--source-file", text(&own), "--from", &url];
        arguments.extend(["--to", &self.to, "--work-dir", text(&work)]);
        arguments.extend(more);
        self.cinemill.start(&arguments).unwrap()
    }

    pub fn stage(&self, more: &[&str]) -> Ended {
        self.start(more).wait().unwrap()
    }

    #[track_caller]
    pub fn staged(&self, more: &[&str], texts: &[&str]) -> Ended {
        let ended = self.stage(more);
        assert_code(&ended, 0, texts);
        ended
    }

    /// The file as it lies in the target, a local folder.
    pub fn found(&self) -> Vec<u8> {
        fs::read(Path::new(&self.to).join(FILE)).unwrap()
    }

    /// Nothing is in the target that a job would read.
    #[track_caller]
    pub fn assert_nothing_visible(&self) {
        let visible = visible(Path::new(&self.to));
        assert!(visible.is_empty(), "visible: {visible:?}");
    }

    /// How many titles a job finds in what was staged, all of one version.
    #[track_caller]
    pub fn count(&self) -> usize {
        let output = TempDir::new().unwrap();
        let ended = self.run_job(output.path());
        assert_code(&ended, 0, &[]);
        let table = cinemill_tests::published::whole(output.path()).unwrap();
        let keys: Vec<&str> = table
            .rows
            .rows
            .iter()
            .filter_map(|row| row[0].as_deref())
            .collect();
        let version = &keys[0][..2];
        assert!(keys.iter().all(|key| key.starts_with(version)));
        keys.len()
    }

    pub fn run_job(&self, output: &Path) -> Ended {
        let catalog = catalog();
        let arguments = [
            "run",
            "ids",
            "--catalog",
            text(catalog),
            "--input",
            &self.to,
        ];
        let mut arguments = arguments.to_vec();
        arguments.extend(["--output", text(output)]);
        self.cinemill.run(&arguments).unwrap()
    }
}

/// A catalogue with one job that reads one file.
fn catalog() -> &'static Path {
    static MADE: OnceLock<TempDir> = OnceLock::new();
    let folder = MADE.get_or_init(|| {
        let folder = TempDir::new().unwrap();
        let job = folder.path().join("ids");
        fs::create_dir(&job).unwrap();
        let toml = "description = \"The keys\"\n[inputs.titles]\nfile = \"title.basics.tsv\"\n\
                    format = \"imdb\"\nschema = \"tconst STRING\"\n\
                    [output]\nrelation = \"ids\"\nkey = [\"tconst\"]\n";
        fs::write(job.join("job.toml"), toml).unwrap();
        fs::write(job.join("ids.sql"), "SELECT tconst FROM titles\n").unwrap();
        folder
    });
    folder.path()
}

/// The files below a folder that are not hidden from jobs.
pub fn visible(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(['_', '.']) {
            continue;
        }
        match entry.path().is_dir() {
            true => found.extend(visible(&entry.path()).iter().map(|n| format!("{name}/{n}"))),
            false => found.push(name),
        }
    }
    found.sort();
    found
}

/// One clear line says what failed.
#[track_caller]
pub fn assert_fails(ended: &Ended, code: i32, texts: &[&str]) {
    assert_code(ended, code, texts);
    assert!(
        ended.stderr.contains("error: failed to "),
        "{}",
        ended.stderr
    );
}

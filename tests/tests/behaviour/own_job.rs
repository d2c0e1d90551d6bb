//! A small job of the tests' own, to which each test adds what it is about.

use std::fs;
use std::path::PathBuf;

use cinemill_tests::cluster::Cluster;
use cinemill_tests::processes::{Cinemill, Ended};
use tempfile::TempDir;

use crate::fixture::text;

/// The job's name, and its table's.
pub const OWN: &str = "films";

const TOML: &str = r#"description = "Films since a year"

[params.since]
type = "INT"
default = 1990
description = "The first year"

[params.kind]
type = "STRING"
default = "movie"

[inputs.raw]
file = "films.csv"
format = "csv"
schema = "id INT, title STRING, year INT, rating DOUBLE, kind STRING, seen DATE"

[output]
relation = "chosen"
key = ["id"]
"#;

const CHOSEN: &str = "SELECT * FROM raw WHERE year >= :since AND kind = :kind";

pub const FILMS: &str = "id,title,year,rating,kind,seen\n\
                         1,One,1999,7.5,movie,2026-01-01\n\
                         2,Two,2001,8.5,movie,2026-01-03\n\
                         3,Three,1980,,movie,2026-01-02\n\
                         4,Four,2004,6,short,2026-01-02\n";

/// A folder with the job's catalogue, its input and its output.
pub struct OwnJob {
    folder: TempDir,
}

impl OwnJob {
    /// The job with more in its `job.toml`.
    pub fn with(toml: &str) -> Self {
        let own = Self {
            folder: TempDir::new().unwrap(),
        };
        own.write("job.toml", &Self::toml(toml));
        own.write("chosen.sql", CHOSEN);
        fs::create_dir(own.path("in")).unwrap();
        own.give(FILMS);
        own
    }

    /// The text of `job.toml` with more.
    pub fn toml(more: &str) -> String {
        format!("{TOML}\n{more}")
    }

    /// Writes a file of the job's folder.
    pub fn write(&self, file: &str, content: &str) {
        let path = self.path("catalog").join(OWN).join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Writes the input.
    pub fn give(&self, content: &str) {
        fs::write(self.path("in/films.csv"), content).unwrap();
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// Runs a verb that takes a job, in one process.
    pub fn cinemill(&self, verb: &str, more: &[&str]) -> Ended {
        let catalog = self.path("catalog");
        let arguments = [&[verb, OWN, "--catalog", text(&catalog)], more].concat();
        Cinemill::default().run(&arguments).unwrap()
    }

    pub fn run(&self, more: &[&str]) -> Ended {
        let (input, output) = (self.path("in"), self.path("out"));
        let places = ["--input", text(&input), "--output", text(&output)];
        self.cinemill("run", &[&places, more].concat())
    }

    pub fn submit(&self, cluster: &Cluster, more: &[&str]) -> Ended {
        let [catalog, input, output] = ["catalog", "in", "out"].map(|name| self.path(name));
        let mut arguments = vec!["submit", OWN, "--catalog", text(&catalog)];
        arguments.extend(["--input", text(&input), "--output", text(&output)]);
        arguments.extend(more);
        cluster.run(&arguments).unwrap()
    }
}

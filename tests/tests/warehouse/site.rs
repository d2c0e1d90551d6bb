//! A lake, a warehouse, and the command line between them.

use std::path::{Path, PathBuf};

use cinemill_tests::postgres::{ADMIN, Postgres};
use cinemill_tests::processes::{Cinemill, Ended, Running, assert_code, text};
use cinemill_tests::published::{Rows, whole};
use cinemill_tests::redshift::RedshiftServer;
use cinemill_tests::s3::S3Server;
use cinemill_tests::samples;
use tempfile::TempDir;

use crate::films::{self, JOB, TABLE};

/// Rows as text, sorted, with numbers in one form.
pub type Table = Vec<Vec<Option<String>>>;

/// Where a test happens.
pub struct Site {
    pub cinemill: Cinemill,
    pub target: String,
    warehouse: Warehouse,
    lake: Lake,
    pub catalog: String,
    folder: TempDir,
}

enum Warehouse {
    Postgres(Postgres),
    Redshift(RedshiftServer),
}

enum Lake {
    Disk,
    S3(S3Server),
}

const BUCKET: &str = "lake";

impl Site {
    /// PostgreSQL, and files on the disk.
    pub fn postgres() -> Self {
        let postgres = Postgres::start().unwrap();
        Self::with(
            Warehouse::Postgres(postgres),
            Lake::Disk,
            TempDir::new().unwrap(),
        )
    }

    /// PostgreSQL, and files in a bucket.
    pub fn postgres_over_s3() -> Self {
        let folder = TempDir::new().unwrap();
        let lake = lake(folder.path());
        let postgres = Postgres::start().unwrap();
        Self::with(Warehouse::Postgres(postgres), Lake::S3(lake), folder)
    }

    /// The stand-in for Redshift, by its Data API.
    pub fn redshift() -> Self {
        let folder = TempDir::new().unwrap();
        let lake = lake(folder.path());
        let redshift = RedshiftServer::start(&lake).unwrap();
        Self::with(Warehouse::Redshift(redshift), Lake::S3(lake), folder)
    }

    /// The stand-in for Redshift, by the wire protocol.
    pub fn redshift_wire() -> Self {
        let mut site = Self::redshift();
        let redshift = site.stand_in();
        site.target = redshift.wire_target(redshift.database()).unwrap();
        site
    }

    fn with(warehouse: Warehouse, lake: Lake, folder: TempDir) -> Self {
        let (target, mut environment) = match &warehouse {
            Warehouse::Postgres(postgres) => (postgres.url(ADMIN), postgres.environment(ADMIN)),
            Warehouse::Redshift(redshift) => {
                (redshift.target(redshift.database()), redshift.environment())
            }
        };
        if let (Lake::S3(server), Warehouse::Postgres(_)) = (&lake, &warehouse) {
            environment.extend(server.environment());
        }
        let cinemill = environment
            .into_iter()
            .fold(Cinemill::default(), |cinemill, (name, value)| {
                cinemill.with(&name, value)
            });
        let catalog = folder.path().join("catalog");
        films::write_job(&catalog, false);
        Self {
            cinemill,
            target,
            warehouse,
            lake,
            catalog: text(&catalog).unwrap(),
            folder,
        }
    }

    /// The server that holds the tables.
    pub fn database(&self) -> &Postgres {
        match &self.warehouse {
            Warehouse::Postgres(postgres) => postgres,
            Warehouse::Redshift(redshift) => redshift.postgres(),
        }
    }

    pub fn stand_in(&self) -> &RedshiftServer {
        match &self.warehouse {
            Warehouse::Redshift(redshift) => redshift,
            Warehouse::Postgres(_) => panic!("this is no Redshift"),
        }
    }

    pub fn lake(&self) -> &S3Server {
        match &self.lake {
            Lake::S3(server) => server,
            Lake::Disk => panic!("the files are on the disk"),
        }
    }

    /// From now on films have two columns more.
    pub fn evolve_job(&self) {
        films::write_job(Path::new(&self.catalog), true);
    }

    /// From now on the job expects this too.
    pub fn add_condition(&self, name: &str, condition: &str) {
        films::add_condition(Path::new(&self.catalog), name, condition);
    }

    /// A folder that goes with the site.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where a table of this name is, for the command line.
    pub fn place(&self, name: &str) -> String {
        match &self.lake {
            Lake::Disk => text(&self.folder.path().join(name)).unwrap(),
            Lake::S3(_) => format!("s3://{BUCKET}/{name}"),
        }
    }

    /// Where the files of that table are on the disk.
    pub fn files(&self, name: &str) -> PathBuf {
        match &self.lake {
            Lake::Disk => self.folder.path().join(name),
            Lake::S3(server) => server.object_path(BUCKET, name),
        }
    }

    /// Publishes films, and gives the place.
    pub fn publish(&self, name: &str, rows: &[&str]) -> String {
        let input = self.folder.path().join(format!("{name}-input"));
        films::write_rows(&input, rows);
        let (input, output) = (text(&input).unwrap(), self.place(name));
        let arguments = [
            "run",
            JOB,
            "--catalog",
            &self.catalog,
            "--input",
            &input,
            "--output",
            &output,
        ];
        assert_code(&self.cinemill.run(&arguments).unwrap(), 0, &[]);
        output
    }

    /// Publishes made-up titles, and gives the place.
    pub fn publish_titles(&self, name: &str, titles: u64, seed: u64) -> String {
        let input = self.folder.path().join(format!("{name}-input"));
        samples::make(titles, seed, &input).unwrap();
        let (input, output) = (text(&input).unwrap(), self.place(name));
        let arguments = ["run", samples::JOB, "--input", &input, "--output", &output];
        assert_code(&self.cinemill.run(&arguments).unwrap(), 0, &[]);
        output
    }

    /// Loads a place, with more flags.
    pub fn load(&self, place: &str, flags: &[&str]) -> Ended {
        self.cinemill.run(&self.arguments(place, flags)).unwrap()
    }

    pub fn start_load(&self, place: &str, flags: &[&str]) -> Running {
        self.cinemill.start(&self.arguments(place, flags)).unwrap()
    }

    fn arguments<'a>(&'a self, place: &'a str, flags: &[&'a str]) -> Vec<&'a str> {
        let mut arguments = vec![
            "load",
            place,
            "--to",
            &self.target,
            "--catalog",
            &self.catalog,
        ];
        arguments.extend(flags);
        arguments
    }

    #[track_caller]
    pub fn loads(&self, place: &str, flags: &[&str]) -> Ended {
        let ended = self.load(place, flags);
        assert_code(&ended, 0, &["loaded"]);
        ended
    }

    #[track_caller]
    pub fn has_loaded(&self, place: &str, flags: &[&str]) {
        let ended = self.load(place, flags);
        assert_code(&ended, 0, &["nothing to do"]);
    }

    /// The films in the warehouse.
    pub fn films(&self) -> Table {
        self.rows(TABLE)
    }

    /// The rows of a table in the warehouse.
    pub fn rows(&self, table: &str) -> Table {
        let columns = self.columns(table);
        let texts: Vec<String> = columns
            .iter()
            .map(|name| format!("\"{name}\"::text"))
            .collect();
        let query = format!("SELECT {} FROM {table}", texts.join(", "));
        sorted(self.database().query(&query).unwrap())
    }

    pub fn columns(&self, table: &str) -> Vec<String> {
        let (schema, name) = table.split_once('.').unwrap();
        let query = format!(
            "SELECT column_name FROM information_schema.columns \
             WHERE table_schema = '{schema}' AND table_name = '{name}' ORDER BY ordinal_position"
        );
        let rows = self.database().query(&query).unwrap();
        rows.into_iter()
            .map(|row| row[0].clone().unwrap())
            .collect()
    }

    /// The rows of the files that are published under a name.
    pub fn published(&self, name: &str) -> Table {
        published(&self.files(name))
    }

    /// How many loads of a table the ledger has.
    pub fn entries(&self, table: &str) -> usize {
        let query = format!("SELECT 1 FROM cinemill.loads WHERE table_name = '{table}'");
        self.database().query(&query).unwrap().len()
    }

    pub fn execute(&self, sql: &str) {
        self.database().execute_batch(sql).unwrap();
    }
}

fn lake(folder: &Path) -> S3Server {
    let server = S3Server::start_blocking(&folder.join("buckets")).unwrap();
    server.create_bucket(BUCKET).unwrap();
    server
}

fn published(folder: &Path) -> Table {
    let Rows { rows, .. } = whole(folder).unwrap().rows;
    sorted(rows)
}

/// Files and databases write the same number and the same time in different ways.
pub fn sorted(mut rows: Table) -> Table {
    for value in rows.iter_mut().flatten().flatten() {
        if let Some(short) = short(value) {
            *value = short;
        }
    }
    rows.sort();
    rows
}

/// `1` for `1.0`, `2000-01-01 00:00:00` for `2000-01-01T00:00:00.000000Z`.
fn short(value: &str) -> Option<String> {
    let without_zeros = |text: &str| text.trim_end_matches('0').trim_end_matches('.').to_owned();
    if value.parse::<f64>().is_ok() && value.contains('.') {
        return Some(without_zeros(value));
    }
    let is_time = value.len() >= 19 && matches!(value.as_bytes()[10], b'T' | b' ');
    let is_time = is_time && value.as_bytes()[13] == b':';
    is_time.then(|| {
        let time = value.replacen('T', " ", 1);
        let time = time.trim_end_matches('Z').trim_end_matches("+00");
        match time.contains('.') {
            true => without_zeros(time),
            false => time.to_owned(),
        }
    })
}

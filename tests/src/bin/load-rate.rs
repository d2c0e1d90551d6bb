//! How fast `cinemill load` is beside `psql \copy` of a file that was prepared in PostgreSQL's own
//! binary format: `load-rate --titles 1000000 --rounds 3`.
//!
//! Both fill the same empty table, with its key and indexes, in turns. What `cinemill load` does
//! besides (reading Parquet, its checks, its ledger, `ANALYZE`) counts as its time.

use std::process::Command;
use std::time::{Duration, Instant};

use cinemill_tests::postgres::{ADMIN, Postgres, program};
use cinemill_tests::processes::{Cinemill, Ended, Result, Running, text};
use cinemill_tests::samples;
use clap::Parser;
use tempfile::TempDir;

const TABLE: &str = "imdb_titles";

#[derive(Debug, Parser)]
struct Arguments {
    #[arg(long, default_value_t = 1_000_000)]
    titles: u64,

    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

/// The two sides of the comparison.
struct Bench {
    postgres: Postgres,
    cinemill: Cinemill,
    published: String,
    prepared: String,
}

#[allow(clippy::print_stdout)]
fn main() -> Result<()> {
    let Arguments { titles, rounds } = Arguments::parse();
    let folder = TempDir::new()?;
    let bench = Bench::new(titles, &folder)?;
    let (mut copies, mut loads) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        copies.push(bench.empty_and(|| bench.psql("from"))?);
        loads.push(bench.empty_and(|| bench.load(&["--force"]))?);
        let (copy, load) = (copies[round - 1], loads[round - 1]);
        println!("round {round}: psql {copy:.2?}, cinemill {load:.2?}");
    }
    let rate = |times: &mut Vec<Duration>| {
        times.sort();
        titles as f64 / times[times.len() / 2].as_secs_f64()
    };
    let (copy, load) = (rate(&mut copies), rate(&mut loads));
    println!("psql \\copy     {copy:>9.0} rows/s");
    println!(
        "cinemill load  {load:>9.0} rows/s, {:.0} %",
        100.0 * load / copy
    );
    Ok(())
}

impl Bench {
    fn new(titles: u64, folder: &TempDir) -> Result<Self> {
        let place = |name: &str| text(&folder.path().join(name));
        let input = folder.path().join("input");
        samples::make(titles, 1, &input)?;
        let postgres = Postgres::start()?;
        let environment = postgres.environment(ADMIN).into_iter();
        let with =
            |cinemill: Cinemill, (name, value): (String, String)| cinemill.with(&name, value);
        let bench = Self {
            cinemill: environment.fold(Cinemill::default(), with),
            published: place("published")?,
            prepared: place("prepared")?,
            postgres,
        };
        let input = text(&input)?;
        let run = [
            "run",
            samples::JOB,
            "--input",
            &input,
            "--output",
            &bench.published,
        ];
        succeeded(&bench.cinemill.run(&run)?)?;
        bench.load(&["--create"])?;
        bench.psql("to")?;
        Ok(bench)
    }

    /// How long something takes that begins with an empty table and a server at rest.
    fn empty_and(&self, fill: impl Fn() -> Result<()>) -> Result<Duration> {
        self.postgres.execute_batch(&format!("TRUNCATE {TABLE}"))?;
        self.postgres.execute_batch("CHECKPOINT")?;
        let began = Instant::now();
        fill()?;
        Ok(began.elapsed())
    }

    fn load(&self, flags: &[&str]) -> Result<()> {
        let target = self.postgres.url(ADMIN);
        let mut arguments = vec!["load", &self.published, "--to", &target];
        arguments.extend(flags);
        succeeded(&self.cinemill.run(&arguments)?)
    }

    fn psql(&self, direction: &str) -> Result<()> {
        let copy = format!(
            "\\copy {TABLE} {direction} '{}' (format binary)",
            self.prepared
        );
        let mut command = Command::new(program("psql")?);
        command
            .args(["--quiet", "--command", &copy, &self.postgres.url(ADMIN)])
            .envs(self.postgres.environment(ADMIN));
        succeeded(&Running::start(command)?.wait()?)
    }
}

fn succeeded(ended: &Ended) -> Result<()> {
    match ended.code() {
        Some(0) => Ok(()),
        _ => Err(format!("{}\n{}", ended.words, ended.stderr).into()),
    }
}

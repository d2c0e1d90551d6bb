//! Many readers of a warehouse at once:
//! `readers --to postgres://user@host/lake --readers 100 --seconds 30`.
//!
//! Each has a connection of its own and asks the named queries of a job one after the other, in
//! random order and without a pause. Prints a Markdown table of latencies, and ends with 1 if a
//! query failed.

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cinemill_jobs::job::{Catalog, NamedQuery};
use cinemill_jobs::warehouse::target::Target;
use clap::Parser;
use rand::seq::IndexedRandom;
use tokio::task::JoinSet;

#[derive(Debug, Parser)]
struct Arguments {
    /// Warehouse, as for `cinemill load`; the password is in PGPASSWORD.
    #[arg(long)]
    to: String,

    #[arg(long, default_value = "imdb_titles")]
    job: String,

    /// Only this query; may be given several times.
    #[arg(long = "query", value_name = "NAME")]
    queries: Vec<String>,

    /// How many connections.
    #[arg(long, default_value_t = 100)]
    readers: usize,

    #[arg(long, default_value_t = 30)]
    seconds: u64,
}

/// What one query took.
#[derive(Debug, Default, Clone)]
struct Timings {
    latencies: Vec<Duration>,
    errors: Vec<String>,
}

type Tally = BTreeMap<String, Timings>;

#[allow(clippy::print_stdout, clippy::print_stderr)]
#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error + Send + Sync>> {
    let arguments = Arguments::parse();
    let target = Target::parse(&arguments.to)?;
    let queries = Arc::new(queries(&arguments)?);
    let mut connections = Vec::with_capacity(arguments.readers);
    for _ in 0..arguments.readers {
        connections.push(target.connect().await?);
    }
    let start = Instant::now();
    let end = start + Duration::from_secs(arguments.seconds);
    let mut readers = JoinSet::new();
    for mut connection in connections {
        let queries = Arc::clone(&queries);
        readers.spawn(async move {
            let mut tally = Tally::new();
            while Instant::now() < end {
                let Some(query) = queries.choose(&mut rand::rng()) else {
                    break;
                };
                let timings = tally.entry(query.name.clone()).or_default();
                let asked = Instant::now();
                match connection.query(&query.sql).await {
                    Ok(_) => timings.latencies.push(asked.elapsed()),
                    Err(error) => timings.errors.push(error.to_string()),
                }
            }
            tally
        });
    }
    let tally = merged(readers.join_all().await);
    let elapsed = start.elapsed();
    println!("| query | count | errors | mean ms | p50 | p90 | p99 | max | per second |");
    println!("|---|---|---|---|---|---|---|---|---|");
    for (name, timings) in &tally {
        println!("{}", row(name, timings, elapsed));
    }
    let all = all(&tally);
    println!("{}", row("all", &all, elapsed));
    if let Some(error) = all.errors.first() {
        eprintln!("an error: {error}");
    }
    Ok(ExitCode::from(u8::from(!all.errors.is_empty())))
}

/// The queries that are asked for.
fn queries(arguments: &Arguments) -> Result<Vec<NamedQuery>, Box<dyn Error + Send + Sync>> {
    let catalog = Catalog::default();
    let job = &arguments.job;
    let queries = match arguments.queries.as_slice() {
        [] => catalog.queries(job)?,
        names => names
            .iter()
            .map(|name| catalog.query(&format!("{job}/{name}")))
            .collect::<Result<_, _>>()?,
    };
    match queries.is_empty() {
        true => Err(format!("{job} has no queries").into()),
        false => Ok(queries),
    }
}

fn merged(tallies: Vec<Tally>) -> Tally {
    let mut merged = Tally::new();
    for (name, timings) in tallies.into_iter().flatten() {
        let whole = merged.entry(name).or_default();
        whole.latencies.extend(timings.latencies);
        whole.errors.extend(timings.errors);
    }
    for timings in merged.values_mut() {
        timings.latencies.sort();
    }
    merged
}

fn all(tally: &Tally) -> Timings {
    let mut all = Timings::default();
    for timings in tally.values() {
        all.latencies.extend(&timings.latencies);
        all.errors.extend(timings.errors.iter().cloned());
    }
    all.latencies.sort();
    all
}

/// A line of the table; the latencies are sorted.
fn row(name: &str, timings: &Timings, elapsed: Duration) -> String {
    let latencies = &timings.latencies;
    let count = latencies.len();
    let milliseconds = |latency: Duration| latency.as_secs_f64() * 1000.0;
    let at = |share: f64| {
        let index = (count as f64 * share) as usize;
        let latency = latencies.get(index.min(count.saturating_sub(1)));
        milliseconds(latency.copied().unwrap_or_default())
    };
    let sum: Duration = latencies.iter().sum();
    format!(
        "| {name} | {count} | {} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} |",
        timings.errors.len(),
        milliseconds(sum) / count.max(1) as f64,
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0),
        count as f64 / elapsed.as_secs_f64(),
    )
}

//! Measures `imdb_titles` over growing data on executors of fixed memory:
//! `scaling --titles 1000000 --scales 1,3,10 --executors 2 --memory-mb 1024 [--s3]`.
//!
//! Each scale has processes of its own, so that each peak is that scale's. Prints a Markdown table.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use cinemill_tests::fleet::{Flags, Fleet};
use cinemill_tests::processes::{Result, Running, text};
use cinemill_tests::s3::S3Server;
use cinemill_tests::samples::{self, JOB};
use clap::Parser;
use tempfile::TempDir;

/// How often the work folders are looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(300);
const BUCKET: &str = "lake";

#[derive(Debug, Parser)]
struct Arguments {
    /// Titles at scale 1.
    #[arg(long, default_value_t = 1_000_000)]
    titles: u64,

    /// Multiples of the titles.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 3, 10])]
    scales: Vec<u64>,

    #[arg(long, default_value_t = 2)]
    executors: usize,

    /// Tasks that each executor runs side by side.
    #[arg(long, default_value_t = 1)]
    vcores: usize,

    /// What each executor is given.
    #[arg(long, default_value_t = 1024)]
    memory_mb: u64,

    /// Input and output in the tests' S3 server, whose requests are counted.
    #[arg(long)]
    s3: bool,
}

/// What one scale took.
struct Measured {
    titles: u64,
    input_bytes: u64,
    seconds: f64,
    scheduler_peak_bytes: u64,
    executor_peaks_bytes: Vec<u64>,
    work_peak_bytes: u64,
    requests: BTreeMap<String, usize>,
}

#[allow(clippy::print_stdout)]
fn main() -> std::result::Result<ExitCode, Box<dyn Error + Send + Sync>> {
    let arguments = Arguments::parse();
    let mut all = Vec::new();
    for scale in &arguments.scales {
        let measured = measure(&arguments, arguments.titles * scale)?;
        println!("{} titles: {:.1} s", measured.titles, measured.seconds);
        all.push(measured);
    }
    println!("\n{}", table(&all));
    Ok(ExitCode::SUCCESS)
}

fn measure(arguments: &Arguments, titles: u64) -> Result<Measured> {
    let folder = TempDir::new()?;
    let server = S3Server::start_blocking(&folder.path().join("s3"))?;
    server.create_bucket(BUCKET)?;
    let (data, input, output) = match arguments.s3 {
        true => {
            let [input, output] = ["in", "out"].map(|name| format!("s3://{BUCKET}/{name}"));
            (server.object_path(BUCKET, "in"), input, output)
        }
        false => {
            let [data, output] = ["in", "out"].map(|name| folder.path().join(name));
            (data.clone(), text(&data)?, text(&output)?)
        }
    };
    samples::make(titles, 1, &data)?;
    let fleet = Fleet::start_with(arguments.executors, Some(&server), flags(arguments))?;
    let began = Instant::now();
    let client = fleet
        .cinemill()
        .start(&["submit", JOB, "--input", &input, "--output", &output])?;
    let work_peak_bytes = watch(client, &fleet)?;
    let mut requests = BTreeMap::new();
    for member in fleet.executors.iter().chain([&fleet.scheduler]) {
        for (method, count) in member.gate()?.requests() {
            *requests.entry(method).or_default() += count;
        }
    }
    Ok(Measured {
        titles,
        input_bytes: folder_bytes(&data),
        seconds: began.elapsed().as_secs_f64(),
        scheduler_peak_bytes: fleet.scheduler.peak_memory_bytes()?,
        executor_peaks_bytes: fleet
            .executors
            .iter()
            .map(|member| member.peak_memory_bytes())
            .collect::<Result<_>>()?,
        work_peak_bytes,
        requests,
    })
}

fn flags(arguments: &Arguments) -> Flags {
    let executor = format!(
        "--vcores {} --memory-mb {}",
        arguments.vcores, arguments.memory_mb
    );
    Flags {
        scheduler: Vec::new(),
        executor: executor.split(' ').map(str::to_owned).collect(),
    }
}

/// Waits for the run's end; gives the most bytes that all work folders held at one time.
fn watch(mut client: Running, fleet: &Fleet) -> Result<u64> {
    let mut peak = 0;
    while !client.is_over() {
        let work = fleet
            .executors
            .iter()
            .flat_map(|member| member.work_files());
        let bytes = work.filter_map(|file| Some(fs::metadata(file).ok()?.len()));
        peak = peak.max(bytes.sum());
        std::thread::sleep(LOOK_INTERVAL);
    }
    let ended = client.wait()?;
    match ended.code() {
        Some(0) => Ok(peak),
        code => Err(format!("the run ended with {code:?}: {}", ended.stderr).into()),
    }
}

fn folder_bytes(folder: &std::path::Path) -> u64 {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files
        .filter_map(|file| Some(file.metadata().ok()?.len()))
        .sum()
}

fn table(all: &[Measured]) -> String {
    let mut lines = vec![
        "| titles | input MiB | s | s per 1 M titles | ratio | scheduler MiB | executors MiB \
         | work folders MiB | requests |"
            .to_owned(),
        "|---|---|---|---|---|---|---|---|---|".to_owned(),
    ];
    let rate = |one: &Measured| one.seconds / (one.titles as f64 / 1e6);
    let mib = |bytes: u64| (bytes >> 20).to_string();
    for one in all {
        let peaks: Vec<String> = one.executor_peaks_bytes.iter().copied().map(mib).collect();
        let requests = one.requests.iter().map(|(m, count)| format!("{m} {count}"));
        lines.push(format!(
            "| {} | {} | {:.1} | {:.2} | {:.2} | {} | {} | {} | {} |",
            one.titles,
            mib(one.input_bytes),
            one.seconds,
            rate(one),
            rate(one) / all.first().map_or(1.0, rate),
            mib(one.scheduler_peak_bytes),
            peaks.join(", "),
            mib(one.work_peak_bytes),
            requests.collect::<Vec<_>>().join(", "),
        ));
    }
    lines.join("\n")
}

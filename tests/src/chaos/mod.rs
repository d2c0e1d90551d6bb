//! Runs on a real cluster under a seeded schedule of faults: every published table is compared
//! with the embedded one, every run must end, and nothing may be left behind.

mod injector;
mod schedule;
mod tables;
mod tally;
mod worker;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use self::injector::Injector;
use self::tables::Tables;
use self::worker::Worker;
use crate::fleet::{Flags, Fleet};
use crate::processes::Result;
use crate::s3::{S3Server, Trouble};

pub use self::schedule::Kind;
pub use self::tally::Tally;

/// What the store does to requests: all that a client notices within seconds.
const TROUBLES: [Trouble; 4] = [
    Trouble::InternalError,
    Trouble::SlowDown,
    Trouble::Reset,
    Trouble::TruncatedBody,
];

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// The same seed gives the same faults at the same times, and the same jobs.
    pub seed: u64,
    /// Over how long the faults are spread.
    pub duration: Duration,
    pub faults: usize,
    /// How many there are while nothing is wrong.
    pub executors: usize,
    /// How many clients submit jobs side by side.
    pub clients: usize,
    /// One request to the store in so many meets trouble; 0 for none.
    pub troubles_one_in: u32,
    /// Says what happens as it happens.
    pub verbose: bool,
}

/// A drain does not outlast the next few faults.
fn flags() -> Flags {
    let mut flags = Flags::default();
    let deadline = ["--drain-deadline-s", "20"].map(str::to_owned);
    flags.executor.extend(deadline);
    flags
}

/// Fires all faults, waits for the runs' ends, and counts.
pub fn run(options: &Options) -> Result<Tally> {
    let folder = TempDir::new()?;
    let server = S3Server::start_blocking(&folder.path().join("s3"))?;
    let tables = Tables::make(folder.path(), &server, options.seed)?;
    let fleet = Fleet::start_with(options.executors, Some(&server), flags())?;
    let tally = Tally::new(options.verbose);
    let over = AtomicBool::new(false);
    let workers: Vec<_> = (0..options.clients)
        .map(|number| Worker::new(number, options.seed, &fleet, &tables, &tally))
        .collect();
    let mut injector = Injector::new(fleet, options, &tally);
    if options.troubles_one_in > 0 {
        let faults = server.faults();
        faults.trouble_one_in(options.troubles_one_in, &TROUBLES, options.seed);
    }
    let injected = thread::scope(|scope| {
        for worker in &workers {
            scope.spawn(|| worker.work_until(&over));
        }
        let injected = injector.run(options.duration);
        over.store(true, Ordering::SeqCst);
        injected
    });
    injected?;
    tally.troubles(server.faults().end_troubles());
    let calm = Instant::now();
    workers.iter().for_each(Worker::clear_up);
    tally.note(&format!(
        "cleared up in {:.1} s",
        calm.elapsed().as_secs_f64()
    ));
    tables.check_uploads(&tally);
    if tally.is_bad() {
        let logs = injector.fleet.keep_logs()?;
        tally.note(&format!("logs are in {}", logs.display()));
    }
    Ok(tally)
}

//! Runs jobs under faults, and prints a tally: `chaos --seed 7 --minutes 20 --faults 200`.
//!
//! Ends with 1 if a table was wrong, a run did not end, or something was left behind.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use cinemill_tests::chaos::{Options, run};
use clap::Parser;

#[derive(Debug, Parser)]
struct Arguments {
    /// The same seed gives the same faults at the same times.
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Over how many minutes the faults are spread.
    #[arg(long, default_value_t = 20.0)]
    minutes: f64,

    /// How many faults.
    #[arg(long, default_value_t = 200)]
    faults: usize,

    /// Executors while nothing is wrong, of one vcore each.
    #[arg(long, default_value_t = 3)]
    executors: usize,

    /// Clients that submit jobs side by side.
    #[arg(long, default_value_t = 3)]
    clients: usize,

    /// One request to the store in so many meets trouble: 500, 503, a reset, half a body; 0 for
    /// none.
    #[arg(long, default_value_t = 0)]
    troubles_one_in: u32,

    /// Say what happens as it happens.
    #[arg(long)]
    verbose: bool,
}

#[allow(clippy::print_stdout)]
fn main() -> Result<ExitCode, Box<dyn Error + Send + Sync>> {
    let arguments = Arguments::parse();
    let tally = run(&Options {
        seed: arguments.seed,
        duration: Duration::from_secs_f64(arguments.minutes * 60.0),
        faults: arguments.faults,
        executors: arguments.executors,
        clients: arguments.clients,
        troubles_one_in: arguments.troubles_one_in,
        verbose: arguments.verbose,
    })?;
    print!("{tally}");
    Ok(ExitCode::from(u8::from(tally.is_bad())))
}

//! Executors with less memory than a plan needs.

use cinemill_tests::fleet::{Flags, Fleet};
use cinemill_tests::processes::text;
use cinemill_tests::published::whole;
use cinemill_tests::samples::{self, JOB};
use tempfile::TempDir;

/// The tables that joins build of this many do not fit into an executor's memory.
const TITLES: u64 = 200_000;

/// The plan whose joins hold one side in memory runs out of it; the next one sorts and spills.
#[test]
fn a_join_that_does_not_fit_into_memory_is_executed_again_and_spills() {
    let folder = TempDir::new().unwrap();
    let [input, output] = ["in", "out"].map(|name| folder.path().join(name));
    samples::make(TITLES, 1, &input).unwrap();
    let mut flags = Flags::default();
    let memory = flags.executor.iter().position(|flag| flag == "--memory-mb");
    flags.executor[memory.unwrap() + 1] = "20".to_owned();
    let fleet = Fleet::start_with(2, None, flags).unwrap();
    let story = fleet.story("spills").unwrap();
    let (from, to) = (text(&input).unwrap(), text(&output).unwrap());
    let arguments = [
        "submit", JOB, "--input", &from, "--output", &to, "--run-id", "spills",
    ];
    let ended = fleet.run(&arguments).unwrap();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    assert_eq!(story.times("write").unwrap(), 2, "{}", ended.stderr);
    let (found, expected) = (whole(&output).unwrap(), samples::embedded(&input).unwrap());
    assert_eq!(found.rows.difference(&expected.rows), None);
}

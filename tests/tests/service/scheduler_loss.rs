//! The scheduler dies or is stopped while runs go on; they end as if nothing had happened.

use std::thread;
use std::time::Duration;

use cinemill_tests::processes::poll;
use cinemill_tests::published::{Published, staged};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rustix::process::Signal;

use crate::fixture::{assert_code, assert_nothing_published, assert_published, sample, text};
use crate::site::{Site, until_said};

const TITLES: u64 = 100_000;
/// Chooses how long into a phase the scheduler is killed, unless `SERVICE_TEST_SEED` does.
const SEED: u64 = 3;

/// Its client stays, its executors stay, and its table is published once.
#[test]
fn a_run_outlives_a_scheduler_that_is_killed_at_any_moment() {
    let (input, expected) = sample(TITLES);
    let mut site = Site::start(2, &[]);
    let seed = std::env::var("SERVICE_TEST_SEED").map_or(SEED, |seed| seed.parse().unwrap());
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    for phase in [
        "submitted",
        "phase: check keys",
        "phase: write",
        "phase: commit",
    ] {
        let run_id = phase.replace(": ", "-").replace(' ', "-");
        let output = site.path(&run_id);
        let mut client = site.submit(&input, text(&output), &run_id, &[]);
        until_said(&mut client, phase);
        // Not a synchronisation: any moment will do.
        thread::sleep(Duration::from_millis(random.random_range(0..400)));
        site.kill_scheduler();
        if let Some(table) = Published::read(&output).unwrap() {
            assert_eq!((phase, table.run_id), ("phase: commit", run_id.clone()));
        }
        site.start_scheduler();
        let ended = client.wait().unwrap();
        assert_code(&ended, 0, &[]);
        assert!(!ended.says("finished before"), "{}", ended.stdout);
        assert_eq!(site.status(&run_id)["state"], "succeeded");
        assert_published(&output, &run_id, &expected);
        assert_eq!(site.executors_alive(), 2);
    }
}

/// An orderly stop is a restart for the runs, and leaves nothing of them in between.
#[test]
fn a_run_goes_on_after_the_scheduler_was_restarted() {
    let (input, expected) = sample(TITLES);
    let mut site = Site::start(2, &[]);
    let output = site.path("restarted");
    let mut client = site.submit(&input, text(&output), "restarted", &[]);
    until_said(&mut client, "phase: write");
    let stopped = site.stop_scheduler(Signal::TERM);
    assert_code(&stopped, 0, &["left to the next scheduler"]);
    assert!(!client.is_over(), "{}", client.said().unwrap());
    assert_nothing_published(&output);
    site.start_scheduler();
    let ended = client.wait().unwrap();
    assert_code(&ended, 0, &["is away", "is back", "100000 rows"]);
    assert_published(&output, "restarted", &expected);
}

#[test]
fn a_person_who_stops_the_scheduler_cancels_its_runs() {
    let (input, _) = sample(TITLES);
    let mut site = Site::start(1, &[]);
    let output = site.path("stopped");
    let mut client = site.submit(&input, text(&output), "stopped", &[]);
    until_said(&mut client, "phase: check keys");
    assert_code(&site.stop_scheduler(Signal::INT), 0, &[]);
    site.start_scheduler();
    assert_eq!(site.status("stopped")["state"], "cancelled");
    assert_code(&client.wait().unwrap(), 22, &["cancelled"]);
    assert_nothing_published(&output);
}

/// The run's client went away with the scheduler, and only the latter comes back.
#[test]
fn a_run_whose_client_does_not_come_back_is_cancelled() {
    let (input, _) = sample(TITLES);
    let mut site = Site::start(1, &["--client-absence-s", "1"]);
    let output = site.path("abandoned");
    let mut client = site.submit(&input, text(&output), "abandoned", &[]);
    until_said(&mut client, "phase: write");
    site.kill_scheduler();
    client.kill().unwrap();
    // The run cannot be done before its client is missed.
    site.stop_executors();
    site.start_scheduler();
    let run = site.until_over("abandoned");
    assert_eq!(run["state"], "cancelled", "{run}");
    poll("late tasks' files to go", || {
        staged(&output).unwrap().is_empty().then_some(())
    })
    .unwrap();
    assert_nothing_published(&output);
}

//! The commit protocol's conformance suite: the same scenarios on a local folder and on S3.
//!
//! Each S3 scenario runs in a process of its own: a client takes its settings from the environment,
//! which must be there before the process starts.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod crashes;
mod faults;
mod gc;
mod leases;
mod names;
mod publishing;
mod races;
mod world;

use std::process::Command;

use cinemill_tests::s3::S3Server;
use world::World;

const S3_ROOT: &str = "CINEMILL_TEST_S3_ROOT";
const S3_PORT: &str = "CINEMILL_TEST_S3_PORT";
/// Seconds that requests are repeated for; an answer is waited for a quarter of it.
const PATIENCE_S: &str = "6";

/// In the first process starts the second; the server is in the second one, so that the scenario
/// can make it fail. `None` in the first process.
fn s3_world(test: &str) -> Option<World> {
    if let Ok(root) = std::env::var(S3_ROOT) {
        let port = std::env::var(S3_PORT).unwrap().parse().unwrap();
        let server = S3Server::start_at(root.as_ref(), port).unwrap();
        return Some(World::s3(server));
    }
    let root = tempfile::tempdir().unwrap();
    // Makes the keys, and finds a free port.
    let server = S3Server::start_blocking(root.path()).unwrap();
    let (environment, port) = (server.environment(), server.port());
    drop(server);
    let output = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .envs(environment)
        .env("CINEMILL_STORE_PATIENCE_S", PATIENCE_S)
        .env(S3_ROOT, root.path())
        .env(S3_PORT, port.to_string())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    assert!(text.contains("1 passed"), "{test} was not found: {text}");
    None
}

fn block_on(scenario: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(scenario);
}

macro_rules! scenarios {
    (both: $($module:ident::$name:ident),* $(,)?; s3: $($s3_module:ident::$s3_name:ident),* $(,)?) => {
        mod local {
            $(#[test]
            fn $name() {
                crate::block_on(crate::$module::$name(&crate::World::local()));
            })*
        }
        mod s3 {
            $(#[test]
            fn $name() {
                if let Some(world) = crate::s3_world(concat!("s3::", stringify!($name))) {
                    crate::block_on(crate::$module::$name(&world));
                }
            })*
            $(#[test]
            fn $s3_name() {
                if let Some(world) = crate::s3_world(concat!("s3::", stringify!($s3_name))) {
                    crate::block_on(crate::$s3_module::$s3_name(&world));
                }
            })*
        }
    };
}

scenarios! {
    both:
        publishing::first_publish,
        publishing::replace,
        publishing::partitioned,
        publishing::empty_table,
        publishing::each_step_twice,
        publishing::wrong_reports_are_refused,
        publishing::a_task_that_ran_twice,
        publishing::rejects_outlive_a_crash,
        crashes::crash_then_another_run,
        crashes::crash_then_the_same_run,
        crashes::crash_of_two_attempts,
        crashes::crash_while_tasks_write,
        crashes::a_failed_run_leaves_nothing,
        crashes::a_killed_process,
        crashes::deletions_that_failed_are_made_up_for,
        races::one_of_two_wins,
        races::a_slow_driver_cannot_publish,
        races::two_sweepers,
        races::sweepers_meet_a_new_attempt,
        races::a_living_run_is_not_swept,
        races::late_tasks_meet_a_sweep,
        gc::what_a_crash_left_goes,
        gc::a_living_run_is_left_alone,
        gc::two_at_once_and_twice,
        gc::a_dry_run_touches_nothing,
        leases::granted_busy_done,
        leases::taken_over_after_death,
        leases::committed_without_a_record,
        leases::many_ask_at_once,
        leases::never_two_at_once,
        names::odd_names,
        names::a_folder_that_cannot_be_made;
    s3:
        faults::conditions_that_are_ignored,
        faults::lost_answers,
        faults::manifest_written_but_never_answered,
        faults::manifest_never_written,
        faults::manifest_refused,
        faults::a_hung_driver_wakes_up,
        faults::parts_that_cannot_be_published,
        faults::answers_that_break_off,
        faults::a_renewal_that_was_never_answered,
        faults::replaced_before_the_answer_came,
        gc::a_driver_that_was_given_up_cannot_commit,
        gc::uploads_come_in_pages,
}

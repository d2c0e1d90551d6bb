//! A short run of the random suite; `chaos --help` tells of the long one.

use std::time::Duration;

use cinemill_tests::chaos::{Options, run};

#[test]
fn ten_random_faults_spoil_nothing() {
    let tally = run(&Options {
        seed: 11,
        duration: Duration::from_secs(45),
        faults: 10,
        executors: 3,
        clients: 2,
        troubles_one_in: 0,
        verbose: true,
    })
    .unwrap();
    println!("{tally}");
    assert!(tally.faults() > 5 && tally.runs() > 2, "{tally}");
    assert!(!tally.is_bad(), "{tally}");
}

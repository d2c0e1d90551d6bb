//! One request in ten meets trouble, and the table is the same.

use cinemill_tests::cluster::Cluster;
use cinemill_tests::s3::Trouble;

use crate::fixture::{Lake, assert_code, run};

const ONE_IN: u32 = 10;

#[test]
fn one_request_in_ten_meets_trouble_in_one_process() {
    let lake = Lake::new();
    assert_code(&lake.run("s3://lake/whole", "whole"), 0, &[]);
    let whole = lake.table("whole");
    for seed in 1..=3 {
        let name = format!("faulty-{seed}");
        let faults = lake.server().faults();
        faults.trouble_one_in(ONE_IN, &Trouble::ALL, seed);
        let ended = lake.run(&format!("s3://lake/{name}"), &name);
        let met = faults.end_troubles();
        assert_code(&ended, 0, &[]);
        assert!(met > 0, "no trouble was met");
        lake.table(&name).assert_same(&whole);
    }
    // Uploads whose ids were lost with the answers are all that may be left.
    for seed in 1..=3 {
        let table = format!("s3://lake/faulty-{seed}");
        let gc = ["gc", &table, "--older-than", "0s"];
        assert_code(&lake.cinemill().run(&gc).unwrap(), 0, &[]);
    }
    assert_eq!(lake.open_uploads(), Vec::<String>::new());
    lake.table("faulty-1").assert_same(&whole);
}

#[test]
fn one_request_in_ten_meets_trouble_on_a_cluster() {
    let lake = Lake::new();
    let cluster = Cluster::start_with(2, lake.environment()).unwrap();
    assert_code(&lake.run("s3://lake/whole", "whole"), 0, &[]);
    let whole = lake.table("whole");
    let faults = lake.server().faults();
    for seed in 1..=2 {
        let name = format!("faulty-{seed}");
        let output = format!("s3://lake/{name}");
        faults.trouble_one_in(ONE_IN, &Trouble::ALL, seed);
        let ended = cluster.run(&run("submit", &output, &name)).unwrap();
        let met = faults.end_troubles();
        assert_code(&ended, 0, &[]);
        assert!(met > 0, "no trouble was met");
        lake.table(&name).assert_same(&whole);
    }
}

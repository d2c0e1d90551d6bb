//! What Ballista 55 does by itself when an executor dies, and why no run trusts it.

use std::collections::BTreeSet;

use cinemill_tests::gate::Hold;
use cinemill_tests::processes::{Running, command, poll};

use crate::case::{Case, TITLES};

const FIRST: &str = "/lake/in/title.basics.tsv";
const SECOND: &str = "/lake/in/title.ratings.tsv";

/// Some stage has the scan of the second table beside what the first one gives.
const ROWS: &str = "SELECT sum(n) FROM (
  SELECT tconst, count(*) AS n FROM first GROUP BY tconst
  UNION ALL
  SELECT tconst, 0 AS n FROM second
)";

/// A stage of which some tasks are done is begun again, since its input is lost; what the done ones
/// gave the next stage is kept, and given once more.
///
/// When this fails, Ballista has been mended here, and its recovery may be looked at anew.
#[test]
fn ballista_alone_counts_rows_twice_after_a_loss() {
    let mut case = Case::new(2);
    // Each executor has a map task of the first table.
    for executor in 0..2 {
        case.gate(executor).hold(Hold::before("GET", FIRST));
    }
    let query = stock_query(&case);
    for executor in 0..2 {
        case.gate(executor).wait_for_held().unwrap();
    }
    for executor in 0..2 {
        case.gate(executor).hold(Hold::before("GET", SECOND));
    }
    let held = || (0..2).find(|executor| case.gate(*executor).held() > 0);
    let stuck = poll("the scan of the second table", held).unwrap();
    let other = 1 - stuck;
    poll("a task of a later stage", || {
        let files = case.fleet.executors[other].shuffle_files();
        let stages = files.iter().filter_map(|file| file.iter().nth(1));
        (stages.collect::<BTreeSet<_>>().len() > 1).then_some(())
    })
    .unwrap();
    case.fleet.executors[stuck].kill().unwrap();
    case.gate(other).release();
    let ended = query.wait().unwrap();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    let counted: u64 = ended.stdout.trim().parse().unwrap();
    println!("{counted} rows where there are {TITLES}");
    assert!(counted > TITLES, "it counted {counted}");
}

fn stock_query(case: &Case) -> Running {
    let mut client = command("stock-query", &case.environment()).unwrap();
    client.args(["--scheduler", &case.fleet.address(), "--sql", ROWS]);
    for (name, path) in [("first", FIRST), ("second", SECOND)] {
        client.arg("--table").arg(format!("{name}=s3:/{path}"));
    }
    Running::start(client).unwrap()
}

//! What Ballista 55 does by itself when an executor dies, and why no run trusts it.

use cinemill_tests::gate::Hold;
use cinemill_tests::processes::{Running, command, poll};

use crate::case::{Case, TITLES};

const FIRST: &str = "/lake/in/title.basics.tsv";
const SECOND: &str = "/lake/in/title.ratings.tsv";

/// The second stage has the end of the grouping and the scan of the second table.
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
    let stages = || case.fleet.executors[other].work_files().len();
    eprintln!("{:#?}", case.fleet.executors[other].work_files());
    poll("a task of the second stage", || {
        (stages() > 2).then_some(())
    })
    .unwrap();
    eprintln!("{:#?}", case.fleet.executors[other].work_files());
    case.fleet.executors[stuck].kill().unwrap();
    case.gate(other).release();
    let ended = query.wait().unwrap();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    assert_eq!(ended.stdout.trim(), (2 * TITLES).to_string());
}

fn stock_query(case: &Case) -> Running {
    let mut client = command("stock-query", &case.environment()).unwrap();
    client.args(["--scheduler", &case.fleet.address(), "--sql", ROWS]);
    for (name, path) in [("first", FIRST), ("second", SECOND)] {
        client.arg("--table").arg(format!("{name}=s3:/{path}"));
    }
    Running::start(client).unwrap()
}

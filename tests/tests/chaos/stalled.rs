//! Work that does not move although nobody is dead.

use cinemill_tests::gate::Hold;

use crate::case::{Case, OF_INPUT};

/// The executor lives and says so; only its task never ends.
#[test]
fn a_task_that_stands_still_is_given_up() {
    let case = Case::with_scheduler(2, ["--stall-timeout-s", "10"]);
    case.gate(0).hold(Hold::before("GET", OF_INPUT));
    let run = case.submit("stalled", &[]);
    case.gate(0).wait_for_held().unwrap();
    run.story.wait_for_retry().unwrap();
    case.gate(0).release();
    assert_eq!(case.fleet.registered().unwrap().len(), 2, "nobody was lost");
    case.ends_right_in_the_end(run);
    case.works_after();
}

use chrono::DateTime;
use proptest::prelude::*;

use super::fair::{Claim, next};

/// A run that has `running` slots and wants `pending` more, the `submitted`-th to come.
fn claim(queue: &str, submitted: i64, running: u32, pending: u32) -> Claim {
    Claim {
        queue: queue.to_owned(),
        submitted_at: DateTime::from_timestamp(submitted, 0).unwrap_or_default(),
        running,
        pending,
        max_slots: None,
        served: 0,
        queue_served: 0,
    }
}

/// Slots as they are given one after another, each task of the same length.
struct Cluster {
    slots: u32,
    claims: Vec<Claim>,
    /// The runs of the running tasks, oldest first.
    busy: Vec<usize>,
    /// The runs of all tasks so far.
    given: Vec<usize>,
}

impl Cluster {
    fn new(slots: u32, claims: Vec<Claim>) -> Self {
        Self {
            slots,
            claims,
            busy: Vec::new(),
            given: Vec::new(),
        }
    }

    /// Gives free slots until all are busy or nobody wants one.
    fn fill(&mut self) {
        while self.busy.len() < self.slots as usize {
            let Some(run) = next(&self.claims, self.slots) else {
                return;
            };
            self.given.push(run);
            self.busy.push(run);
            let served = self.given.len() as u64;
            let queue = self.claims[run].queue.clone();
            self.claims[run].running += 1;
            self.claims[run].pending -= 1;
            self.claims[run].served = served;
            for claim in self.claims.iter_mut().filter(|claim| claim.queue == queue) {
                claim.queue_served = served;
            }
        }
    }

    fn end(&mut self, at: usize) {
        let run = self.busy.remove(at % self.busy.len());
        self.claims[run].running -= 1;
    }

    fn work(&mut self, tasks: usize) {
        for _ in 0..tasks {
            self.fill();
            if !self.busy.is_empty() {
                self.end(0);
            }
        }
        self.fill();
    }

    fn running(&self) -> Vec<u32> {
        self.claims.iter().map(|claim| claim.running).collect()
    }
}

#[test]
fn queues_share_evenly_however_many_runs_they_have() {
    let mut claims = vec![claim("nightly", 1, 0, 1000)];
    claims.extend((2..6).map(|at| claim("adhoc", at, 0, 1000)));
    let mut cluster = Cluster::new(8, claims);
    cluster.work(50);
    let running = cluster.running();
    assert_eq!((running[0], running[1..].iter().sum::<u32>()), (4, 4));
}

#[test]
fn in_a_queue_the_oldest_run_goes_first_and_leaves_a_part() {
    let claims = (1..4).map(|at| claim("default", at, 0, 1000));
    let mut cluster = Cluster::new(8, claims.collect());
    cluster.work(50);
    assert_eq!(cluster.running(), [6, 1, 1]);
}

#[test]
fn a_small_run_gets_the_first_slot_that_a_big_one_frees() {
    for slots in 1..9 {
        let big = claim("default", 1, 0, 1000);
        let mut cluster = Cluster::new(slots, vec![big]);
        cluster.fill();
        assert_eq!(
            cluster.running(),
            [slots],
            "all, where nobody else wants any"
        );
        cluster.claims.push(claim("default", 2, 0, 1));
        cluster.end(0);
        cluster.fill();
        assert_eq!(cluster.given.last(), Some(&1), "of {slots} slots");
    }
}

#[test]
fn behind_two_big_runs_a_third_has_its_turn() {
    for slots in 1..9 {
        let claims = (1..4).map(|at| claim("default", at, 0, 1000));
        let mut cluster = Cluster::new(slots, claims.collect());
        cluster.work(12);
        assert!(cluster.given.contains(&2), "of {slots} slots");
    }
}

#[test]
fn a_cap_holds_even_where_slots_stay_free() {
    let mut capped = claim("default", 1, 0, 1000);
    capped.max_slots = Some(2);
    let mut cluster = Cluster::new(8, vec![capped]);
    cluster.work(20);
    assert_eq!(cluster.running(), [2]);
    assert_eq!(cluster.claims[0].wanted(), 2);
}

fn any_claim() -> impl Strategy<Value = Claim> {
    let queue = prop_oneof![Just("a"), Just("b"), Just("c")];
    let cap = prop::option::of(1..6_u32);
    (queue, 0..5_i64, 0..40_u32, cap).prop_map(|(queue, submitted, pending, max_slots)| Claim {
        max_slots,
        ..claim(queue, submitted, 0, pending)
    })
}

proptest! {
    /// Whatever ends when: caps hold, no slot is idle that somebody may have, and the queue that
    /// is served has the fewest tasks of those that want more.
    #[test]
    fn slots_are_given_by_the_rules(
        slots in 1..12_u32,
        claims in prop::collection::vec(any_claim(), 0..7),
        ends in prop::collection::vec(any::<usize>(), 0..60),
    ) {
        let mut cluster = Cluster::new(slots, claims);
        let wants = |claim: &Claim| {
            claim.pending > 0 && claim.max_slots.is_none_or(|max| claim.running < max)
        };
        for end in ends {
            cluster.fill();
            let idle = cluster.busy.len() < slots as usize;
            prop_assert!(!idle || !cluster.claims.iter().any(wants));
            for claim in &cluster.claims {
                prop_assert!(claim.max_slots.is_none_or(|max| claim.running <= max));
            }
            if cluster.busy.is_empty() {
                break;
            }
            cluster.end(end);
            if let Some(chosen) = next(&cluster.claims, slots) {
                let tasks = |queue: &str| -> u32 {
                    let of_queue = cluster.claims.iter().filter(|claim| claim.queue == queue);
                    of_queue.map(|claim| claim.running).sum()
                };
                let of_chosen = tasks(&cluster.claims[chosen].queue);
                for claim in cluster.claims.iter().filter(|claim| wants(claim)) {
                    prop_assert!(of_chosen <= tasks(&claim.queue));
                }
            }
        }
    }

    /// No run starves, however big the others are.
    #[test]
    fn everybody_has_a_turn(
        slots in 1..12_u32,
        queues in prop::collection::vec(0..3_u32, 1..7),
    ) {
        let claims = queues.iter().zip(0..);
        let claims: Vec<Claim> = claims
            .map(|(queue, at)| claim(&queue.to_string(), at, 0, 100_000))
            .collect();
        let runs = claims.len();
        let mut cluster = Cluster::new(slots, claims);
        cluster.work(runs * (slots as usize + 4) * 4);
        for run in 0..runs {
            prop_assert!(cluster.given.contains(&run), "run {run} of {queues:?}");
        }
    }
}

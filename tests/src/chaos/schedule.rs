//! Which faults happen when.

use std::time::Duration;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `kill -9` of an executor; another one comes some seconds later.
    Kill,
    /// `kill -9` of all of them at once.
    KillAll,
    /// SIGSTOP of an executor, and SIGCONT before or after it counts as lost.
    Freeze,
    /// SIGTERM of an executor.
    Drain,
    /// One executor more; one less where there are many.
    Join,
    /// `kill -9` of the scheduler, and another one in its place.
    KillScheduler,
    /// SIGSTOP and SIGCONT of the scheduler.
    FreezeScheduler,
}

/// How often each kind happens, against the others.
const WEIGHTS: [(Kind, u32); 7] = [
    (Kind::Kill, 30),
    (Kind::KillAll, 3),
    (Kind::Freeze, 22),
    (Kind::Drain, 15),
    (Kind::Join, 14),
    (Kind::KillScheduler, 10),
    (Kind::FreezeScheduler, 6),
];

/// One fault.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    pub kind: Kind,
    /// Since the beginning.
    pub at: Duration,
    /// Until what was taken away is there again.
    pub lasts: Duration,
    /// Chooses among the executors that are there by then.
    pub victim: usize,
}

/// The faults in the order of their times. The first few seconds are left to the first runs.
pub fn faults(count: usize, over: Duration, random: &mut ChaCha8Rng) -> Vec<Fault> {
    let total: u32 = WEIGHTS.iter().map(|(_, weight)| weight).sum();
    let mut faults: Vec<_> = (0..count)
        .map(|_| {
            let mut ticket = random.random_range(0..total);
            let drawn = WEIGHTS.iter().find(|(_, weight)| {
                let is_drawn = ticket < *weight;
                ticket = ticket.saturating_sub(*weight);
                is_drawn
            });
            let kind = drawn.map_or(Kind::Kill, |(kind, _)| *kind);
            let longest_ms = match kind {
                Kind::KillScheduler => 4_000,
                // Around the seconds after which an executor counts as lost.
                Kind::Freeze => 14_000,
                _ => 8_000,
            };
            Fault {
                kind,
                at: over.mul_f64(random.random_range(0.02..1.0)),
                lasts: Duration::from_millis(random.random_range(100..longest_ms)),
                victim: random.random_range(0..1 << 16),
            }
        })
        .collect();
    faults.sort_by_key(|fault| fault.at);
    faults
}

//! How many executors there should be.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::fleet::Slots;

/// The limits that the number of executors is kept within, and how patient to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// May be 0.
    pub min: usize,
    pub max: usize,
    /// Between two requests for more.
    pub out_cooldown: Duration,
    /// How long fewer must have been enough before any leave.
    pub in_after: Duration,
    /// Slots of an executor, for as long as none has been seen.
    pub slots_per_executor: u64,
}

/// Follows the slots that runs want: at once with more executors, with fewer only when the most
/// that was wanted for a while says so, since a drain costs a while and coming back costs minutes.
#[derive(Debug)]
pub struct Policy {
    limits: Limits,
    slots_per_executor: u64,
    /// How many executors would have been enough, at each look within `in_after`.
    enough: VecDeque<(Instant, usize)>,
    began_at: Option<Instant>,
    grown_at: Option<Instant>,
}

impl Policy {
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            slots_per_executor: limits.slots_per_executor.max(1),
            enough: VecDeque::new(),
            began_at: None,
            grown_at: None,
        }
    }

    /// The number to change to, where it is not what the platform keeps up already.
    pub fn decide(&mut self, now: Instant, slots: &Slots, executors: usize) -> Option<usize> {
        let began_at = *self.began_at.get_or_insert(now);
        let alive: u64 = slots.executors.values().sum();
        if alive > 0 {
            self.slots_per_executor = slots.total.div_ceil(alive).max(1);
        }
        let enough = slots.wanted.div_ceil(self.slots_per_executor);
        let enough = usize::try_from(enough).unwrap_or(usize::MAX);
        let enough = enough.clamp(self.limits.min, self.limits.max);
        self.remember(now, enough);
        if enough > executors {
            return self.grow(now, enough);
        }
        let most = self.enough.iter().map(|(_, enough)| *enough).max();
        let most = most.unwrap_or(enough);
        let seen_long_enough = now.duration_since(began_at) >= self.limits.in_after;
        // Above the limit nobody waits for anything.
        if executors > self.limits.max || (most < executors && seen_long_enough) {
            return Some(most.min(self.limits.max));
        }
        None
    }

    fn remember(&mut self, now: Instant, enough: usize) {
        self.enough.push_back((now, enough));
        let in_after = self.limits.in_after;
        self.enough
            .retain(|(seen_at, _)| now.duration_since(*seen_at) <= in_after);
    }

    fn grow(&mut self, now: Instant, enough: usize) -> Option<usize> {
        let cooling = self
            .grown_at
            .is_some_and(|grown_at| now.duration_since(grown_at) < self.limits.out_cooldown);
        if cooling {
            return None;
        }
        self.grown_at = Some(now);
        Some(enough)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        min: 0,
        max: 8,
        out_cooldown: Duration::from_secs(60),
        in_after: Duration::from_secs(300),
        slots_per_executor: 4,
    };

    /// A policy with a clock.
    struct Site {
        policy: Policy,
        start: Instant,
    }

    impl Site {
        fn new(limits: Limits) -> Self {
            Self {
                policy: Policy::new(limits),
                start: Instant::now(),
            }
        }

        fn decide(
            &mut self,
            at_s: u64,
            wanted: u64,
            alive: u64,
            executors: usize,
        ) -> Option<usize> {
            let slots = Slots {
                wanted,
                total: alive * 2,
                executors: [("active".to_owned(), alive)].into(),
                ..Slots::default()
            };
            let now = self.start + Duration::from_secs(at_s);
            self.policy.decide(now, &slots, executors)
        }
    }

    #[test]
    fn it_grows_at_once_and_within_limits() {
        let mut site = Site::new(LIMITS);
        assert_eq!(site.decide(0, 0, 2, 2), None);
        assert_eq!(site.decide(15, 7, 2, 2), Some(4), "two slots each");
        assert_eq!(site.decide(30, 100, 2, 4), None, "it just grew");
        assert_eq!(site.decide(75, 100, 4, 4), Some(8), "not above the limit");
        assert_eq!(site.decide(90, 100, 8, 8), None);
    }

    #[test]
    fn it_shrinks_to_the_most_that_was_wanted_for_a_while() {
        let mut site = Site::new(LIMITS);
        assert_eq!(site.decide(0, 16, 8, 8), None);
        assert_eq!(site.decide(200, 6, 8, 8), None);
        assert_eq!(site.decide(290, 2, 8, 8), None, "16 were wanted just now");
        assert_eq!(site.decide(310, 2, 8, 8), Some(3), "6 were wanted since");
        assert_eq!(site.decide(520, 0, 3, 3), Some(1));
        assert_eq!(site.decide(900, 0, 1, 1), Some(0));
        assert_eq!(site.decide(910, 0, 0, 0), None);
    }

    #[test]
    fn it_starts_from_nothing_for_a_run_that_waits() {
        let mut site = Site::new(LIMITS);
        assert_eq!(site.decide(0, 1, 0, 0), Some(1));
        assert_eq!(site.decide(70, 20, 1, 1), Some(8));
    }

    #[test]
    fn a_new_controller_does_not_shrink_what_it_has_not_watched() {
        let mut site = Site::new(LIMITS);
        assert_eq!(site.decide(0, 0, 4, 4), None);
        assert_eq!(site.decide(299, 0, 4, 4), None);
        assert_eq!(site.decide(300, 0, 4, 4), Some(0));
    }

    #[test]
    fn limits_hold_at_once() {
        let mut site = Site::new(Limits { min: 2, ..LIMITS });
        assert_eq!(site.decide(0, 0, 0, 0), Some(2));
        assert_eq!(site.decide(5, 100, 12, 12), Some(8));
    }
}

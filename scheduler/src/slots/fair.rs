//! Who gets the next free slot. Pure, so that it can be tested without a cluster.

use chrono::{DateTime, Utc};

/// What one run has and wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub queue: String,
    pub submitted_at: DateTime<Utc>,
    /// Slots that run its tasks.
    pub running: u32,
    /// Slots that its waiting tasks would take.
    pub pending: u32,
    /// Slots that it may have at most, whoever else wants some.
    pub max_slots: Option<u32>,
    /// When it last got a slot, as a count of slots given.
    pub served: u64,
    /// When its queue last got a slot.
    pub queue_served: u64,
}

impl Claim {
    fn wants(&self) -> bool {
        self.pending > 0 && self.max_slots.is_none_or(|max| self.running < max)
    }

    /// All slots that it could use now: those it has, and those it waits for.
    pub fn wanted(&self) -> u32 {
        let all = self.running + self.pending;
        self.max_slots.map_or(all, |max| all.min(max))
    }
}

/// The run that gets a free slot; `None` where nobody wants it. `slots` is how many there are,
/// busy or free.
///
/// The queue with the fewest running tasks is served first, equal ones in turns. Inside a queue
/// the oldest run goes first, but only up to [`head_slots`] of the queue's share: the rest goes to
/// the runs behind it, in turns. So a small job is never stuck behind a big one. What nobody else
/// wants is given to whoever does.
pub fn next(claims: &[Claim], slots: u32) -> Option<usize> {
    let wanting: Vec<usize> = (0..claims.len()).filter(|at| claims[*at].wants()).collect();
    let by_queue = |at: &usize| {
        let claim = &claims[*at];
        let running = running_in(claims, &claim.queue);
        (running, claim.queue_served, claim.submitted_at, *at)
    };
    let queue = &claims[*wanting.iter().min_by_key(|at| by_queue(at))?].queue;
    let mut queues: Vec<&str> = wanting
        .iter()
        .map(|at| claims[*at].queue.as_str())
        .collect();
    queues.sort_unstable();
    queues.dedup();
    let head_slots = head_slots(slots / u32::try_from(queues.len()).unwrap_or(u32::MAX));

    let in_queue = wanting
        .iter()
        .copied()
        .filter(|at| claims[*at].queue == *queue);
    let head = in_queue
        .clone()
        .min_by_key(|at| (claims[*at].submitted_at, *at))?;
    if claims[head].running < head_slots {
        return Some(head);
    }
    // Where there is nothing to divide, the head takes its turn like the others.
    let behind = in_queue.filter(|at| *at != head || head_slots == 0);
    let by_turn = |at: &usize| {
        let claim = &claims[*at];
        (claim.running, claim.served, claim.submitted_at, *at)
    };
    behind.min_by_key(by_turn).or(Some(head))
}

/// How many slots of a queue's share its oldest run takes before those behind it get any: three
/// quarters, and never all.
fn head_slots(share: u32) -> u32 {
    (share * 3).div_ceil(4).min(share.saturating_sub(1))
}

fn running_in(claims: &[Claim], queue: &str) -> u32 {
    let of_queue = claims.iter().filter(|claim| claim.queue == queue);
    of_queue.map(|claim| claim.running).sum()
}

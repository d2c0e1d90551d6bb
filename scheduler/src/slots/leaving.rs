//! Executors that are to leave, and those that left not long ago.

use std::time::{Duration, Instant};

use dashmap::DashMap;

/// How long an executor that left is remembered, so that a late sign of life does not bring it
/// back.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// Where an executor stands that does not stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// It gets no more tasks, and leaves when nothing of it is needed or at the deadline.
    Draining {
        since: Instant,
        deadline: Instant,
    },
    Left {
        at: Instant,
        departure: Departure,
    },
}

/// How an executor left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// Nothing that it had was needed any more.
    Clean,
    /// Tasks ran there, or its shuffle files or results were needed: they are lost.
    Lossy,
}

/// By executor.
#[derive(Debug, Default)]
pub struct LeavingExecutors {
    by_id: DashMap<String, Leaving>,
}

impl LeavingExecutors {
    pub fn get(&self, executor: &str) -> Option<Leaving> {
        self.by_id.get(executor).map(|leaving| *leaving)
    }

    /// Begins a drain, or brings the deadline of one forward. True where it begins.
    pub fn drain(&self, executor: &str, deadline: Instant) -> bool {
        let mut begins = false;
        let mut entry = self.by_id.entry(executor.to_owned()).or_insert_with(|| {
            begins = true;
            let since = Instant::now();
            Leaving::Draining { since, deadline }
        });
        if let Leaving::Draining { deadline: set, .. } = entry.value_mut() {
            *set = deadline.min(*set);
        }
        begins
    }

    pub fn left(&self, executor: &str, departure: Departure) {
        let old = |leaving: &Leaving| matches!(leaving, Leaving::Left { at, .. } if at.elapsed() > REMEMBERED);
        self.by_id.retain(|_, leaving| !old(leaving));
        let at = Instant::now();
        let left = Leaving::Left { at, departure };
        self.by_id.insert(executor.to_owned(), left);
    }

    /// The executor was lost while it drained.
    pub fn forget_drain(&self, executor: &str) {
        let draining = |_: &String, leaving: &Leaving| matches!(leaving, Leaving::Draining { .. });
        self.by_id.remove_if(executor, draining);
    }
}

//! How long a store is waited for.
//!
//! One request may fail, stall or break off and is repeated. A store of which nothing good has come
//! for a while is down: then each further request is tried once and shortly, so that a run that has
//! to give up, and clear up, ends in bounded time.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, Kind, Result};

/// Sets, in seconds, for how long requests are repeated.
const TOTAL_VARIABLE: &str = "CINEMILL_STORE_PATIENCE_S";
const TOTAL_DEFAULT: Duration = Duration::from_secs(45);
/// How long an answer, or its next piece, may take at most.
const ANSWER_MAX: Duration = Duration::from_secs(10);
const ANSWER_MIN: Duration = Duration::from_secs(1);
/// A request that brings something may take longer, at so many bytes per second.
const UPLOAD_RATE_MIN: u64 = 256 << 10;
/// The wait for a store that is down.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// The bounds on time for one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Patience {
    total: Duration,
}

impl Patience {
    /// As the environment says.
    pub fn of_this_process() -> Result<Self> {
        let Ok(text) = std::env::var(TOTAL_VARIABLE) else {
            return Ok(Self::new(TOTAL_DEFAULT));
        };
        let seconds = text.parse().ok().filter(|seconds| *seconds > 0);
        let seconds = seconds.ok_or_else(|| {
            let cause = format!("{TOTAL_VARIABLE} is `{text}`");
            Error::new(Kind::Usage, "use", "the environment", cause)
                .hint("give a number of seconds, 1 or more")
        })?;
        Ok(Self::new(Duration::from_secs(seconds)))
    }

    pub fn new(total: Duration) -> Self {
        Self { total }
    }

    /// For how long a request is repeated, and after which time without any good answer a store
    /// counts as down.
    pub fn total(self) -> Duration {
        self.total
    }

    /// How long the first byte of an answer, or the next one, may take.
    pub fn answer(self) -> Duration {
        (self.total / 4).clamp(ANSWER_MIN, ANSWER_MAX)
    }

    /// How long one try of a request that carries so many bytes may wait for its answer, when the
    /// store has been in trouble for a while.
    pub fn one_try(self, bytes: usize, trouble: Duration) -> Duration {
        let upload = Duration::from_millis(bytes as u64 * 1000 / UPLOAD_RATE_MIN);
        let left = self.total.saturating_sub(trouble);
        (self.answer() + upload).min(left.max(LAST_WAIT.min(self.answer())))
    }
}

/// Whether a store answers, as its client sees it.
#[derive(Debug, Default)]
pub(super) struct Health(Mutex<Option<Trouble>>);

#[derive(Debug, Clone, Copy)]
struct Trouble {
    /// When the first of the requests began that have failed since the last good answer.
    since: Instant,
    /// When the last of them failed.
    last: Instant,
}

impl Health {
    pub fn answered(&self) {
        *self.trouble() = None;
    }

    pub fn failed(&self, began: Instant) {
        let mut trouble = self.trouble();
        let since = trouble.map_or(began, |trouble| trouble.since.min(began));
        *trouble = Some(Trouble {
            since,
            last: Instant::now(),
        });
    }

    /// For how long the store has been in trouble. A failure of long ago says nothing.
    pub fn in_trouble_for(&self, patience: Patience) -> Duration {
        let mut trouble = self.trouble();
        *trouble = trouble.filter(|trouble| trouble.last.elapsed() < patience.total());
        trouble.map_or(Duration::ZERO, |trouble| trouble.since.elapsed())
    }

    fn trouble(&self) -> std::sync::MutexGuard<'_, Option<Trouble>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_try_waits_shorter_the_longer_the_trouble_lasts() {
        let patience = Patience::new(TOTAL_DEFAULT);
        let wait = |bytes, trouble: u32| patience.one_try(bytes, SECOND * trouble).as_secs();
        assert_eq!(wait(0, 0), 10);
        assert_eq!(wait(8 << 20, 0), 42);
        assert_eq!(wait(8 << 20, 30), 15);
        assert_eq!((wait(0, 44), wait(8 << 20, 100)), (5, 5));
    }

    #[test]
    fn trouble_lasts_from_the_first_failure_to_the_next_good_answer() {
        let (health, patience) = (Health::default(), Patience::new(100 * SECOND));
        assert_eq!(health.in_trouble_for(patience), Duration::ZERO);
        let began = Instant::now().checked_sub(30 * SECOND).unwrap();
        health.failed(began);
        health.failed(Instant::now());
        assert!(health.in_trouble_for(patience) >= 30 * SECOND);
        health.answered();
        assert_eq!(health.in_trouble_for(patience), Duration::ZERO);
    }
}

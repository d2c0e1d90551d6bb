//! What goes wrong on purpose.

use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Can be changed at any time.
#[derive(Debug, Default)]
pub struct Faults {
    present: Mutex<Present>,
}

#[derive(Debug, Default)]
struct Present {
    expired: bool,
    /// One request in so many is turned away.
    throttled: u64,
    requests: u64,
    commit_failure: Option<String>,
    delay: Duration,
    loses_answer: bool,
}

impl Faults {
    fn present(&self) -> MutexGuard<'_, Present> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on every request's credentials are too old.
    pub fn expire_credentials(&self) {
        self.present().expired = true;
    }

    pub fn renew_credentials(&self) {
        self.present().expired = false;
    }

    /// Turns one request in `n` away; none where `n` is 0, all where it is 1.
    pub fn throttle(&self, n: u64) {
        self.present().throttled = n;
    }

    /// The next transaction fails at its end, with this text, and changes nothing.
    pub fn fail_next_commit(&self, text: &str) {
        self.present().commit_failure = Some(text.to_owned());
    }

    /// How long a batch waits before it runs.
    pub fn delay_statements(&self, delay: Duration) {
        self.present().delay = delay;
    }

    /// Does what the next batch asks, or the next `COMMIT` by the wire protocol, and breaks the
    /// connection where the answer should come.
    pub fn lose_next_answer(&self) {
        self.present().loses_answer = true;
    }

    pub(super) fn are_credentials_expired(&self) -> bool {
        self.present().expired
    }

    /// Counts a request, and tells whether it is turned away.
    pub(super) fn turns_away(&self) -> bool {
        let mut present = self.present();
        present.requests += 1;
        present.throttled > 0 && present.requests.is_multiple_of(present.throttled)
    }

    pub(super) fn take_commit_failure(&self) -> Option<String> {
        self.present().commit_failure.take()
    }

    pub(super) fn delay(&self) -> Duration {
        self.present().delay
    }

    pub(super) fn take_lost_answer(&self) -> bool {
        mem::take(&mut self.present().loses_answer)
    }
}

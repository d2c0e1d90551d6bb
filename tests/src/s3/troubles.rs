//! Requests that meet trouble now and then: every so many of them, in an order that follows from a
//! seed.

use std::sync::atomic::{AtomicU64, Ordering};

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::faults::Moment;

/// What can happen to a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Trouble {
    /// 500 InternalError.
    InternalError,
    /// 503 SlowDown.
    #[default]
    SlowDown,
    /// The connection is reset in place of an answer.
    Reset,
    /// The request is taken, and never answered.
    Stall,
    /// The answer stops in the middle of its body and never goes on.
    StallInBody,
    /// The connection ends before the body has the length that was promised.
    TruncatedBody,
}

impl Trouble {
    pub const ALL: [Self; 6] = [
        Self::InternalError,
        Self::SlowDown,
        Self::Reset,
        Self::Stall,
        Self::StallInBody,
        Self::TruncatedBody,
    ];

    /// Trouble with the body comes when the request has had its effect.
    pub(super) fn is_in_body(self) -> bool {
        matches!(self, Self::StallInBody | Self::TruncatedBody)
    }
}

/// One request in `one_in` meets one of the `kinds`, half of them after they had their effect.
#[derive(Debug)]
pub(super) struct Troubles {
    one_in: u32,
    kinds: Vec<Trouble>,
    seed: u64,
    requests: AtomicU64,
    met: AtomicU64,
}

impl Troubles {
    pub fn new(one_in: u32, kinds: &[Trouble], seed: u64) -> Self {
        Self {
            one_in: one_in.max(1),
            kinds: kinds.to_vec(),
            seed,
            requests: AtomicU64::new(0),
            met: AtomicU64::new(0),
        }
    }

    pub fn met(&self) -> u64 {
        self.met.load(Ordering::SeqCst)
    }

    /// What the next request meets.
    pub fn next(&self) -> Option<(Trouble, Moment)> {
        let number = self.requests.fetch_add(1, Ordering::SeqCst);
        // The number stands for the request, whichever thread answers it.
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(number);
        if !random.random_ratio(1, self.one_in) {
            return None;
        }
        let kind = *self.kinds.choose(&mut random)?;
        let after = kind.is_in_body() || random.random_bool(0.5);
        self.met.fetch_add(1, Ordering::SeqCst);
        Some((kind, if after { Moment::After } else { Moment::Before }))
    }
}

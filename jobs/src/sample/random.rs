//! Chance that comes out the same everywhere: integers only, because the results of `ln` and
//! `powf` differ between machines.

use rand::{RngCore as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Probabilities are in units of one in a hundred thousand.
pub(super) const ALWAYS: u32 = 100_000;

/// Which part of a block a stream of random numbers is for. Each has its own, so that a change to
/// one file leaves the others as they were.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Titles = 0,
    Ratings = 1,
    Crew = 2,
    Names = 3,
}

pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream that belongs to `purpose` in `block`, whoever draws from it and when.
    pub fn new(seed: u64, block: u64, purpose: Purpose) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(block * 4 + purpose as u64);
        Self(generator)
    }

    /// A number in `0..limit`; 0 for a limit of 0.
    pub fn below(&mut self, limit: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(limit)) >> 32) as u32
    }

    /// A number in `0..limit` where 32 bits may not do.
    pub fn below_u64(&mut self, limit: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(limit)) >> 64) as u64
    }

    /// A number in `low..=high`.
    pub fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high - low + 1)
    }

    pub fn chance(&mut self, in_100_000: u32) -> bool {
        self.below(ALWAYS) < in_100_000
    }

    pub fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len() as u32) as usize]
    }

    /// The entry that a draw falls on; the last one takes what the shares leave over.
    pub fn weighted<'a, T>(&mut self, list: &'a [T], share: impl Fn(&T) -> u32) -> &'a T {
        let mut left = self.below(ALWAYS);
        for entry in list {
            let share = share(entry);
            if left < share {
                return entry;
            }
            left -= share;
        }
        &list[list.len() - 1]
    }

    /// A rank in `0..limit` that gets rarer about as 1/rank, but for the first eight, which are
    /// alike: without that, the first one alone would take some percent of everything.
    pub fn rank(&mut self, limit: u64) -> u64 {
        const FLAT_BITS: u32 = 3;
        let bits = (limit + (1 << FLAT_BITS)).ilog2();
        let power = FLAT_BITS + self.below(bits - FLAT_BITS + 1);
        let rank = (1 << power) + self.below_u64(1 << power) - (1 << FLAT_BITS);
        if rank < limit {
            rank
        } else {
            self.below_u64(limit)
        }
    }
}

/// A fixed random number for each index (SplitMix64), for what must be found again without
/// drawing everything before it.
fn scatter(seed: u64, index: u64) -> u64 {
    let mut z = seed.wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Ids from positions: increasing, with gaps, and known for every position without a table, so
/// that a block can refer to the names and titles of any other block.
#[derive(Clone, Copy)]
pub(super) struct Ids {
    seed: u64,
}

impl Ids {
    pub fn new(seed: u64) -> Self {
        Self {
            seed: scatter(seed, u64::MAX),
        }
    }

    /// One in each three numbers, as in IMDb's files of today.
    pub fn title(self, position: u64) -> u64 {
        1 + 3 * position + scatter(self.seed, position) % 3
    }

    /// One of each pair of numbers.
    pub fn person(self, position: u64) -> u64 {
        1 + 2 * position + self.coin(position)
    }

    /// The other of the pair: an id that no person has.
    pub fn stranger(self, position: u64) -> u64 {
        1 + 2 * position + (1 - self.coin(position))
    }

    fn coin(self, position: u64) -> u64 {
        scatter(!self.seed, position) & 1
    }
}

/// Appends a number in decimal, with zeros in front up to `width` digits.
pub(super) fn push_number(out: &mut Vec<u8>, mut number: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start.min(digits.len() - width)..]);
}

pub(super) fn push_title_id(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(b"tt");
    push_number(out, number, 7);
}

pub(super) fn push_person_id(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(b"nm");
    push_number(out, number, 7);
}

pub(super) fn push_null(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\\N");
}

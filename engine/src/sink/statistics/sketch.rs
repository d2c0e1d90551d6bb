//! `HyperLogLog`: how many distinct values a column has, in 1 KiB.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// 2^10 registers of one byte. The standard error of the estimate is 1.04 / sqrt(2^10) = 3.25 %.
const PRECISION: u32 = 10;
const REGISTERS: usize = 1 << PRECISION;
/// The bits of a hash that do not choose the register.
const VALUE_BITS: u32 = u64::BITS - PRECISION;
/// Registers go from 0 to 55; from here on they are characters that JSON does not escape.
const FIRST_CHARACTER: u8 = b'#';

/// Counts distinct values by their hashes. Sketches of parts, merged in any order, are the sketch of
/// the whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Sketch {
    /// For each part of the hashes the longest run of leading zeros, plus 1; 0 where there was no
    /// hash.
    registers: Box<[u8; REGISTERS]>,
}

impl Default for Sketch {
    fn default() -> Self {
        Self {
            registers: Box::new([0; REGISTERS]),
        }
    }
}

impl Sketch {
    /// Counts a value by its hash, of which every bit must depend on the value.
    #[inline]
    pub fn add(&mut self, hash: u64) {
        let register = &mut self.registers[(hash >> VALUE_BITS) as usize];
        // The bit behind the value ends a run of nothing but zeros.
        let zeros = ((hash << PRECISION) | (1 << (PRECISION - 1))).leading_zeros() as u8;
        *register = (*register).max(zeros + 1);
    }

    pub fn merge(&mut self, other: &Self) {
        for (own, other) in self.registers.iter_mut().zip(other.registers.iter()) {
            *own = (*own).max(*other);
        }
    }

    /// The estimate, by Ertl's formula ("New cardinality estimation algorithms for `HyperLogLog`
    /// sketches", 2017), which needs no special cases: nearly exact for some dozens, then within
    /// 3.25 % (one standard deviation), so hardly ever off by more than 10 %.
    pub fn estimate(&self) -> u64 {
        let mut counts = [0f64; VALUE_BITS as usize + 2];
        for &register in self.registers.iter() {
            counts[usize::from(register)] += 1.0;
        }
        let m = REGISTERS as f64;
        let last = counts.len() - 1;
        let mut z = m * tau(1.0 - counts[last] / m);
        for count in counts[1..last].iter().rev() {
            z = 0.5 * (z + count);
        }
        z += m * sigma(counts[0] / m);
        (m * m / (2.0 * std::f64::consts::LN_2 * z)).round() as u64
    }
}

/// Corrects for registers without a hash; infinite where all are, which makes the estimate 0.
fn sigma(share: f64) -> f64 {
    if share >= 1.0 {
        return f64::INFINITY;
    }
    let (mut x, mut y, mut z) = (share, 1.0, share);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z <= before {
            return z;
        }
    }
}

/// Corrects for registers that are full.
fn tau(share: f64) -> f64 {
    if share <= 0.0 || share >= 1.0 {
        return 0.0;
    }
    let (mut x, mut y, mut z) = (share, 1.0, 1.0 - share);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z >= before {
            return z / 3.0;
        }
    }
}

/// One character per register; a run of more than three zeros as `!`, its length and `!`.
impl From<Sketch> for String {
    fn from(sketch: Sketch) -> Self {
        let mut text = Self::new();
        for run in sketch.registers.chunk_by(|left, right| left == right) {
            if run[0] == 0 && run.len() > 3 {
                // Writing to a string cannot fail.
                let _ = write!(text, "!{}!", run.len());
                continue;
            }
            let character = char::from(FIRST_CHARACTER + run[0]);
            text.extend(std::iter::repeat_n(character, run.len()));
        }
        text
    }
}

impl TryFrom<String> for Sketch {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const WRONG: &str = "no sketch of distinct values";
        let mut registers = Vec::with_capacity(REGISTERS);
        for (index, piece) in text.split('!').enumerate() {
            if index % 2 == 1 {
                let zeros: usize = piece.parse().map_err(|_| WRONG)?;
                let length = registers.len() + zeros;
                if length > REGISTERS {
                    return Err(WRONG);
                }
                registers.resize(length, 0);
                continue;
            }
            for byte in piece.bytes() {
                let register = byte.checked_sub(FIRST_CHARACTER).ok_or(WRONG)?;
                if u32::from(register) > VALUE_BITS + 1 {
                    return Err(WRONG);
                }
                registers.push(register);
            }
        }
        let registers: Box<[u8; REGISTERS]> = registers.try_into().map_err(|_| WRONG)?;
        Ok(Self { registers })
    }
}

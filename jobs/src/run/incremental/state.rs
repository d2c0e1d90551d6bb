//! What a run knows of its inputs, written down for the next one: for each bucket of each input's
//! key the sum of the fingerprints of its records.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher;

use cinemill_engine::buckets::BucketSet;
use serde::{Deserialize, Serialize};
use twox_hash::XxHash64;

use crate::job::JobDefinition;

/// The sums of all inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    pub buckets: u32,
    /// What the table is made by: SQL, schemas, parameters.
    pub origin: u64,
    pub inputs: BTreeMap<String, Vec<u64>>,
    /// Buckets of rows that the inputs have with other values than the table: a run that only adds
    /// rows has left them as they were.
    pub skipped: BTreeSet<u32>,
}

/// Stands before the sums, as JSON and a line break.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    buckets: u32,
    origin: u64,
    inputs: Vec<String>,
    #[serde(default)]
    skipped: BTreeSet<u32>,
}

impl State {
    pub fn new(buckets: u32, origin: u64) -> Self {
        Self {
            buckets,
            origin,
            inputs: BTreeMap::new(),
            skipped: BTreeSet::new(),
        }
    }

    /// Notes the sum of a bucket.
    pub fn set(&mut self, input: &str, bucket: u32, sum: u64) {
        let count = self.buckets as usize;
        let sums = self.inputs.entry(input.to_owned());
        let sums = sums.or_insert_with(|| vec![0; count]);
        if let Some(place) = sums.get_mut(bucket as usize) {
            *place = sum;
        }
    }

    /// The buckets of an input whose records are others than they were.
    pub fn changed_since(&self, before: &Self, input: &str) -> BucketSet {
        let none = Vec::new();
        let sums = |state: &Self| -> Vec<u64> {
            let found = state.inputs.get(input).unwrap_or(&none).clone();
            let padding = (state.buckets as usize).saturating_sub(found.len());
            found
                .into_iter()
                .chain(std::iter::repeat_n(0, padding))
                .collect()
        };
        let (now, before) = (sums(self), sums(before));
        let pairs = now.iter().zip(&before).enumerate();
        let changed = pairs.filter(|(_, (now, before))| now != before);
        BucketSet::of(self.buckets, changed.map(|(bucket, _)| bucket as u32))
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let header = Header {
            buckets: self.buckets,
            origin: self.origin,
            inputs: self.inputs.keys().cloned().collect(),
            skipped: self.skipped.clone(),
        };
        // Plain words and numbers.
        let mut bytes = serde_json::to_vec(&header).unwrap_or_default();
        bytes.push(b'\n');
        for sums in self.inputs.values() {
            bytes.extend(sums.iter().flat_map(|sum| sum.to_le_bytes()));
        }
        bytes
    }

    /// `None` where it is not what [`State::to_bytes`] made.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let header: Header = serde_json::from_slice(&bytes[..end]).ok()?;
        let size = header.buckets as usize * size_of::<u64>();
        let sums = &bytes[end + 1..];
        if sums.len() != size * header.inputs.len() {
            return None;
        }
        let numbers = |chunk: &[u8]| {
            let (numbers, _) = chunk.as_chunks();
            numbers
                .iter()
                .map(|bytes| u64::from_le_bytes(*bytes))
                .collect()
        };
        let inputs = header
            .inputs
            .into_iter()
            .zip(sums.chunks_exact(size.max(1)));
        Some(Self {
            buckets: header.buckets,
            origin: header.origin,
            skipped: header.skipped,
            inputs: inputs.map(|(name, chunk)| (name, numbers(chunk))).collect(),
        })
    }
}

/// A hash of everything besides its inputs' records that a job's rows depend on.
pub fn origin(job: &JobDefinition, params: &BTreeMap<String, String>) -> u64 {
    let mut hash = XxHash64::with_seed(0);
    let mut add = |text: &str| {
        hash.write(text.as_bytes());
        hash.write_u8(0);
    };
    for relation in &job.relations {
        add(&relation.name);
        add(&relation.sql);
    }
    for (name, input) in &job.inputs {
        add(name);
        add(&format!("{input:?}"));
    }
    for (name, value) in params {
        let marker = format!(":{name}");
        if job
            .relations
            .iter()
            .any(|relation| relation.sql.contains(&marker))
        {
            add(name);
            add(value);
        }
    }
    hash.finish()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_state_comes_back_and_shows_what_changed() {
        let mut before = State::new(16, 7);
        before.set("titles", 3, 30);
        before.set("titles", 4, 40);
        before.skipped.insert(9);
        assert_eq!(State::from_bytes(&before.to_bytes()), Some(before.clone()));
        let mut now = State::new(16, 7);
        now.set("titles", 3, 31);
        now.set("crew", 1, 10);
        // 3 has another record, 4 has lost its own.
        let titles = now.changed_since(&before, "titles");
        assert_eq!(titles, BucketSet::of(16, [3, 4]));
        assert_eq!(now.changed_since(&before, "crew").len(), 1);
        assert!(now.changed_since(&now, "titles").is_empty());
        assert_eq!(State::from_bytes(&before.to_bytes()[..40]), None);
        assert_eq!(State::from_bytes(b"what"), None);
    }
}

//! Cuts files into ranges and deals them out to partitions.

use super::spec::{Compression, Split, TextSpec};

/// A range shorter than this costs more than it saves.
const SPLIT_BYTES_MIN: u64 = 1 << 20;

/// What a compressed byte weighs against a plain one when work is dealt out.
const COMPRESSED_WEIGHT: u64 = 4;

/// Groups of ranges, one group per partition, of about equal size.
///
/// Plain files without quoting are cut into ranges of at most `split_bytes_max` bytes (but not
/// below 1 MiB), small enough to feed `target_partitions`; others are one range each. There are at
/// most `target_partitions` groups, none of them empty, but for an input without a single record:
/// it has none.
pub fn splits(spec: &TextSpec, target_partitions: usize, split_bytes_max: u64) -> Vec<Vec<Split>> {
    let target = target_partitions.max(1);
    let total: u64 = spec.files.iter().map(|file| file.size).sum();
    let piece = total
        .div_ceil(target as u64)
        .min(split_bytes_max)
        .max(SPLIT_BYTES_MIN);
    let mut ranges = Vec::new();
    for (file, source) in (0u32..).zip(&spec.files) {
        let start = match source.compression {
            Compression::None => source.body_start.min(source.size),
            Compression::Gzip | Compression::Zstd => 0,
        };
        let length = source.size - start;
        if length == 0 {
            continue;
        }
        let weight = match source.compression {
            Compression::None => 1,
            Compression::Gzip | Compression::Zstd => COMPRESSED_WEIGHT,
        };
        let pieces = if spec.splittable(source) {
            length
                .div_ceil(piece)
                .min((length / SPLIT_BYTES_MIN).max(1))
        } else {
            1
        };
        // Equal pieces, in 128 bits because a product of two sizes may not fit 64.
        let at = |index: u64| {
            let offset = u128::from(length) * u128::from(index) / u128::from(pieces);
            start + u64::try_from(offset).unwrap_or(length)
        };
        ranges.extend((0..pieces).map(|index| {
            let split = Split {
                file,
                start: at(index),
                end: at(index + 1),
            };
            ((split.end - split.start) * weight, split)
        }));
    }
    deal(ranges, target)
}

/// The heaviest range goes first, each to the group with the least to do.
fn deal(mut ranges: Vec<(u64, Split)>, target: usize) -> Vec<Vec<Split>> {
    let groups = target.min(ranges.len());
    ranges.sort_by_key(|(weight, split)| (std::cmp::Reverse(*weight), *split));
    let mut loads = vec![(0u64, Vec::new()); groups];
    for (weight, split) in ranges {
        if let Some((load, group)) = loads.iter_mut().min_by_key(|(load, _)| *load) {
            *load += weight;
            group.push(split);
        }
    }
    let sorted = |(_, mut group): (u64, Vec<Split>)| {
        group.sort();
        group
    };
    loads.into_iter().map(sorted).collect()
}

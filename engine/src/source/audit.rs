//! What reading a range left behind: counts, rejected records, and whether the ranges that were
//! read are the whole input.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::spec::{Compression, Split, TextSpec};
use crate::error::{Error, Kind, Result};

/// What was found in one range of a file that was read to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeAudit {
    pub input: String,
    pub file_index: u32,
    /// The path within the store.
    pub file_path: String,
    /// The range in bytes of the stored file.
    pub start: u64,
    pub end: u64,
    pub records: u64,
    /// The records that became rows.
    pub rows: u64,
    pub rejects: u64,
    /// How many rejects have this reason; a reject can have several.
    pub reasons: BTreeMap<String, u64>,
    /// The URLs of the objects that hold the rejects, as JSON lines.
    pub reject_objects: Vec<String>,
}

impl RangeAudit {
    /// The name of the audit object, within the audit folder.
    pub fn object_name(&self) -> String {
        format!("{}.json", range_name(&self.input, self.split()))
    }

    pub(super) fn split(&self) -> Split {
        Split {
            file: self.file_index,
            start: self.start,
            end: self.end,
        }
    }
}

/// Names are a function of the range alone, so that a repeated task overwrites its own objects.
pub(super) fn range_name(input: &str, split: Split) -> String {
    format!("{input}-{}-{}", split.file, split.start)
}

/// What was found in one file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileAudit {
    pub file_index: u32,
    pub file_path: String,
    pub records: u64,
    pub rows: u64,
    pub rejects: u64,
    pub reasons: BTreeMap<String, u64>,
    pub reject_objects: Vec<String>,
    /// The ranges for which there is no audit; empty for a file that was read whole.
    pub missing: Vec<Split>,
}

/// Puts the audits of an input together, one entry per file.
///
/// A range that was audited twice with the same result counts once.
///
/// # Errors
/// `Final` if two audits contradict each other or overlap, or are of another input.
pub fn merge(spec: &TextSpec, audits: Vec<RangeAudit>) -> Result<Vec<FileAudit>> {
    let mut by_file: BTreeMap<u32, BTreeMap<u64, RangeAudit>> = BTreeMap::new();
    for audit in audits {
        let known = spec.files.get(audit.file_index as usize);
        if audit.input != spec.input || known.is_none_or(|file| file.path != audit.file_path) {
            return Err(contradiction(spec, &audit, "it is of another input"));
        }
        let ranges = by_file.entry(audit.file_index).or_default();
        match ranges.get(&audit.start) {
            Some(other) if *other != audit => {
                return Err(contradiction(
                    spec,
                    &audit,
                    "another audit of this range differs",
                ));
            }
            _ => ranges.insert(audit.start, audit),
        };
    }
    let mut merged = Vec::with_capacity(spec.files.len());
    for (index, file) in (0u32..).zip(&spec.files) {
        let mut total = FileAudit {
            file_index: index,
            file_path: file.path.clone(),
            ..FileAudit::default()
        };
        let mut covered = match file.compression {
            Compression::None => file.body_start,
            Compression::Gzip | Compression::Zstd => 0,
        };
        for audit in by_file.remove(&index).unwrap_or_default().into_values() {
            if audit.start < covered {
                return Err(contradiction(spec, &audit, "it overlaps another one"));
            }
            if audit.start > covered {
                total.missing.push(Split {
                    file: index,
                    start: covered,
                    end: audit.start,
                });
            }
            covered = audit.end;
            total.add(audit);
        }
        if covered < file.size {
            total.missing.push(Split {
                file: index,
                start: covered,
                end: file.size,
            });
        }
        merged.push(total);
    }
    Ok(merged)
}

impl FileAudit {
    fn add(&mut self, audit: RangeAudit) {
        self.records += audit.records;
        self.rows += audit.rows;
        self.rejects += audit.rejects;
        for (reason, count) in audit.reasons {
            *self.reasons.entry(reason).or_default() += count;
        }
        self.reject_objects.extend(audit.reject_objects);
    }
}

fn contradiction(spec: &TextSpec, audit: &RangeAudit, cause: &str) -> Error {
    let RangeAudit {
        file_path,
        start,
        end,
        ..
    } = audit;
    let cause = format!("the audit of bytes {start} to {end} of {file_path} does not fit: {cause}");
    Error::new(
        Kind::Final,
        "audit",
        format_args!("input {}", spec.input),
        cause,
    )
}

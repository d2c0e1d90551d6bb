//! Brings together what the scans' audits tell: that every byte of every input was read once, and
//! what became of the records.

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::source::{self, FileAudit, RangeAudit};
use cinemill_engine::store::{self, Location};
use datafusion::execution::runtime_env::RuntimeEnv;

use super::inputs::ResolvedInput;
use super::verdict::{FileRejects, InputSummary};

/// What was read, and the staged files of rejected records.
pub struct Audited {
    pub inputs: Vec<InputSummary>,
    /// Names in the audit folder.
    pub reject_objects: Vec<String>,
}

/// Reads the audits of a run. A range that no task read (an engine may skip a scan whose rows
/// cannot matter) is audited here, so that the figures never depend on the plan.
pub async fn gather(
    folder: &Location,
    inputs: &[ResolvedInput],
    runtime: &RuntimeEnv,
) -> Result<Audited> {
    let all = read_all(folder).await?;
    let mut gathered = Audited {
        inputs: Vec::new(),
        reject_objects: Vec::new(),
    };
    for input in inputs {
        let mut audits: Vec<RangeAudit> = all
            .iter()
            .filter(|audit| audit.input == input.name)
            .cloned()
            .collect();
        let mut files = source::merge(&input.spec, audits.clone())?;
        let missing: Vec<_> = files.iter().flat_map(|file| file.missing.clone()).collect();
        if !missing.is_empty() {
            for split in missing {
                audits.push(source::audit_range(runtime, &input.spec, split).await?);
            }
            files = source::merge(&input.spec, audits)?;
        }
        gathered.add(input, files);
    }
    Ok(gathered)
}

impl Audited {
    fn add(&mut self, input: &ResolvedInput, files: Vec<FileAudit>) {
        let rejected = files
            .iter()
            .filter(|file| file.rejects > 0)
            .map(|file| FileRejects {
                file: file
                    .file_path
                    .rsplit('/')
                    .next()
                    .unwrap_or_default()
                    .to_owned(),
                rejects: file.rejects,
                reasons: file.reasons.clone(),
            });
        self.inputs.push(InputSummary {
            name: input.name.clone(),
            records: files.iter().map(|file| file.records).sum(),
            rows: files.iter().map(|file| file.rows).sum(),
            rejects: files.iter().map(|file| file.rejects).sum(),
            rejected: rejected.collect(),
        });
        self.reject_objects
            .extend(files.into_iter().flat_map(|file| file.reject_objects));
    }

    /// Rows that an input gave.
    pub fn rows_of(&self, input: &str) -> Option<u64> {
        self.inputs
            .iter()
            .find(|summary| summary.name == input)
            .map(|summary| summary.rows)
    }

    pub fn rejects(&self) -> u64 {
        self.inputs.iter().map(|input| input.rejects).sum()
    }
}

async fn read_all(folder: &Location) -> Result<Vec<RangeAudit>> {
    let store = store::open(folder)?;
    let mut audits = Vec::new();
    for meta in store.list(folder.path()).await? {
        if !meta.location.as_ref().ends_with(".json") {
            continue;
        }
        let Some((bytes, _)) = store.read(&meta.location).await? else {
            continue;
        };
        let audit = serde_json::from_slice(&bytes)
            .map_err(|cause| Error::new(Kind::Final, "read audit", &meta.location, cause))?;
        audits.push(audit);
    }
    Ok(audits)
}

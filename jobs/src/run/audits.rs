//! Brings together what the scans' audits tell: that every byte of every input was read once, and
//! what became of the records.

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::spec::staging_folder;
use cinemill_engine::source::{self, BadRecords, FileAudit, RangeAudit, TextSpec};
use cinemill_engine::store::{self, Location};
use datafusion::execution::runtime_env::RuntimeEnv;

use super::inputs::{InputSource, ResolvedInput};
use super::request::RunRequest;
use super::verdict::{FileRejects, InputSummary};

/// What was read, and the staged files of rejected records.
pub struct Audited {
    pub inputs: Vec<InputSummary>,
    pub rejects: Vec<RejectObject>,
}

/// A staged file of rejected records.
pub struct RejectObject {
    /// The audit folder in which it lies.
    pub folder: Location,
    pub name: String,
}

/// Where the scans of one execution of a piece leave their audits: a new folder each time, so that
/// nothing of an execution that was lost is taken for this one's.
pub fn fresh_folder(request: &RunRequest) -> Location {
    let staging = staging_folder(&request.run_id);
    let unique = uuid::Uuid::new_v4().simple();
    request.output.join(&format!("{staging}/audit-{unique}"))
}

/// Reads the audits of a run's pieces. An input that several pieces read is told of by the one that
/// read most of it. A range that no task read (an engine may skip a scan whose rows cannot matter)
/// is audited here, so that the figures never depend on the plan; its rejects go to `folders[0]`.
pub async fn gather(
    folders: &[Location],
    inputs: &[ResolvedInput],
    runtime: &RuntimeEnv,
) -> Result<Audited> {
    let mut pieces = Vec::new();
    for folder in folders {
        pieces.push((folder, read_all(folder).await?));
    }
    let mut gathered = Audited {
        inputs: Vec::new(),
        rejects: Vec::new(),
    };
    for input in inputs {
        let spec = match &input.source {
            InputSource::Text(spec) => spec,
            InputSource::Table(table) => {
                gathered
                    .inputs
                    .push(summary_of_table(&input.name, table.rows()));
                continue;
            }
        };
        let mut best: Option<(&Location, Vec<RangeAudit>, u64)> = None;
        for (folder, all) in &pieces {
            let own = all.iter().filter(|audit| audit.input == input.name);
            let audits: Vec<RangeAudit> = own.cloned().collect();
            let missing = missing_bytes(&source::merge(spec, audits.clone())?);
            if best.as_ref().is_none_or(|(.., least)| missing < *least) {
                best = Some((*folder, audits, missing));
            }
        }
        let Some((folder, mut audits, _)) = best else {
            continue;
        };
        let mut files = source::merge(spec, audits.clone())?;
        let missing: Vec<_> = files.iter().flat_map(|file| file.missing.clone()).collect();
        if !missing.is_empty() {
            let audited = input.audited(folder)?;
            let audited = audited.text().unwrap_or(spec);
            for split in missing {
                audits.push(source::audit_range(runtime, audited, split).await?);
            }
            files = source::merge(spec, audits)?;
        }
        balanced(spec, &files)?;
        gathered.add(input, folder, files);
    }
    Ok(gathered)
}

/// A table's rows are what its manifest or its footers tell.
fn summary_of_table(name: &str, rows: u64) -> InputSummary {
    InputSummary {
        name: name.to_owned(),
        records: rows,
        rows,
        rejects: 0,
        rejected: Vec::new(),
    }
}

fn missing_bytes(files: &[FileAudit]) -> u64 {
    let missing = files.iter().flat_map(|file| &file.missing);
    missing.map(|split| split.end - split.start).sum()
}

/// Every record became a row, but for those that the input's mode drops.
fn balanced(spec: &TextSpec, files: &[FileAudit]) -> Result<()> {
    for file in files {
        let dropped = match spec.mode {
            BadRecords::Drop => file.rejects,
            BadRecords::Permissive | BadRecords::Fail => 0,
        };
        if file.rows + dropped != file.records {
            let cause = format!(
                "{} has {} records, of which {} became rows and {dropped} were dropped",
                file.file_path, file.records, file.rows
            );
            tracing::error!(input = spec.input, cause, "the books do not balance");
            return Err(Error::new(
                Kind::Retryable,
                "read input",
                &spec.input,
                cause,
            ));
        }
    }
    Ok(())
}

impl Audited {
    fn add(&mut self, input: &ResolvedInput, folder: &Location, files: Vec<FileAudit>) {
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
        let objects = files.into_iter().flat_map(|file| file.reject_objects);
        self.rejects.extend(objects.map(|object| RejectObject {
            folder: folder.clone(),
            name: object.rsplit('/').next().unwrap_or_default().to_owned(),
        }));
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

//! Relations whose rows are kept in shared storage while a run goes on, so that work which is lost
//! later need not be done again from the beginning.
//!
//! A checkpoint is a table of its own below `_checkpoints/<run id>` in the output's folder, written
//! and committed like any other. A note beside it, written last, names it: what has no note does
//! not exist. `docs/adr/0005-checkpoints.md` tells why.

mod choice;

pub use choice::choose;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::table::{Manifest, ManifestFile, Table};
use cinemill_engine::sink::writer::stored_schema;
use cinemill_engine::store::Location;
use datafusion::arrow::datatypes::Schema;
use datafusion::catalog::TableProvider;
use serde::{Deserialize, Serialize};

use super::inputs::{InputSource, ResolvedInput};
use super::request::RunRequest;
use super::tables::TableInput;
use crate::job::WriteMode;

const CHECKPOINTS: &str = "_checkpoints";

/// The rows of a relation, written and committed.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    pub relation: String,
    /// Where the scans that it took left their audits.
    pub audits: Vec<Location>,
    /// The tables that hold its rows; one, but where it was made in chunks.
    parts: Vec<(Location, Manifest)>,
}

/// What is known of a checkpoint to whoever takes the run up later.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    /// Names of folders beside the note.
    table: String,
    audits: String,
    /// What the rows were made of.
    origin: Origin,
}

/// A checkpoint is good for a run only if it was made of the same SQL and the same files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Origin {
    relations: Vec<crate::job::Relation>,
    inputs: Vec<(String, InputSource)>,
    /// The run whose snapshot the table had.
    base: Option<String>,
    mode: Vec<WriteMode>,
    chunk_by: Option<String>,
    params: BTreeMap<String, String>,
}

impl Origin {
    fn new(request: &RunRequest, inputs: &[ResolvedInput], base: Option<&Manifest>) -> Self {
        let outputs = request.job.outputs.iter();
        Self {
            base: base.map(|base| base.run_id.clone()),
            mode: outputs.map(|output| request.mode(output)).collect(),
            chunk_by: request.options.chunk_by.clone(),
            relations: request.job.relations.clone(),
            inputs: inputs
                .iter()
                .map(|input| (input.name.clone(), input.source.clone()))
                .collect(),
            params: request.params.clone(),
        }
    }
}

impl Checkpoint {
    /// The rows as a table with the columns of `relation`, the relation's own schema.
    pub fn table(&self, relation: &Schema) -> Result<Arc<dyn TableProvider>> {
        self.as_input().table(stored_schema(relation.fields()))
    }

    /// The rows as those of a table.
    pub fn as_input(&self) -> TableInput {
        let mut parts = self.parts.iter();
        let folder = parts.next().map(|(folder, _)| folder.clone());
        let above = folder.and_then(|folder| folder.parent());
        let name = |folder: &Location| folder.path().filename().unwrap_or_default().to_owned();
        let files = self.parts.iter().flat_map(|(folder, manifest)| {
            let folder = name(folder);
            manifest.files.iter().map(move |file| ManifestFile {
                path: format!("{folder}/{}", file.path),
                ..file.clone()
            })
        });
        TableInput {
            folder: above.unwrap_or_else(|| self.audits[0].clone()),
            run_id: None,
            files: files.collect(),
        }
    }

    /// The rows of several checkpoints as one.
    pub fn of_parts(relation: &str, parts: Vec<Self>) -> Self {
        Self {
            relation: relation.to_owned(),
            audits: parts.iter().flat_map(|part| part.audits.clone()).collect(),
            parts: parts.into_iter().flat_map(|part| part.parts).collect(),
        }
    }

    pub fn rows(&self) -> u64 {
        self.parts.iter().map(|(_, manifest)| manifest.rows).sum()
    }
}

/// A place for a checkpoint that is about to be made.
pub struct Place {
    pub table: Location,
    pub audits: Location,
    note: Location,
    relation: String,
}

/// The checkpoints of one run.
pub struct Checkpoints<'a> {
    table: &'a Table,
    run_id: &'a str,
    origin: Origin,
}

impl<'a> Checkpoints<'a> {
    /// `base` is the snapshot that the run is to replace.
    pub fn new(
        table: &'a Table,
        request: &'a RunRequest,
        inputs: &[ResolvedInput],
        base: Option<&Manifest>,
    ) -> Self {
        Self {
            table,
            run_id: &request.run_id,
            origin: Origin::new(request, inputs, base),
        }
    }

    /// A fresh place for a relation's rows: what an execution that was lost may still write goes
    /// elsewhere.
    pub fn place(&self, relation: &str) -> Place {
        let folder = folder(self.table, self.run_id);
        let unique = uuid::Uuid::new_v4().simple();
        Place {
            table: folder.join(&format!("{relation}-{unique}")),
            audits: folder.join(&format!("{relation}-{unique}-audits")),
            note: folder.join(&format!("{relation}.json")),
            relation: relation.to_owned(),
        }
    }

    /// Makes a committed table the relation's checkpoint.
    pub async fn keep(&self, place: Place, manifest: Manifest) -> Result<Checkpoint> {
        let name = |location: &Location| {
            let path = location.path().as_ref();
            path.rsplit('/').next().unwrap_or(path).to_owned()
        };
        let note = Note {
            table: name(&place.table),
            audits: name(&place.audits),
            origin: self.origin.clone(),
        };
        let json = serde_json::to_vec(&note)
            .map_err(|cause| Error::new(Kind::Final, "write", &place.note, cause))?;
        let store = self.table.store();
        store.write(place.note.path(), Bytes::from(json)).await?;
        Ok(Checkpoint {
            relation: place.relation,
            audits: vec![place.audits],
            parts: vec![(place.table, manifest)],
        })
    }

    /// The relation's checkpoint, where a driver before this one made it of the same data and all
    /// of it is still there.
    pub async fn find(&self, relation: &str) -> Result<Option<Checkpoint>> {
        let place = self.place(relation);
        let Some((bytes, _)) = self.table.store().read(place.note.path()).await? else {
            return Ok(None);
        };
        let Ok(note) = serde_json::from_slice::<Note>(&bytes) else {
            return Ok(None);
        };
        if note.origin != self.origin {
            return Ok(None);
        }
        let folder = folder(self.table, self.run_id);
        let found = Table::open(folder.join(&note.table))?;
        let Some(snapshot) = found.current().await? else {
            return Ok(None);
        };
        let manifest = snapshot.manifest;
        Ok(is_whole(&found, &manifest).await?.then(|| Checkpoint {
            relation: relation.to_owned(),
            audits: vec![folder.join(&note.audits)],
            parts: vec![(found.location().clone(), manifest)],
        }))
    }
}

/// Whether all files that a manifest lists are there.
async fn is_whole(table: &Table, manifest: &Manifest) -> Result<bool> {
    let listed = table.store().list(table.location().path()).await?;
    let is_there = |file: &cinemill_engine::sink::table::ManifestFile| {
        let path = table.location().join(&file.path);
        listed
            .iter()
            .any(|meta| meta.location == *path.path() && meta.size == file.bytes)
    };
    Ok(manifest.files.iter().all(is_there))
}

fn folder(table: &Table, run_id: &str) -> Location {
    table.location().join(&format!("{CHECKPOINTS}/{run_id}"))
}

/// Removes the checkpoints of a run that is over. They cost room and nothing else, so a failure is
/// only told.
pub async fn remove(table: &Table, run_id: &str) {
    if let Err(error) = try_remove(table, run_id).await {
        tracing::warn!(run = run_id, %error, "could not remove the checkpoints of a run");
    }
}

async fn try_remove(table: &Table, run_id: &str) -> Result<()> {
    let folder = folder(table, run_id);
    let listed = table.store().list(folder.path()).await?;
    if listed.is_empty() {
        return Ok(());
    }
    // An execution that was cut off may have left uploads open.
    for name in children(&folder, &listed) {
        Table::open(folder.join(&name))?.roll_back(run_id).await?;
    }
    let rest = table.store().list(folder.path()).await?;
    let paths = rest.into_iter().map(|meta| meta.location).collect();
    table.store().delete(paths).await?;
    if table.location().is_local() {
        table.store().delete_folder(folder.path()).await?;
        let all = table.location().join(CHECKPOINTS);
        if let Some(all) = table.store().file_path(all.path()) {
            // Not empty while another run has checkpoints.
            let _ = std::fs::remove_dir(all);
        }
    }
    Ok(())
}

/// Removes the checkpoints of runs whose drivers are dead, other than `own`.
pub async fn sweep(table: &Table, own: &str) -> Result<()> {
    for abandoned in abandoned(table).await? {
        if abandoned.run_id != own {
            remove(table, &abandoned.run_id).await;
        }
    }
    Ok(())
}

/// The checkpoints of a run whose driver is dead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AbandonedCheckpoints {
    pub run_id: String,
    pub files: u64,
    pub bytes: u64,
}

/// What dead drivers kept in a table's folder for those that would take their runs up.
pub async fn abandoned(table: &Table) -> Result<Vec<AbandonedCheckpoints>> {
    let all = table.location().join(CHECKPOINTS);
    let listed = table.store().list(all.path()).await?;
    let mut found = Vec::new();
    for run_id in children(&all, &listed) {
        if !table.is_dead(&run_id).await? {
            continue;
        }
        let folder = folder(table, &run_id);
        let own = listed
            .iter()
            .filter(|meta| meta.location.prefix_matches(folder.path()));
        found.push(AbandonedCheckpoints {
            run_id,
            files: own.clone().count() as u64,
            bytes: own.map(|meta| meta.size).sum(),
        });
    }
    Ok(found)
}

/// The names of the folders in `folder`, from what was listed below it.
fn children(
    folder: &Location,
    listed: &[object_store::ObjectMeta],
) -> std::collections::BTreeSet<String> {
    let below = |meta: &object_store::ObjectMeta| {
        let mut parts = meta.location.prefix_match(folder.path())?;
        let name = parts.next()?.as_ref().to_owned();
        parts.next().map(|_| name)
    };
    listed.iter().filter_map(below).collect()
}

//! What a commit is about to make visible, written down before it does so.

use std::collections::HashSet;

use object_store::ObjectMeta;
use serde::{Deserialize, Serialize};

use super::manifest::Manifest;
use super::{REJECTS, Table};
use crate::error::{Error, Kind, Result};
use crate::sink::spec::staging_folder;

/// Begins the name of an intent in the run's staging folder. Each attempt at a run writes its own,
/// so that what a dead attempt made visible is not forgotten by the next one.
const INTENT: &str = "intent-";

/// What a sweeper must undo when the commit does not happen.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Intent {
    pub run_id: String,
    /// The run whose snapshot this one replaces; `None` for the first.
    pub base: Option<String>,
    /// Relative to the table's folder.
    pub files: Vec<String>,
}

impl Intent {
    /// Whether the manifest might still be replaced by this commit, were its driver alive: its
    /// conditional write names the snapshot that it began with.
    pub fn is_possible(&self, current: Option<&Manifest>) -> bool {
        self.base.as_deref() == current.map(|manifest| manifest.run_id.as_str())
    }

    /// What must go when the commit cannot happen any more, given the manifest of now. `keep` are
    /// rejects of the attempt that was committed, where that is known.
    pub fn strays(&self, current: Option<&Manifest>, keep: Option<&[String]>) -> Vec<String> {
        let listed: HashSet<&str> = current
            .into_iter()
            .flat_map(|manifest| {
                let files = manifest.files.iter().map(|file| file.path.as_str());
                files.chain(manifest.state.as_deref())
            })
            .chain(keep.into_iter().flatten().map(String::as_str))
            .collect();
        // The rejects of a committed run stay, whatever becomes of its parts.
        let committed =
            keep.is_none() && current.is_some_and(|manifest| manifest.knows(&self.run_id));
        let stays = |file: &str| {
            listed.contains(file) || (committed && file.starts_with(&format!("{REJECTS}/")))
        };
        self.files
            .iter()
            .filter(|file| !stays(file))
            .cloned()
            .collect()
    }
}

/// A name for the intent of one attempt.
pub(super) fn fresh_name() -> String {
    format!("{INTENT}{}.json", uuid::Uuid::new_v4().simple())
}

pub(super) async fn write(table: &Table, name: &str, intent: &Intent) -> Result<()> {
    let path = table.path(&format!("{}/{name}", staging_folder(&intent.run_id)));
    let json = serde_json::to_vec(intent)
        .map_err(|cause| Error::new(Kind::Final, "write", &path, cause))?;
    table.store().write(&path, json.into()).await
}

/// Whether an object in a staging folder is an intent.
pub(super) fn is_intent(meta: &ObjectMeta) -> bool {
    let name = meta.location.filename().unwrap_or_default();
    name.starts_with(INTENT) && name.ends_with(".json")
}

/// `None` where another sweeper was faster.
pub(super) async fn read(table: &Table, meta: &ObjectMeta) -> Result<Option<Intent>> {
    let Some((bytes, _)) = table.store().read(&meta.location).await? else {
        return Ok(None);
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|cause| Error::new(Kind::Final, "read", &meta.location, cause))
}

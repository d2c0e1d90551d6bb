//! What a staging writes down of a file, so that the next one can pass over it.

use chrono::{DateTime, Utc};
use cinemill_engine::error::{Error, Kind, Result};
use serde::{Deserialize, Serialize};

use super::fetch::Mark;
use super::target::{OWN_FOLDER, Placed, Target};

/// `_stage/<file>.json`. It is written last: what it tells of is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    pub origin: String,
    pub mark: Mark,
    pub bytes: u64,
    pub sha256: String,
    pub staged_at: DateTime<Utc>,
    /// What was asked to be made of it.
    pub shape: Shape,
    pub outputs: Vec<Placed>,
    /// Where the file is archived as it came.
    pub archived: Option<String>,
}

/// How a file is laid out in the target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_mb: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<String>,
}

impl State {
    /// What was written last; one that cannot be read says nothing.
    pub async fn read(target: &Target, file: &str) -> Result<Option<Self>> {
        let read = target.read(&name(file)).await?;
        Ok(read.and_then(|(json, _)| serde_json::from_slice(&json).ok()))
    }

    pub async fn write(&self, target: &Target, file: &str) -> Result<()> {
        let place = target.folder.join(&name(file));
        let json = serde_json::to_vec_pretty(self)
            .map_err(|cause| Error::new(Kind::Final, "write", &place, cause))?;
        target.store.write(place.path(), json.into()).await
    }

    /// Whether all that it tells of is still there.
    pub async fn holds(&self, target: &Target) -> Result<bool> {
        for placed in &self.outputs {
            if !target.is_there(placed).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn name(file: &str) -> String {
    format!("{OWN_FOLDER}/{file}.json")
}

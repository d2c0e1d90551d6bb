//! The list that makes a folder of parts change as one.
//!
//! A folder cannot be replaced in one step in a bucket. So whoever writes parts there with a list
//! replaces the list last, and the reader takes what it names and nothing else.

use std::collections::HashMap;
use std::sync::Arc;

use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use serde::{Deserialize, Serialize};

/// The list's name in the folder of parts.
pub const PARTS_LIST: &str = "_parts.json";

/// All that a folder of parts consists of; nothing while the first ones are on their way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartsList {
    pub parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub name: String,
    pub bytes: u64,
}

impl PartsList {
    /// Reads the list, where there is one among the objects of a folder.
    pub(super) async fn read(
        store: &Arc<dyn ObjectStore>,
        objects: &[ObjectMeta],
    ) -> object_store::Result<Option<Result<Self, String>>> {
        let list = objects
            .iter()
            .find(|meta| meta.location.filename() == Some(PARTS_LIST));
        let Some(list) = list else { return Ok(None) };
        let json = store.get(&list.location).await?.bytes().await?;
        let read = serde_json::from_slice(&json);
        Ok(Some(read.map_err(|cause| {
            format!("has a {PARTS_LIST} that cannot be read: {cause}")
        })))
    }

    /// The objects that the list names; all must be there as the list says.
    pub(super) fn choose(&self, objects: Vec<ObjectMeta>) -> Result<Vec<ObjectMeta>, String> {
        if self.parts.is_empty() {
            return Err("is being staged for the first time, and not done".to_owned());
        }
        let named = |meta: ObjectMeta| Some((meta.location.filename()?.to_owned(), meta));
        let mut there: HashMap<String, ObjectMeta> =
            objects.into_iter().filter_map(named).collect();
        let parts = self
            .parts
            .iter()
            .map(|part| match there.remove(&part.name) {
                Some(meta) if meta.size == part.bytes => Ok(meta),
                Some(meta) => Err(format!(
                    "has {} with {} bytes, where its {PARTS_LIST} says {}",
                    part.name, meta.size, part.bytes
                )),
                None => Err(format!("lacks {}, which its {PARTS_LIST} names", part.name)),
            });
        parts.collect()
    }
}

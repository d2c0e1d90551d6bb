//! Gives a file its place in the target, as one file or as a folder of parts.
//!
//! Jobs look for the file before they look for the folder, and of a folder they take what its list
//! names. So a change between the two, as well as one from old parts to new ones, takes place in
//! one request, and what is out of place then goes afterwards.

use std::collections::HashSet;
use std::path::PathBuf;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::source::{PARTS_LIST, Part, PartsList};
use cinemill_engine::store::{Expect, PutOutcome};
use object_store::ObjectMeta;
use object_store::path::Path;
use tokio_util::sync::CancellationToken;

use super::split::can_be_split;
use super::target::{Placed, Target, is_abandoned};

/// How often the list is tried to be replaced while others replace it too.
const LIST_TRIES: u32 = 20;

/// Puts whole files in their places.
pub async fn files(
    target: &Target,
    files: &[(PathBuf, String)],
    cancel: &CancellationToken,
) -> Result<Vec<Placed>> {
    let mut placed = Vec::with_capacity(files.len());
    for (path, name) in files {
        placed.push(target.put(path, name, cancel).await?);
        if can_be_split(name) {
            remove_parts(target, parts_folder(name)).await?;
        }
    }
    Ok(placed)
}

/// Puts the parts of the file `name` into its folder.
pub async fn parts(
    target: &Target,
    name: &str,
    parts: &[PathBuf],
    cancel: &CancellationToken,
) -> Result<Vec<Placed>> {
    let folder = parts_folder(name);
    let list = target.folder.join(&format!("{folder}/{PARTS_LIST}"));
    // Without it, a job would take the first parts for all.
    let none = json(&PartsList::default(), list.path())?;
    target
        .store
        .write_if(list.path(), none, &Expect::Absent)
        .await?;

    // No two stagings give a part the same name.
    let unique = uuid::Uuid::new_v4().simple().to_string();
    let mut placed = Vec::with_capacity(parts.len() + 1);
    for (number, path) in parts.iter().enumerate() {
        let part = format!("{folder}/part-{number:05}-{}.tsv.gz", &unique[..8]);
        placed.push(target.put(path, &part, cancel).await?);
    }
    let named = |placed: &Placed| Part {
        name: file_name(&placed.path).to_owned(),
        bytes: placed.bytes,
    };
    let new = PartsList {
        parts: placed.iter().map(named).collect(),
    };
    let (old, e_tag) = replace_list(target, list.path(), &new).await?;
    placed.push(Placed {
        path: format!("{folder}/{PARTS_LIST}"),
        bytes: json(&new, list.path())?.len() as u64,
        e_tag,
    });
    target.delete([name.to_owned()]).await?;
    remove_old(target, folder, &old, &new).await?;
    Ok(placed)
}

/// Removes a folder of parts; one that has no list is not ours.
async fn remove_parts(target: &Target, folder: &str) -> Result<()> {
    let list = target.find(&format!("{folder}/{PARTS_LIST}")).await?;
    if list.is_none() {
        return Ok(());
    }
    let folder = target.folder.join(folder);
    target.store.delete_folder(folder.path()).await
}

/// The folder that stands for a packed file.
fn parts_folder(name: &str) -> &str {
    name.strip_suffix(".gz").unwrap_or(name)
}

/// Gives the list that was there before, and the new one's tag.
async fn replace_list(
    target: &Target,
    path: &Path,
    new: &PartsList,
) -> Result<(PartsList, Option<String>)> {
    for _ in 0..LIST_TRIES {
        let found = target.store.read(path).await?;
        let expect = Expect::found(found.as_ref().map(|(_, meta)| meta));
        let written = target
            .store
            .write_if(path, json(new, path)?, &expect)
            .await?;
        if let PutOutcome::Written(Expect::Version(version)) = written {
            let old = found.and_then(|(json, _)| serde_json::from_slice(&json).ok());
            return Ok((old.unwrap_or_default(), version.e_tag));
        }
    }
    let cause = "others replace it again and again";
    Err(Error::new(Kind::Retryable, "write", path, cause))
}

/// Removes the parts of the list before, and those that a killed staging left.
async fn remove_old(target: &Target, folder: &str, old: &PartsList, new: &PartsList) -> Result<()> {
    let names = |list: &PartsList| -> HashSet<String> {
        list.parts.iter().map(|part| part.name.clone()).collect()
    };
    let (old, new) = (names(old), names(new));
    let goes = |meta: &ObjectMeta| {
        let name = meta.location.filename().unwrap_or_default();
        let is_listed = new.contains(name) || name == PARTS_LIST;
        !is_listed && (old.contains(name) || is_abandoned(meta))
    };
    let there = target.store.list(target.folder.join(folder).path()).await?;
    let gone = there.into_iter().filter(goes).map(|meta| meta.location);
    target.store.delete(gone.collect()).await
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn json(list: &PartsList, path: &Path) -> Result<bytes::Bytes> {
    serde_json::to_vec_pretty(list)
        .map(Into::into)
        .map_err(|cause| Error::new(Kind::Final, "write", path, cause))
}

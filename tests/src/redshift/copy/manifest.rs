//! The files that a manifest lists.

use serde_json::Value;

use super::super::sql::Refusal;
use super::super::storage::Storage;

/// The URLs of the files, all of which are there and as large as they should be. A file that is
/// listed twice is copied twice.
pub async fn files(storage: &Storage, manifest: &str) -> Result<Vec<String>, Refusal> {
    let bytes = storage.read(manifest).await?;
    let content: Value = serde_json::from_slice(&bytes)
        .map_err(|error| wrong(manifest, &format!("it is no JSON: {error}")))?;
    let entries = content["entries"].as_array();
    let entries = entries.ok_or_else(|| wrong(manifest, "`entries` is missing"))?;
    let mut files = Vec::new();
    for entry in entries {
        files.extend(file(storage, manifest, entry).await?);
    }
    Ok(files)
}

/// `None` for one that is missing and may be.
async fn file(storage: &Storage, manifest: &str, entry: &Value) -> Result<Option<String>, Refusal> {
    let url = entry["url"].as_str();
    let url = url.ok_or_else(|| wrong(manifest, "an entry has no `url`"))?;
    let length = entry["meta"]["content_length"].as_u64();
    let length = length.ok_or_else(|| {
        let cause = format!("`meta.content_length` of {url} is required for columnar formats");
        wrong(manifest, &cause)
    })?;
    let is_mandatory = entry["mandatory"].as_bool().unwrap_or(false);
    match storage.size(url).await {
        Ok(size) if size == length => Ok(Some(url.to_owned())),
        Ok(size) => {
            let cause = format!("{url} should have {length} bytes and has {size}");
            Err(wrong(manifest, &cause))
        }
        Err(refusal) if is_mandatory => Err(refusal),
        Err(_) => Ok(None),
    }
}

fn wrong(manifest: &str, cause: &str) -> Refusal {
    Refusal::internal(
        "Problem reading manifest file",
        format!("{manifest}: {cause}"),
    )
}

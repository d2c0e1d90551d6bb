//! Folders of the table on a disk. In a bucket there are none, and nothing here does anything.

use std::collections::BTreeSet;
use std::fs::File;

use super::Table;
use crate::error::{Error, Kind, Result};
use crate::sink::staged::write_failed;

/// The folders that lead to the files, without the table's own; an outer one before its inner ones.
fn folders_of(files: &[&str]) -> BTreeSet<String> {
    let mut folders = BTreeSet::new();
    for file in files {
        let mut rest = *file;
        while let Some((folder, _)) = rest.rsplit_once('/') {
            folders.insert(folder.to_owned());
            rest = folder;
        }
    }
    folders
}

impl Table {
    /// Removes those of the folders of some files that are empty now.
    pub(super) async fn remove_empty_folders(&self, files: &[&str]) {
        // Innermost first.
        for folder in folders_of(files).iter().rev() {
            if let Some(path) = self.store().file_path(&self.path(folder)) {
                // One that is not empty stays.
                let _ = tokio::fs::remove_dir(path).await;
            }
        }
    }

    /// Makes the names of the files durable.
    pub(super) async fn sync_folders(&self, files: &[&str]) -> Result<()> {
        let Some(table) = self.store().file_path(self.location().path()) else {
            return Ok(());
        };
        let below = folders_of(files);
        let below = below
            .iter()
            .filter_map(|folder| self.store().file_path(&self.path(folder)));
        let folders: Vec<_> = below.chain([table]).collect();
        let synced = tokio::task::spawn_blocking(move || {
            for folder in folders {
                let sync = || File::open(&folder)?.sync_all();
                sync().map_err(|cause| write_failed(&folder.display().to_string(), &cause))?;
            }
            Ok(())
        });
        synced
            .await
            .map_err(|cause| Error::new(Kind::Retryable, "write", self.location(), cause))?
    }
}

//! The data sets, what one process makes of them, and where outputs go.

use std::path::{Path, PathBuf};

use super::Tally;
use crate::processes::{Result, poll, text};
use crate::published::Published;
use crate::s3::S3Server;
use crate::samples::{copy, embedded, make};

const BUCKET: &str = "lake";
/// Titles of the data sets.
const SIZES: [u64; 3] = [4_000, 20_000, 60_000];

/// One data set.
pub struct DataSet {
    pub titles: u64,
    local: PathBuf,
    pub reference: Published,
}

/// Where a table is written, and where its files are then.
pub struct Place {
    pub output: String,
    pub folder: PathBuf,
    is_local: bool,
}

pub struct Tables<'a> {
    folder: PathBuf,
    server: &'a S3Server,
    pub sets: Vec<DataSet>,
}

impl<'a> Tables<'a> {
    pub fn make(folder: &Path, server: &'a S3Server, seed: u64) -> Result<Self> {
        server.create_bucket(BUCKET)?;
        let sets = SIZES.map(|titles| {
            let local = folder.join(format!("in-{titles}"));
            make(titles, seed, &local)?;
            copy(&local, &server.object_path(BUCKET, &format!("in-{titles}")))?;
            Ok(DataSet {
                titles,
                reference: embedded(&local)?,
                local,
            })
        });
        Ok(Self {
            folder: folder.to_owned(),
            server,
            sets: sets.into_iter().collect::<Result<_>>()?,
        })
    }

    /// A table of this name, in a folder or in the bucket.
    pub fn place(&self, name: &str, is_local: bool) -> Result<Place> {
        let folder = match is_local {
            true => self.folder.join(name),
            false => self.server.object_path(BUCKET, name),
        };
        let output = match is_local {
            true => text(&folder)?,
            false => format!("s3://{BUCKET}/{name}"),
        };
        Ok(Place {
            output,
            folder,
            is_local,
        })
    }

    /// Where a data set is read from when the output goes there.
    pub fn input(&self, set: &DataSet, place: &Place) -> Result<String> {
        match place.is_local {
            true => text(&set.local),
            false => Ok(format!("s3://{BUCKET}/in-{}", set.titles)),
        }
    }

    /// No upload is open once all runs are over and garbage has been collected.
    pub fn check_uploads(&self, tally: &Tally) {
        let open = || self.server.open_uploads(BUCKET).unwrap_or_default();
        let closed = poll("no open upload", || open().is_empty().then_some(()));
        if closed.is_err() {
            tally.left(format!("open uploads: {:?}", open()));
        }
    }
}

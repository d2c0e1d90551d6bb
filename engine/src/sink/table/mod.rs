//! A published table: the folder that readers see, and how it changes.
//!
//! The manifest is the truth: it lists the files of the current snapshot, and one conditional
//! write replaces it. All else (`part-*` files of older snapshots, `_staging`) is either invisible
//! to readers or on its way out. `docs/commit-protocol.md` walks through every step and crash.

mod alive;
mod commit;
mod files;
mod folders;
mod garbage;
mod gc;
mod intent;
mod manifest;
mod object_reader;
mod probe;
mod publish;
mod record;
mod retention;
mod state;
mod sweep;

pub use commit::{Commit, CommitStep, Publication, WrittenTable};
pub use files::TableFile;
pub use garbage::{Garbage, GarbageKind};
pub use gc::{GcOptions, GcReport};
pub use manifest::{Manifest, ManifestFile, ManifestTable, Snapshot, TableFiles, spark_type};
pub use record::{LEASE_RENEWAL, Lease, LeaseOutcome, RunRecord, RunState};
pub use retention::KeptSnapshot;

use object_store::path::Path;

use crate::error::Result;
use crate::store::{Location, Store, open};

const MANIFEST: &str = "_manifest.json";
const SUCCESS: &str = "_SUCCESS";
const RUNS: &str = "_runs";
const REJECTS: &str = "_rejects";
/// The folder, below the table's, of what runs leave for those that add to the table.
const STATE: &str = "_state";
/// The folder, below the table's, of snapshots that were replaced and are kept.
const SNAPSHOTS: &str = "_snapshots";
/// The folder, below the table's, of manifests for loads that are going on.
pub const COPY_MANIFESTS: &str = "_loads";

/// The folder of one table.
#[derive(Debug, Clone)]
pub struct Table {
    location: Location,
    store: Store,
}

impl Table {
    pub fn open(location: Location) -> Result<Self> {
        let store = open(&location)?;
        Ok(Self { location, store })
    }

    pub fn location(&self) -> &Location {
        &self.location
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The snapshot that readers see now; `None` where nothing was published yet.
    pub async fn current(&self) -> Result<Option<Snapshot>> {
        manifest::read(self).await
    }

    /// Where the rejects of a run end up.
    pub fn rejects(&self, run_id: &str) -> Location {
        self.location.join(&format!("{REJECTS}/{run_id}"))
    }

    fn path(&self, relative: &str) -> Path {
        self.location.join(relative).path().clone()
    }
}

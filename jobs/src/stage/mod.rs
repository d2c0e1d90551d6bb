//! Brings raw files from where they are published to a folder from which jobs read.
//!
//! A file is fetched to the local disk, read once through, archived as it came, put into its place,
//! and only then written down as staged. A process that is killed anywhere on the way leaves what
//! was there before, or the new file.

mod check;
mod events;
mod fetch;
mod http;
mod members;
mod origin;
mod publish;
mod retry;
mod sftp;
mod source;
mod split;
mod spool;
mod state;
mod target;

use std::path::{Path, PathBuf};

use chrono::Utc;
use cinemill_engine::error::{Error, Kind, Result};
use futures::StreamExt;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

pub use events::Event;
pub use fetch::Means;
pub use http::client;
pub use source::Source;
pub use target::Target;

use check::Checked;
use events::Told;
use fetch::{Fetched, Mark, fetch};
use origin::Origin;
use source::RemoteFile;
use state::{Shape, State};
use target::{Placed, blocking};

/// How many files are staged side by side.
const FILES_AT_ONCE: usize = 3;
/// How often a file is fetched that turns out to be damaged.
const FETCHES: u32 = 2;

/// What is to be staged, and where.
pub struct Staging<'a> {
    pub source: &'a Source,
    /// Where the files are instead of where the source says.
    pub from: Option<&'a str>,
    pub target: &'a Target,
    /// Where files are kept as they came.
    pub archive: Option<&'a Target>,
    /// Of how much text each part of a large file is.
    pub split_mb: Option<u64>,
    /// For files on their way; it outlives the staging.
    pub work: &'a Path,
    pub means: &'a Means,
    pub cancel: &'a CancellationToken,
}

/// How one file was staged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Staged {
    pub file: String,
    /// It is as the last staging left it.
    pub unchanged: bool,
    /// As it came.
    pub bytes: u64,
    pub sha256: String,
    /// Names below the target's folder.
    pub outputs: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived: Option<String>,
}

/// One file, and what became of it.
pub type Outcome = (String, Result<Staged>);

impl Staging<'_> {
    /// Stages all files of the source; one that fails does not keep the others from it.
    pub async fn run(&self, told: &(dyn Fn(&str, Event) + Sync)) -> Vec<Outcome> {
        self.target.sweep().await;
        let files = self.source.files.iter().enumerate();
        let staged = files.map(|(number, file)| async move {
            let told = Told {
                file: &file.name,
                to: told,
            };
            let work = self.work.join(number.to_string());
            let staged = self.stage(file, &work, &told).await;
            told.done();
            (file.name.clone(), staged)
        });
        futures::stream::iter(staged)
            .buffered(FILES_AT_ONCE)
            .collect()
            .await
    }

    async fn stage(&self, file: &RemoteFile, work: &Path, told: &Told<'_>) -> Result<Staged> {
        let origin = Origin::of(self.source, file, self.from)?;
        let before = State::read(self.target, &file.name).await?;
        let before = self.still_holding(before, file, &origin).await?;
        std::fs::create_dir_all(work).map_err(|cause| spool::failed(work, &cause))?;
        let fresh = Fresh {
            staging: self,
            file,
            origin: &origin,
            work,
            told,
        };
        let staged = fresh.stage(before.as_ref()).await;
        // It is in the work folder, which goes in any case.
        let _ = std::fs::remove_dir_all(work);
        staged
    }

    /// The state, where another staging with the same wishes would find all of it as it was.
    async fn still_holding(
        &self,
        state: Option<State>,
        file: &RemoteFile,
        origin: &Origin,
    ) -> Result<Option<State>> {
        let Some(state) = state else { return Ok(None) };
        let archive = self.archive.map(|archive| format!("{}/", archive.folder));
        let archived = state.archived.clone().unwrap_or_default();
        let is_archived = archive.is_none_or(|archive| archived.starts_with(&archive));
        let is_same = state.origin == origin.to_string() && state.shape == self.shape(file);
        let holds = is_same && is_archived && state.holds(self.target).await?;
        Ok(holds.then_some(state))
    }

    fn shape(&self, file: &RemoteFile) -> Shape {
        Shape {
            split_mb: self.split_mb.filter(|_| split::can_be_split(&file.name)),
            members: file.members.clone(),
        }
    }
}

/// A file on its way.
struct Fresh<'a> {
    staging: &'a Staging<'a>,
    file: &'a RemoteFile,
    origin: &'a Origin,
    work: &'a Path,
    told: &'a Told<'a>,
}

impl Fresh<'_> {
    async fn stage(&self, before: Option<&State>) -> Result<Staged> {
        let raw = self.work.join("raw");
        let (mark, checked) = match self.fetch(&raw, before).await? {
            Arrived::Same(before) => return Ok(self.verdict(before, true)),
            Arrived::New(mark, checked) => (mark, checked),
        };
        if let Some(before) = before.filter(|before| before.sha256 == checked.sha256) {
            // The server gave it another mark, or none.
            let state = State {
                mark,
                ..before.clone()
            };
            state.write(self.staging.target, &self.file.name).await?;
            return Ok(self.verdict(before, true));
        }
        // Damage to an archive shows here, before anything is written.
        let pieces = self.pieces(&raw).await?;
        let archived = self.archive(&raw).await?;
        self.told.phase("writing");
        let outputs = self.publish(pieces).await?;
        let state = State {
            origin: self.origin.to_string(),
            mark,
            bytes: checked.bytes,
            sha256: checked.sha256,
            staged_at: Utc::now(),
            shape: self.staging.shape(self.file),
            outputs,
            archived,
        };
        state.write(self.staging.target, &self.file.name).await?;
        Ok(self.verdict(&state, false))
    }

    /// Fetches the file and reads it through, unless it is the one of before.
    async fn fetch<'b>(&self, raw: &Path, before: Option<&'b State>) -> Result<Arrived<'b>> {
        let mut known = before;
        let mut fetches = 0;
        loop {
            let mark = known.map(|state| &state.mark);
            let fetched = fetch(self.staging.means, self.origin, raw, mark, self.told);
            let mark = match (self.unless_cancelled(fetched).await??, known) {
                (Fetched::New(mark), _) => mark,
                (Fetched::Unchanged, Some(state)) => return Ok(Arrived::Same(state)),
                (Fetched::Unchanged, None) => {
                    let cause = "the server says that it has not changed, unasked";
                    return Err(Error::new(Kind::Input, "download", self.origin, cause));
                }
            };
            fetches += 1;
            self.told.phase("checking");
            let (path, name) = (raw.to_owned(), self.file.name.clone());
            let checked = blocking(move || check::check(&path, &name));
            match self.unless_cancelled(checked).await?? {
                Ok(checked) => return Ok(Arrived::New(mark, checked)),
                Err(cause) if check::is_damage(&cause) && fetches < FETCHES => {
                    self.told.retry(format!("it is damaged: {cause}"));
                    known = None;
                }
                Err(cause) => return Err(self.damaged(&cause)),
            }
        }
    }

    /// What the file is to become: itself, the members of an archive, or parts.
    async fn pieces(&self, raw: &Path) -> Result<Pieces> {
        let shape = self.staging.shape(self.file);
        let (raw, work) = (raw.to_owned(), self.work.to_owned());
        if !shape.members.is_empty() {
            self.told.phase("extracting");
            let names = shape.members.clone();
            let extracted = blocking(move || members::extract(&raw, &names, &work));
            let extracted = self.unless_cancelled(extracted).await??;
            let extracted = extracted.map_err(|cause| self.damaged(&cause))?;
            return Ok(Pieces::Files(
                extracted.into_iter().zip(shape.members).collect(),
            ));
        }
        if let Some(split_mb) = shape.split_mb {
            self.told.phase("splitting");
            let raw = raw.clone();
            let parts = blocking(move || split::split(&raw, &work, split_mb << 20));
            let parts = self.unless_cancelled(parts).await??;
            let parts = parts.map_err(|cause| self.damaged(&cause))?;
            if parts.len() > 1 {
                return Ok(Pieces::Parts(parts));
            }
        }
        Ok(Pieces::Files(vec![(raw, self.file.name.clone())]))
    }

    async fn publish(&self, pieces: Pieces) -> Result<Vec<Placed>> {
        let (target, cancel) = (self.staging.target, self.staging.cancel);
        match pieces {
            Pieces::Files(files) => publish::files(target, &files, cancel).await,
            Pieces::Parts(parts) => publish::parts(target, &self.file.name, &parts, cancel).await,
        }
    }

    /// Keeps the file as it came, below the date; of one day the last one.
    async fn archive(&self, raw: &Path) -> Result<Option<String>> {
        let Some(archive) = self.staging.archive else {
            return Ok(None);
        };
        self.told.phase("archiving");
        let name = format!("{}/{}", Utc::now().format("%Y-%m-%d"), self.file.name);
        archive.put(raw, &name, self.staging.cancel).await?;
        Ok(Some(archive.folder.join(&name).to_string()))
    }

    fn verdict(&self, state: &State, unchanged: bool) -> Staged {
        Staged {
            file: self.file.name.clone(),
            unchanged,
            bytes: state.bytes,
            sha256: state.sha256.clone(),
            outputs: state
                .outputs
                .iter()
                .map(|placed| placed.path.clone())
                .collect(),
            archived: state.archived.clone(),
        }
    }

    async fn unless_cancelled<T>(&self, work: impl Future<Output = T>) -> Result<T> {
        let done = self.staging.cancel.run_until_cancelled(work).await;
        done.ok_or_else(|| cancelled(&self.file.name))
    }

    fn damaged(&self, cause: &std::io::Error) -> Error {
        let kind = match check::is_damage(cause) {
            true => Kind::Input,
            false => Kind::Retryable,
        };
        Error::new(kind, "stage", self.origin, cause)
    }
}

/// What a fetch brought.
enum Arrived<'a> {
    Same(&'a State),
    New(Mark, Checked),
}

enum Pieces {
    Files(Vec<(PathBuf, String)>),
    Parts(Vec<PathBuf>),
}

fn cancelled(file: &str) -> Error {
    Error::new(Kind::Cancelled, "stage", file, "it was cancelled")
}

//! Finds the files of a job's inputs.

use std::sync::Arc;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::source::{self, Compression, SourceFile, TextSpec};
use cinemill_engine::store::{self, Location};

use super::request::RunRequest;
use crate::job::InputDefinition;

/// How much smaller text becomes when it is packed.
const PACKING: u64 = 4;

/// An input with its files, as it will be read.
#[derive(Debug, Clone)]
pub struct ResolvedInput {
    pub name: String,
    pub location: Location,
    pub spec: Arc<TextSpec>,
}

impl ResolvedInput {
    /// Bytes as stored.
    pub fn bytes(&self) -> u64 {
        self.spec.files.iter().map(|file| file.size).sum()
    }

    /// Bytes once unpacked; for packed files a guess.
    pub fn unpacked_bytes(&self) -> u64 {
        let unpacked = |file: &SourceFile| match file.compression {
            Compression::None => file.size,
            Compression::Gzip | Compression::Zstd => file.size * PACKING,
        };
        self.spec.files.iter().map(unpacked).sum()
    }

    /// The same input, whose scans leave their audits in a folder.
    pub fn audited(&self, folder: &Location) -> Result<Self> {
        let audit = Some(folder.escaped_url()?);
        let spec = TextSpec {
            audit,
            ..self.spec.as_ref().clone()
        };
        Ok(Self {
            spec: Arc::new(spec),
            ..self.clone()
        })
    }
}

/// Looks at all inputs of a run: their files, sizes, headers.
pub async fn resolve(request: &RunRequest) -> Result<Vec<ResolvedInput>> {
    let mut resolved = Vec::new();
    for (name, input) in &request.job.inputs {
        let location = match (request.inputs.get(name), &request.input) {
            (Some(location), _) => location.clone(),
            (None, Some(folder)) => find(name, input, folder).await?,
            (None, None) => {
                return Err(Error::new(
                    Kind::Usage,
                    "find input",
                    name,
                    "it is not given",
                ));
            }
        };
        let spec = input.spec(name, request.options.bad_records)?;
        let store = store::open(&location)?;
        let found = source::discover(
            store.objects(),
            location.store_url(),
            location.path(),
            &spec,
        )
        .await?;
        resolved.push(ResolvedInput {
            name: name.clone(),
            location,
            spec: Arc::new(found),
        });
    }
    Ok(resolved)
}

/// The file or folder in `folder` that holds an input: `title.crew.tsv`, the same with `.gz` or
/// `.zst`, or a folder of parts named `title.crew.tsv` or `title.crew`.
async fn find(name: &str, input: &InputDefinition, folder: &Location) -> Result<Location> {
    let store = store::open(folder)?;
    let listed = store
        .objects()
        .list_with_delimiter(Some(folder.path()))
        .await
        .map_err(|cause| store::failure("find input", format!("{name} in {folder}"), &cause))?;
    let files: Vec<&str> = listed
        .objects
        .iter()
        .filter_map(|meta| meta.location.filename())
        .collect();
    let folders: Vec<&str> = listed
        .common_prefixes
        .iter()
        .filter_map(|path| path.filename())
        .collect();
    let file = &input.file;
    let stem = file
        .rsplit_once('.')
        .map_or(file.as_str(), |(stem, _)| stem);
    let packed = [file.clone(), format!("{file}.gz"), format!("{file}.zst")];
    let found = packed
        .into_iter()
        .find(|candidate| files.contains(&candidate.as_str()))
        .or_else(|| {
            [file.as_str(), stem]
                .into_iter()
                .find(|n| folders.contains(n))
                .map(str::to_owned)
        });
    found.map(|found| folder.join(&found)).ok_or_else(|| {
        let names: Vec<&str> = files.iter().chain(&folders).copied().take(10).collect();
        let there = if names.is_empty() {
            "the folder is empty or does not exist".to_owned()
        } else {
            format!("it holds {}", names.join(", "))
        };
        let cause =
            format!("{folder} has no {file} (nor {file}.gz, {file}.zst or a folder); {there}");
        Error::new(Kind::Input, "find input", name, cause)
            .hint(format!("point it elsewhere with --input {name}=<path>"))
    })
}

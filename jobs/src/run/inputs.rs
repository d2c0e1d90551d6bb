//! Finds the files of a job's inputs.

use std::sync::Arc;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::table::{Manifest, Table};
use cinemill_engine::source::{self, Compression, InputSpec, SourceFile, TextSpec};
use cinemill_engine::store::{self, Location};
use datafusion::arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};

use super::request::RunRequest;
use super::tables::{self, TableInput};
use crate::job::{Format, InputDefinition};

/// How much smaller text becomes when it is packed.
const PACKING: u64 = 4;

/// An input with its files, as it will be read.
#[derive(Debug, Clone)]
pub struct ResolvedInput {
    pub name: String,
    pub location: Location,
    /// The declared columns.
    pub schema: SchemaRef,
    pub source: InputSource,
}

/// What an input's rows are read from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum InputSource {
    Text(Arc<TextSpec>),
    Table(TableInput),
}

impl ResolvedInput {
    /// The spec of a text; `None` for a table.
    pub fn text(&self) -> Option<&Arc<TextSpec>> {
        match &self.source {
            InputSource::Text(spec) => Some(spec),
            InputSource::Table(_) => None,
        }
    }

    /// Bytes as stored.
    pub fn bytes(&self) -> u64 {
        match &self.source {
            InputSource::Text(spec) => spec.files.iter().map(|file| file.size).sum(),
            InputSource::Table(table) => table.bytes(),
        }
    }

    pub fn files(&self) -> usize {
        match &self.source {
            InputSource::Text(spec) => spec.files.len(),
            InputSource::Table(table) => table.files.len(),
        }
    }

    /// Bytes once unpacked; for packed files a guess.
    pub fn unpacked_bytes(&self) -> u64 {
        let unpacked = |file: &SourceFile| match file.compression {
            Compression::None => file.size,
            Compression::Gzip | Compression::Zstd => file.size * PACKING,
        };
        match &self.source {
            InputSource::Text(spec) => spec.files.iter().map(unpacked).sum(),
            InputSource::Table(table) => table.bytes() * PACKING,
        }
    }

    /// The same input, whose scans leave their audits in a folder.
    pub fn audited(&self, folder: &Location) -> Result<Self> {
        let InputSource::Text(spec) = &self.source else {
            return Ok(self.clone());
        };
        let spec = TextSpec {
            audit: Some(folder.escaped_url()?),
            ..spec.as_ref().clone()
        };
        Ok(Self {
            source: InputSource::Text(Arc::new(spec)),
            ..self.clone()
        })
    }
}

/// Looks at all inputs of a run: their files, sizes, headers.
pub async fn resolve(request: &RunRequest) -> Result<Vec<ResolvedInput>> {
    let reads_itself = |input: &InputDefinition| input.format == Format::Previous;
    let before = match request.job.inputs.values().any(reads_itself) {
        true => Table::open(request.output.clone())?.current().await?,
        false => None,
    };
    let before = before.map(|snapshot| snapshot.manifest);
    let mut resolved = Vec::new();
    for (name, input) in &request.job.inputs {
        resolved.push(resolve_one(request, name, input, before.as_ref()).await?);
    }
    Ok(resolved)
}

/// The job's inputs without any files, for those who only look at plans.
pub fn without_files(request: &RunRequest) -> Result<Vec<ResolvedInput>> {
    let location = Location::parse("input")?;
    let inputs = request.job.inputs.iter();
    inputs
        .map(|(name, input)| absent(name, input, &location))
        .collect()
}

async fn resolve_one(
    request: &RunRequest,
    name: &str,
    input: &InputDefinition,
    before: Option<&Manifest>,
) -> Result<ResolvedInput> {
    let folder = match (request.inputs.get(name), &request.input) {
        _ if input.format == Format::Previous => &request.output,
        (Some(location), _) | (None, Some(location)) => location,
        (None, None) if input.optional => return absent(name, input, &request.output),
        (None, None) => {
            return Err(Error::new(
                Kind::Usage,
                "find input",
                name,
                "it is not given",
            ));
        }
    };
    let is_named = request.inputs.contains_key(name);
    let found = match input.format {
        Format::Imdb | Format::Csv => text(request, name, input, folder, is_named).await,
        Format::Table => tables::find(name, input, folder).await.map(|table| {
            let source = InputSource::Table(table);
            (folder.clone(), source)
        }),
        Format::Previous => tables::before(name, input, folder, before).map(|table| {
            let source = InputSource::Table(table);
            (folder.clone(), source)
        }),
    };
    match found {
        Err(error) if input.optional && !is_named && is_absent(name, &error) => {
            absent(name, input, folder)
        }
        Err(error) => Err(error),
        Ok((location, source)) => Ok(ResolvedInput {
            name: name.to_owned(),
            location,
            schema: schema(name, input)?,
            source,
        }),
    }
}

/// Whether an input was looked for and is not there, and not that it cannot be read.
fn is_absent(name: &str, error: &Error) -> bool {
    error.kind == Kind::Input && error.action == format!("find input {name}")
}

fn schema(name: &str, input: &InputDefinition) -> Result<SchemaRef> {
    let wrong = |cause| Error::new(Kind::Definition, "read input", name, cause);
    input.table_schema().map_err(wrong)
}

/// An input without records.
fn absent(name: &str, input: &InputDefinition, location: &Location) -> Result<ResolvedInput> {
    let source = match input.format.is_text() {
        true => InputSource::Text(Arc::new(without_records(input.spec(name, None)?, location))),
        false => InputSource::Table(TableInput::empty(location.clone())),
    };
    Ok(ResolvedInput {
        name: name.to_owned(),
        location: location.clone(),
        schema: schema(name, input)?,
        source,
    })
}

fn without_records(declared: InputSpec, location: &Location) -> TextSpec {
    TextSpec {
        input: declared.name,
        store_url: location.store_url().to_owned(),
        format: declared.format,
        columns: declared.columns,
        mode: declared.mode,
        files: Vec::new(),
        audit: None,
        max_record_bytes: declared.max_record_bytes,
    }
}

async fn text(
    request: &RunRequest,
    name: &str,
    input: &InputDefinition,
    folder: &Location,
    is_named: bool,
) -> Result<(Location, InputSource)> {
    let location = match is_named {
        true => folder.clone(),
        false => find(name, input, folder).await?,
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
    Ok((location, InputSource::Text(Arc::new(found))))
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

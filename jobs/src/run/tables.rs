//! Inputs that are tables already: published by cinemill, or folders of Parquet files.

use std::sync::Arc;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::table::{Manifest, ManifestFile, Table};
use cinemill_engine::source::parquet_table;
use cinemill_engine::store::Location;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::datasource::empty::EmptyTable;
use object_store::ObjectMeta;
use serde::{Deserialize, Serialize};

use crate::job::InputDefinition;

/// A snapshot of a table, as it was when it was looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableInput {
    /// The folder to which the files' paths are relative.
    pub folder: Location,
    /// The run that published it; `None` for files that cinemill did not write, and for a table
    /// that is not there yet.
    pub run_id: Option<String>,
    pub files: Vec<ManifestFile>,
}

impl TableInput {
    /// A table without rows.
    pub fn empty(folder: Location) -> Self {
        Self {
            folder,
            run_id: None,
            files: Vec::new(),
        }
    }

    pub fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }

    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Its rows, as columns of `schema`.
    pub fn table(&self, schema: SchemaRef) -> Result<Arc<dyn TableProvider>> {
        if self.files.is_empty() {
            return Ok(Arc::new(EmptyTable::new(schema)));
        }
        let files: Vec<String> = self.files.iter().map(|file| file.path.clone()).collect();
        parquet_table(&self.folder, &files, schema)
    }
}

/// A table that an input of a run means: `location` is its own folder, or that of an output with
/// several tables.
///
/// # Errors
/// `Input` where there is none, or it lacks a declared column or has another type for it.
pub async fn find(name: &str, input: &InputDefinition, location: &Location) -> Result<TableInput> {
    let places = [
        (location.clone(), input.file.clone()),
        (location.join(&input.file), input.file.clone()),
    ];
    for (folder, table) in places {
        if let Some(found) = published(name, input, &folder, &table).await? {
            return Ok(found);
        }
    }
    // `--input movies=lake/model/movies`: the manifest lies in the folder above.
    if let Some((above, table)) = split(location)
        && let Some(found) = published(name, input, &above, &table).await?
    {
        return Ok(found);
    }
    for folder in [location.join(&input.file), location.clone()] {
        if let Some(found) = foreign(name, input, &folder).await? {
            return Ok(found);
        }
    }
    let cause = format!(
        "{location} has no table {}, neither published nor as Parquet files",
        input.file
    );
    Err(Error::new(Kind::Input, "find input", name, cause)
        .hint(format!("point it elsewhere with --input {name}=<folder>")))
}

/// The table of an output of the job itself, before the run.
///
/// # Errors
/// As [`find`], but for a table that is not there yet.
pub fn before(
    name: &str,
    input: &InputDefinition,
    output: &Location,
    manifest: Option<&Manifest>,
) -> Result<TableInput> {
    match manifest {
        None => Ok(TableInput::empty(output.clone())),
        Some(manifest) => match of_manifest(name, input, output, manifest, &input.file)? {
            Some(found) => Ok(found),
            // A table that the job did not have then.
            None => Ok(TableInput {
                run_id: Some(manifest.run_id.clone()),
                ..TableInput::empty(output.clone())
            }),
        },
    }
}

async fn published(
    name: &str,
    input: &InputDefinition,
    folder: &Location,
    table: &str,
) -> Result<Option<TableInput>> {
    let snapshot = Table::open(folder.clone())?.current().await?;
    match snapshot {
        None => Ok(None),
        Some(snapshot) => of_manifest(name, input, folder, &snapshot.manifest, table),
    }
}

fn of_manifest(
    name: &str,
    input: &InputDefinition,
    folder: &Location,
    manifest: &Manifest,
    table: &str,
) -> Result<Option<TableInput>> {
    let Some(found) = manifest.table(table) else {
        return Ok(None);
    };
    check_columns(name, input, folder, found.columns)?;
    Ok(Some(TableInput {
        folder: folder.clone(),
        run_id: Some(manifest.run_id.clone()),
        files: found.files.into_iter().cloned().collect(),
    }))
}

/// The Parquet files in a folder in which no manifest tells what counts.
async fn foreign(
    name: &str,
    input: &InputDefinition,
    folder: &Location,
) -> Result<Option<TableInput>> {
    let table = Table::open(folder.clone())?;
    let listed = table.store().list(folder.path()).await?;
    let mut files = Vec::new();
    for meta in &listed {
        let Some(path) = data_file(folder, meta) else {
            continue;
        };
        let file = table.open_file(&path, meta.size).await?;
        check_columns(name, input, folder, &Manifest::columns_of(file.schema()))?;
        files.push(ManifestFile {
            rows: file.rows(),
            bytes: meta.size,
            path,
        });
    }
    Ok((!files.is_empty()).then(|| TableInput {
        folder: folder.clone(),
        run_id: None,
        files,
    }))
}

/// The path below the folder of a Parquet file that is no hidden one.
fn data_file(folder: &Location, meta: &ObjectMeta) -> Option<String> {
    let parts = meta.location.prefix_match(folder.path())?;
    let parts: Vec<String> = parts.map(|part| part.as_ref().to_owned()).collect();
    let is_hidden = parts.iter().any(|part| part.starts_with(['_', '.']));
    let path = parts.join("/");
    (!is_hidden && path.ends_with(".parquet")).then_some(path)
}

/// Every declared column must be there, with its type; others do not matter.
fn check_columns(
    name: &str,
    input: &InputDefinition,
    folder: &Location,
    columns: &[(String, String)],
) -> Result<()> {
    let declared = input
        .table_schema()
        .map_err(|cause| Error::new(Kind::Definition, "read input", name, cause))?;
    for (column, kind) in Manifest::columns_of(&declared) {
        let found = columns.iter().find(|(other, _)| *other == column);
        let cause = match found {
            Some((_, other)) if *other == kind => continue,
            Some((_, other)) => format!("its column `{column}` is {other}, not {kind}"),
            None => format!("it has no column `{column}`"),
        };
        let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        return Err(Error::new(
            Kind::Input,
            "read input",
            format!("{name} ({folder})"),
            cause,
        )
        .hint(format!("it has {}", names.join(", "))));
    }
    Ok(())
}

/// The folder above, and the last name of the path.
fn split(location: &Location) -> Option<(Location, String)> {
    let name = location.path().filename()?.to_owned();
    Some((location.parent()?, name))
}

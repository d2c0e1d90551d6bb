//! What is to be loaded: a published snapshot, as its manifest and the footers of its files tell.

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::figures::{ColumnFigures, add_batch};
use cinemill_engine::sink::table::{Manifest, ManifestFile, Table, TableFile, TableFiles};
use cinemill_engine::store::Location;
use datafusion::arrow::array::{RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::util::display::array_value_to_string;
use futures::{StreamExt, TryStreamExt};

/// How many footers are read side by side.
const PARALLEL_FOOTERS: usize = 16;
/// The ending of a manifest's name.
const MANIFEST_ENDING: &str = "_manifest.json";

/// A snapshot, of whose files all are there and have the size and the columns that they should.
#[derive(Debug)]
pub struct Published {
    pub table: Table,
    pub manifest: Manifest,
    /// Those of its tables that were asked for.
    pub tables: Vec<PublishedTable>,
}

/// One table of a snapshot.
#[derive(Debug)]
pub struct PublishedTable {
    /// Of the output; of the job where it has but one.
    pub name: String,
    pub rows: u64,
    pub bytes: u64,
    /// Relative to the snapshot's folder.
    pub files: Vec<ManifestFile>,
    pub columns: Vec<SourceColumn>,
    /// The snapshot's folder.
    pub place: Table,
}

/// A column of the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceColumn {
    pub name: String,
    pub data_type: DataType,
    pub figures: ColumnFigures,
}

impl Published {
    /// Opens the snapshot that is the current one in a folder, or these tables of it; the folder's
    /// manifest may be named as well.
    ///
    /// # Errors
    /// `Input` where nothing was published there, or where a file is missing or was changed;
    /// `Usage` where a table that is asked for is none of its tables.
    pub async fn open(place: &str, only: &[String]) -> Result<Self> {
        let folder = place.strip_suffix(MANIFEST_ENDING).unwrap_or(place);
        let location = Location::parse(folder)?;
        let table = Table::open(location.clone())?;
        let Some(snapshot) = table.current().await? else {
            let cause = "nothing was published there";
            return Err(Error::new(Kind::Input, "load", &location, cause)
                .hint("give the folder of a table, the --output of a run"));
        };
        let manifest = snapshot.manifest;
        let mut tables = Vec::new();
        for files in wanted(&manifest, only)? {
            tables.push(PublishedTable::open(&table, &files).await?);
        }
        Ok(Self {
            table,
            manifest,
            tables,
        })
    }

    /// Where the manifest is.
    pub fn source(&self) -> String {
        self.table.location().join(MANIFEST_ENDING).to_string()
    }
}

/// The tables that are asked for: all where none is named.
fn wanted<'a>(manifest: &'a Manifest, only: &[String]) -> Result<Vec<TableFiles<'a>>> {
    let tables = manifest.tables();
    let known: Vec<&str> = tables.iter().map(|table| table.name).collect();
    if let Some(unknown) = only.iter().find(|name| !known.contains(&name.as_str())) {
        let cause = format!("{} has no such table", manifest.job);
        return Err(Error::new(Kind::Usage, "load", unknown, cause)
            .hint(format!("there are: {}", known.join(", "))));
    }
    let is_wanted = |name: &str| only.is_empty() || only.iter().any(|wanted| wanted == name);
    let wanted = tables.into_iter().filter(|table| is_wanted(table.name));
    Ok(wanted.collect())
}

impl PublishedTable {
    async fn open(place: &Table, files: &TableFiles<'_>) -> Result<Self> {
        let footers: Vec<Footer> = futures::stream::iter(&files.files)
            .map(|file| footer(place, file))
            .buffered(PARALLEL_FOOTERS)
            .try_collect()
            .await?;
        Ok(Self {
            name: files.name.to_owned(),
            rows: files.rows,
            bytes: files.bytes,
            files: files.files.iter().map(|file| (*file).clone()).collect(),
            columns: columns(&place.location().join(files.folder), &footers)?,
            place: place.clone(),
        })
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// The first value of a text column that `is_too_long`: which row it is in, in words, and its
    /// lengths in bytes and characters.
    ///
    /// # Errors
    /// As reading the files fails.
    pub async fn find_text(
        &self,
        column: usize,
        key: &[String],
        is_too_long: impl Fn(&str) -> bool,
    ) -> Result<Option<FoundText>> {
        for file in &self.files {
            let mut batches = self.place.file(file).await?.read()?;
            let mut before = 0;
            while let Some(batch) = batches.try_next().await? {
                let texts = text_column(&batch, column)?;
                let found = texts.iter().position(|text| text.is_some_and(&is_too_long));
                if let Some(row) = found {
                    let text = texts.value(row);
                    let place = || format!("row {} of {}", before + row + 1, file.path);
                    return Ok(Some(FoundText {
                        row: key_of(&batch, key, row)?.unwrap_or_else(place),
                        bytes: text.len(),
                        characters: text.chars().count(),
                    }));
                }
                before += batch.num_rows();
            }
        }
        Ok(None)
    }
}

/// A text that was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundText {
    pub row: String,
    pub bytes: usize,
    pub characters: usize,
}

/// A file's columns with their figures.
struct Footer {
    path: String,
    schema: SchemaRef,
    figures: Vec<ColumnFigures>,
}

async fn footer(table: &Table, file: &ManifestFile) -> Result<Footer> {
    let opened = table.file(file).await?;
    let schema = opened.schema().clone();
    let figures = match opened.figures() {
        Some(figures) => figures,
        None => counted(opened).await?,
    };
    Ok(Footer {
        path: file.path.clone(),
        schema,
        figures,
    })
}

/// The figures of a file that does not bring them: an earlier version of cinemill wrote it.
async fn counted(file: TableFile) -> Result<Vec<ColumnFigures>> {
    let mut figures = vec![ColumnFigures::default(); file.schema().fields().len()];
    let mut batches = file.read()?;
    while let Some(batch) = batches.try_next().await? {
        add_batch(&mut figures, &batch);
    }
    Ok(figures)
}

fn columns(location: &Location, footers: &[Footer]) -> Result<Vec<SourceColumn>> {
    let wrong = |cause: String| Error::new(Kind::Input, "load", location, cause);
    let Some((first, others)) = footers.split_first() else {
        return Err(wrong("the manifest lists no files".to_owned()));
    };
    let mut figures = first.figures.clone();
    for other in others {
        if other.schema.fields() != first.schema.fields() {
            let (one, two) = (&first.path, &other.path);
            return Err(wrong(format!("{one} and {two} have different columns")));
        }
        for (all, more) in figures.iter_mut().zip(&other.figures) {
            all.merge(more);
        }
    }
    let columns = first.schema.fields().iter().zip(figures);
    Ok(columns
        .map(|(field, figures)| SourceColumn {
            name: field.name().clone(),
            data_type: field.data_type().clone(),
            figures,
        })
        .collect())
}

fn text_column(batch: &RecordBatch, column: usize) -> Result<&StringArray> {
    let texts = batch.column(column).as_any().downcast_ref();
    texts.ok_or_else(|| {
        let name = batch.schema_ref().field(column).name().clone();
        Error::new(Kind::Final, "read column", name, "it holds no text")
    })
}

/// A row's key in words, as in `title_key=tt0000001`; `None` where no key is known.
fn key_of(batch: &RecordBatch, key: &[String], row: usize) -> Result<Option<String>> {
    let mut words = Vec::with_capacity(key.len());
    for name in key {
        let Some(column) = batch.column_by_name(name) else {
            return Ok(None);
        };
        let value = array_value_to_string(column, row)
            .map_err(|cause| Error::new(Kind::Input, "read column", name, cause))?;
        words.push(format!("{name}={value}"));
    }
    Ok((!words.is_empty()).then(|| words.join(", ")))
}

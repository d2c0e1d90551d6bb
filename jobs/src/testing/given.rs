//! Lays out what a case gives, so that a run finds it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::source::BadRecords;
use cinemill_engine::store::Location;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::case::Case;
use super::rows::TextRows;
use super::typed;
use crate::job::{Format, InputDefinition, WriteMode};
use crate::run::RunRequest;

/// The place of a case on the disk.
pub struct Place {
    folder: PathBuf,
}

impl Place {
    /// # Errors
    /// `Final` where the folder cannot be made.
    pub fn new(folder: PathBuf) -> Result<Self> {
        let place = Self { folder };
        for folder in [place.input(), place.given()] {
            std::fs::create_dir_all(&folder).map_err(|cause| unwritten(&folder, &cause))?;
        }
        Ok(place)
    }

    pub fn input(&self) -> PathBuf {
        self.folder.join("in")
    }

    pub fn output(&self) -> PathBuf {
        self.folder.join("out")
    }

    /// Given rows of relations and of tables before the run, a folder of Parquet each.
    fn given(&self) -> PathBuf {
        self.folder.join("given")
    }

    /// Writes the files of the job's inputs: those of the case, given rows in the input's form, and
    /// empty ones for inputs that the case does not mention.
    pub fn write_inputs(&self, case: &Case, request: &RunRequest) -> Result<()> {
        for (path, bytes) in case.input_files(&request.job)? {
            write(&self.input().join(path), bytes)?;
        }
        let given = case.rows_in("given")?;
        for (name, input) in &request.job.inputs {
            let is_absent = case.settings.absent.contains(name);
            if is_absent || input.format == Format::Previous {
                continue;
            }
            match given.get(name) {
                Some(rows) => self.write_rows(name, input, &filled(name, input, rows)?)?,
                None if case.has_file(&input.file) => {}
                None => self.write_rows(name, input, &without_rows(name, input)?)?,
            }
        }
        Ok(())
    }

    fn write_rows(&self, name: &str, input: &InputDefinition, rows: &TextRows) -> Result<()> {
        let path = self.input().join(&input.file);
        match input.format {
            Format::Imdb => write(&path, rows.as_imdb().as_bytes()),
            Format::Csv => write(&path, rows.as_csv().as_bytes()),
            Format::Table => {
                let declared = table_schema(name, input)?;
                write_table(&path, &typed::batch(rows, &as_given(rows, &declared))?)
            }
            Format::Previous => Ok(()),
        }
    }

    /// Puts given rows in a relation's place: the relation becomes an input of the same name.
    pub fn replace_relation(
        &self,
        request: &mut RunRequest,
        relation: &str,
        rows: &TextRows,
        schema: &SchemaRef,
    ) -> Result<()> {
        request.job.relations.retain(|known| known.name != relation);
        self.add_input(request, relation, rows, schema)
    }

    /// The run that publishes what tables held before: `tables` are their rows, with the schemas of
    /// what the job publishes.
    pub fn before(
        &self,
        request: &RunRequest,
        tables: BTreeMap<String, (TextRows, SchemaRef)>,
    ) -> Result<RunRequest> {
        let mut before = request.clone();
        before.run_id = crate::run::new_run_id();
        before.options.mode = None;
        before.inputs.clear();
        let job = &mut before.job;
        job.inputs.clear();
        job.relations.clear();
        job.expectations.clear();
        job.checks.clear();
        job.outputs
            .retain(|output| tables.contains_key(&output.name));
        for output in &mut job.outputs {
            output.relation = format!("before_{}", output.name);
            output.one_row_per = None;
            output.mode = WriteMode::Overwrite;
        }
        for (table, (rows, schema)) in tables {
            self.add_input(&mut before, &format!("before_{table}"), &rows, &schema)?;
        }
        Ok(before)
    }

    fn add_input(
        &self,
        request: &mut RunRequest,
        name: &str,
        rows: &TextRows,
        schema: &SchemaRef,
    ) -> Result<()> {
        let folder = self.given().join(name);
        write_table(&folder, &typed::batch(rows, schema)?)?;
        let input = InputDefinition {
            file: name.to_owned(),
            format: Format::Table,
            schema: typed::ddl(schema),
            check: BTreeMap::new(),
            key: Vec::new(),
            mode: BadRecords::default(),
            optional: false,
        };
        request.job.inputs.insert(name.to_owned(), input);
        request.inputs.insert(name.to_owned(), location(&folder)?);
        Ok(())
    }
}

/// A local path as a location.
pub fn location(path: &Path) -> Result<Location> {
    Location::parse(&path.to_string_lossy())
}

fn table_schema(name: &str, input: &InputDefinition) -> Result<SchemaRef> {
    let wrong = |cause| Error::new(Kind::Definition, "read input", name, cause);
    input.table_schema().map_err(wrong)
}

/// The rows with all declared columns; those that are not given are null.
fn filled(name: &str, input: &InputDefinition, rows: &TextRows) -> Result<TextRows> {
    let mut filled = rows.clone();
    for column in without_rows(name, input)?.columns {
        if !filled.columns.contains(&column) {
            filled.columns.push(column);
            filled.rows.iter_mut().for_each(|row| row.push(None));
        }
    }
    Ok(filled)
}

/// The given columns: those that are declared have their types, others are texts.
fn as_given(rows: &TextRows, declared: &SchemaRef) -> SchemaRef {
    let fields = rows.columns.iter().map(|name| {
        let known = declared.field_with_name(name).ok();
        let kind = known.map_or(DataType::Utf8, |field| field.data_type().clone());
        Field::new(name, kind, true)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn without_rows(name: &str, input: &InputDefinition) -> Result<TextRows> {
    let wrong = |cause| Error::new(Kind::Definition, "read input", name, cause);
    Ok(TextRows {
        file: name.to_owned(),
        columns: input.names().map_err(wrong)?,
        rows: Vec::new(),
        ordered: false,
    })
}

fn write_table(folder: &Path, batch: &RecordBatch) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|cause| unwritten(folder, &cause))?;
    typed::write_parquet(&folder.join("part-0.parquet"), batch)
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(path, bytes))
        .map_err(|cause| unwritten(path, &cause))
}

fn unwritten(path: &Path, cause: &std::io::Error) -> Error {
    Error::new(Kind::Final, "write", path.display(), cause)
}

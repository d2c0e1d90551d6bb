//! The arguments that say which job runs over what.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::spec::Compression;
use cinemill_engine::source::BadRecords;
use cinemill_engine::store::Location;
use cinemill_jobs::job::{Catalog, WriteMode};
use cinemill_jobs::run::{RunOptions, RunRequest, check_run_id};
use clap::{Args, ValueEnum};

use super::params::ParamArguments;

/// The catalogue to look in.
#[derive(Debug, Args)]
pub struct CatalogArguments {
    /// Folder of job folders of your own; may be given several times.
    #[arg(long = "catalog", value_name = "DIR")]
    catalogs: Vec<PathBuf>,
}

impl CatalogArguments {
    pub fn catalog(&self) -> Catalog {
        Catalog::new(self.catalogs.clone())
    }
}

/// The job and where its data is.
#[derive(Debug, Args)]
pub struct JobArguments {
    /// A job of the catalogue; `cinemill jobs` lists them.
    job: String,

    /// Folder (local or s3://…) of the job's files, or <name>=<path> for one input.
    #[arg(long = "input", value_name = "DIR | NAME=PATH", required = true)]
    inputs: Vec<String>,

    #[command(flatten)]
    catalog: CatalogArguments,

    #[command(flatten)]
    params: ParamArguments,

    #[command(flatten)]
    options: OptionArguments,
}

/// What may differ from `job.toml`.
#[derive(Debug, Args)]
struct OptionArguments {
    /// What becomes of the rows that the tables have.
    #[arg(long, value_enum)]
    mode: Option<ModeWord>,

    /// How many snapshots before the new one stay readable, for `cinemill diff`.
    #[arg(long, value_name = "COUNT")]
    keep_snapshots: Option<u32>,

    /// Cut the work into chunks by an expression over the output's columns; a run that fails goes on
    /// after the last finished chunk when it is run again with the same run id.
    #[arg(long, value_name = "EXPRESSION", requires = "chunks")]
    chunk_by: Option<String>,

    /// Into how many chunks.
    #[arg(long, value_name = "COUNT", requires = "chunk_by",
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    chunks: Option<u32>,

    /// Columns whose values become Hive folders.
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    partition_by: Option<Vec<String>>,

    /// Columns by which rows are sorted within each file.
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    sort_by: Option<Vec<String>>,

    /// Compression of the Parquet files.
    #[arg(long, value_enum)]
    compression: Option<CompressionWord>,

    /// Size at which a new file is begun, in MiB.
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..))]
    target_file_mb: Option<u64>,

    /// What becomes of records that do not fit their declaration.
    #[arg(long, value_enum, value_name = "MODE")]
    bad_records: Option<BadRecordsWord>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum ModeWord {
    /// They go.
    Overwrite,
    /// They stay; rows whose key is not there are added.
    AppendNew,
    /// Rows whose key is not there are added, others replaced where they differ.
    Merge,
    /// Those of the Hive folders for which there are new rows are replaced.
    OverwritePartitions,
}

impl From<ModeWord> for WriteMode {
    fn from(word: ModeWord) -> Self {
        match word {
            ModeWord::Overwrite => Self::Overwrite,
            ModeWord::AppendNew => Self::AppendNew,
            ModeWord::Merge => Self::Merge,
            ModeWord::OverwritePartitions => Self::OverwritePartitions,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CompressionWord {
    None,
    Snappy,
    Zstd,
    Gzip,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum BadRecordsWord {
    /// Keep them, with nulls where they do not fit, and count them.
    Permissive,
    /// Leave them out, and count them.
    Drop,
    /// Stop at the first.
    Fail,
}

impl From<CompressionWord> for Compression {
    fn from(word: CompressionWord) -> Self {
        match word {
            CompressionWord::None => Self::None,
            CompressionWord::Snappy => Self::Snappy,
            CompressionWord::Zstd => Self::Zstd,
            CompressionWord::Gzip => Self::Gzip,
        }
    }
}

impl From<BadRecordsWord> for BadRecords {
    fn from(word: BadRecordsWord) -> Self {
        match word {
            BadRecordsWord::Permissive => Self::Permissive,
            BadRecordsWord::Drop => Self::Drop,
            BadRecordsWord::Fail => Self::Fail,
        }
    }
}

impl JobArguments {
    /// The resolved request.
    pub fn request(&self, output: &str, run_id: &str) -> Result<RunRequest> {
        check_run_id(run_id)?;
        let (input, inputs) = self.locations()?;
        let options = &self.options;
        let job = self.catalog.catalog().job(&self.job)?;
        let request = RunRequest {
            run_id: run_id.to_owned(),
            params: self.params.settle(&job)?,
            job,
            input,
            inputs,
            output: Location::parse(output)?,
            options: RunOptions {
                mode: options.mode.map(Into::into),
                keep_snapshots: options.keep_snapshots,
                chunk_by: options.chunk_by.clone(),
                chunks: options.chunks,
                partition_by: options.partition_by.clone(),
                sort_by: options.sort_by.clone(),
                compression: options.compression.map(Into::into),
                target_file_mb: options.target_file_mb,
                bad_records: options.bad_records.map(Into::into),
                ..RunOptions::default()
            },
        };
        request.check()?;
        Ok(request)
    }

    /// The common folder, and the inputs that lie elsewhere.
    fn locations(&self) -> Result<(Option<Location>, BTreeMap<String, Location>)> {
        let mut folder = None;
        let mut named = BTreeMap::new();
        for given in &self.inputs {
            match given.split_once('=').filter(|(name, _)| is_name(name)) {
                Some((name, path)) => {
                    named.insert(name.to_owned(), Location::parse(path)?);
                }
                None if folder.is_none() => folder = Some(Location::parse(given)?),
                None => {
                    let cause = "there is a folder already; name single inputs as <name>=<path>";
                    return Err(Error::new(Kind::Usage, "use --input", given, cause));
                }
            }
        }
        Ok((folder, named))
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

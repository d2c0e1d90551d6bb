//! Asks published tables, here and now: `cinemill show` and `diff`, and the answers in the documents.

use std::path::Path;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::memory;
use cinemill_engine::scratch::Scratch;
use cinemill_engine::session::{self, SessionOptions};
use cinemill_engine::spark;
use cinemill_engine::store::Location;
use datafusion::arrow::array::RecordBatch;
use datafusion::common::TableReference;
use datafusion::dataframe::DataFrame;
use datafusion::prelude::{ParquetReadOptions, SessionContext};

/// A session in which tables are known by names.
pub struct Reading {
    context: SessionContext,
    /// Where operators spill; gone with the session.
    _spill: Scratch,
}

impl Reading {
    /// A session on all cores, within the machine's memory.
    ///
    /// # Errors
    /// `Final` where the folder for temporary files cannot be used.
    pub fn new(spill_dir: Option<&Path>) -> Result<Self> {
        Self::with(spill_dir, false)
    }

    /// A session whose joins and sorts spill, so that a table of any size can be asked.
    ///
    /// # Errors
    /// As [`Reading::new`].
    pub fn bounded(spill_dir: Option<&Path>) -> Result<Self> {
        Self::with(spill_dir, true)
    }

    fn with(spill_dir: Option<&Path>, scarce_memory: bool) -> Result<Self> {
        let common = spill_dir.map_or_else(std::env::temp_dir, Path::to_owned);
        let spill = Scratch::new(&common, "cinemill-reading")?;
        let options = SessionOptions {
            partitions: std::thread::available_parallelism().map_or(1, usize::from),
            distributed: false,
            scarce_memory,
            memory_bytes: memory::machine_bytes().map(|bytes| memory::of_operators(bytes) as usize),
            spill_folder: Some(spill.path().to_owned()),
        };
        let state = session::state(&options)
            .map_err(|cause| Error::from_datafusion(&cause, "begin", "a session"))?;
        Ok(Self {
            context: SessionContext::new_with_state(state),
            _spill: spill,
        })
    }

    /// Makes Parquet files a table.
    ///
    /// # Errors
    /// `Input` where they cannot be read.
    pub async fn table(&self, name: &str, files: &[Location]) -> Result<()> {
        let rows = self.read(files).await?;
        self.context
            .register_table(TableReference::bare(name), rows.into_view())
            .map_err(|cause| Error::from_datafusion(&cause, "read", name))?;
        Ok(())
    }

    /// The rows of Parquet files.
    ///
    /// # Errors
    /// `Input` where they cannot be read.
    pub async fn read(&self, files: &[Location]) -> Result<DataFrame> {
        let Some(first) = files.first() else {
            let cause = "a snapshot has no files";
            return Err(Error::new(Kind::Input, "read", "a table", cause));
        };
        let paths = files.iter().map(Location::escaped_url);
        let paths = paths.collect::<Result<Vec<_>>>()?;
        self.context
            .read_parquet(paths, ParquetReadOptions::default())
            .await
            .map_err(|cause| Error::from_datafusion(&cause, "read", first))
    }

    /// The answer to a query in Spark SQL.
    ///
    /// # Errors
    /// `Definition` where the query is wrong, else as reading fails.
    pub async fn ask(&self, sql: &str) -> Result<Vec<RecordBatch>> {
        let state = self.context.state();
        let plan = spark::parse(sql, "query")?.plan(&state).await?;
        let rows = DataFrame::new(state, plan).collect().await;
        rows.map_err(|cause| Error::from_datafusion(&cause, "run", "the query"))
    }

    pub fn context(&self) -> &SessionContext {
        &self.context
    }
}

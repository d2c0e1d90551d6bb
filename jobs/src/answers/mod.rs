//! `cinemill docs questions`: the named queries with their answers, as Markdown and charts.
//!
//! The queries are in SQL that PostgreSQL and Redshift take; what they use of it the engine takes
//! too, so that published tables can be asked without a warehouse.

mod chart;
mod markdown;

use std::fs;
use std::path::{Path, PathBuf};

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::table::Table;
use cinemill_engine::store::{Location, StoreRegistry};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::concat_batches;
use datafusion::common::TableReference;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use std::sync::Arc;

use crate::job::{Catalog, JobDefinition, NamedQuery};
use crate::warehouse::dialect::TableName;

/// Queries that ask the ledger of a warehouse, not a job's tables.
const LEDGER: &str = "cinemill.";
/// The document, and the folder of its charts.
const DOCUMENT: &str = "questions.md";
const CHARTS: &str = "answers";

/// What to write, and where.
#[derive(Debug, Clone)]
pub struct AnswerOptions {
    /// Folders of published tables, one per job.
    pub tables: Vec<Location>,
    /// Where the document goes, and its charts below it.
    pub output: PathBuf,
}

/// A query with its rows.
struct Answer {
    query: NamedQuery,
    rows: RecordBatch,
    /// The chart's path from the document; `None` where there is nothing to draw.
    chart: Option<String>,
}

/// Answers the queries of the jobs that published the tables. Returns how many there are.
///
/// # Errors
/// `Input` where nothing was published, `Definition` where a query cannot be answered, `Final` where
/// the document cannot be written.
pub async fn write(catalog: &Catalog, options: &AnswerOptions) -> Result<usize> {
    let mut text = markdown::INTRODUCTION.to_owned();
    let mut count = 0;
    for location in &options.tables {
        let table = Table::open(location.clone())?;
        let Some(snapshot) = table.current().await? else {
            let cause = "nothing was published there";
            return Err(Error::new(Kind::Input, "read tables of", location, cause));
        };
        let job = catalog.job(&snapshot.manifest.job)?;
        let context = context()?;
        for table in snapshot.manifest.tables() {
            let files = table.files.iter().map(|file| location.join(&file.path));
            register(&context, &job, table.name, &files.collect::<Vec<_>>()).await?;
        }
        text += &markdown::heading(&job);
        for query in catalog.queries(&job.name)? {
            if query.sql.contains(LEDGER) {
                continue;
            }
            let answer = answer(&context, query, &options.output).await?;
            text += &markdown::answer(&answer)?;
            count += 1;
        }
    }
    put(&options.output.join(DOCUMENT), &text)?;
    Ok(count)
}

/// A session without Spark's ways: numbers divide and names are found as in a warehouse.
fn context() -> Result<SessionContext> {
    let failed = |cause| Error::from_datafusion(&cause, "begin", "a session");
    let runtime = RuntimeEnvBuilder::new()
        .with_object_store_registry(Arc::new(StoreRegistry::default()))
        .build_arc()
        .map_err(failed)?;
    let config = SessionConfig::new().set_str("datafusion.sql_parser.dialect", "PostgreSQL");
    Ok(SessionContext::new_with_config_rt(config, runtime))
}

/// Makes a table known under the name that it has in a warehouse.
async fn register(
    context: &SessionContext,
    job: &JobDefinition,
    name: &str,
    files: &[Location],
) -> Result<()> {
    let failed = |cause| Error::from_datafusion(&cause, "read table", name);
    let loaded = job.load_of(name).table.as_deref().unwrap_or(name);
    let TableName { table, .. } = TableName::parse(loaded)?;
    let files = files.iter().map(Location::escaped_url);
    let files = files.collect::<Result<Vec<_>>>()?;
    let options = ParquetReadOptions::default();
    let rows = context.read_parquet(files, options).await.map_err(failed)?;
    context
        .register_table(TableReference::bare(table.as_str()), rows.into_view())
        .map_err(failed)?;
    Ok(())
}

async fn answer(context: &SessionContext, query: NamedQuery, folder: &Path) -> Result<Answer> {
    let path = format!("{}/{}", query.job, query.name);
    let failed = |cause| Error::from_datafusion(&cause, "answer", &path);
    let rows = context.sql(&query.sql).await.map_err(failed)?;
    let schema = Arc::new(rows.schema().as_arrow().clone());
    let rows = rows.collect().await.map_err(failed)?;
    let schema = rows.first().map_or(schema, RecordBatch::schema);
    let rows = concat_batches(&schema, &rows)
        .map_err(|cause| Error::new(Kind::Final, "answer", &path, cause))?;
    let chart = match chart::draw(&query.name, &rows) {
        Some(svg) => {
            let chart = format!("{CHARTS}/{}-{}.svg", query.job, query.name);
            put(&folder.join(&chart), &svg)?;
            Some(chart)
        }
        None => None,
    };
    Ok(Answer { query, rows, chart })
}

fn put(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, text))
        .map_err(|cause| Error::new(Kind::Final, "write", path.display(), cause))
}

//! Tests of the source that take more than one of its modules.
#![allow(clippy::unwrap_used)]

mod audits;
mod discovery;
mod packed;
mod plans;
mod records;
mod rules;
mod throughput;

use std::sync::Arc;

use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::prelude::{SessionConfig, SessionContext};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use url::Url;

use super::*;
use crate::error::{Error, Result};

const STORE: &str = "memory:///";

/// A store in memory and a session that knows it.
struct World {
    store: Arc<dyn ObjectStore>,
    context: SessionContext,
}

impl World {
    fn new() -> Self {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let config = SessionConfig::new()
            .with_target_partitions(4)
            .with_batch_size(100);
        let context = SessionContext::new_with_config(config);
        context.register_object_store(&Url::parse(STORE).unwrap(), Arc::clone(&store));
        Self { store, context }
    }

    async fn with(files: &[(&str, &[u8])]) -> Self {
        let world = Self::new();
        for (path, content) in files {
            world.put(path, content).await;
        }
        world
    }

    async fn put(&self, path: &str, content: &[u8]) {
        self.store
            .put(&Path::from(path), content.to_vec().into())
            .await
            .unwrap();
    }

    async fn get(&self, path: &str) -> Vec<u8> {
        self.store
            .get(&Path::from(path))
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap()
            .to_vec()
    }

    async fn discover(&self, path: &str, declared: &InputSpec) -> Result<TextSpec> {
        discover(&self.store, STORE, &Path::from(path), declared).await
    }

    /// Registers the input at `path` as table `name`.
    async fn table(&self, name: &str, path: &str, declared: &InputSpec) -> Result<Arc<TextSpec>> {
        let spec = Arc::new(self.discover(path, declared).await?);
        self.register(name, &spec);
        Ok(spec)
    }

    fn register(&self, name: &str, spec: &Arc<TextSpec>) {
        let table = TextTable::new(Arc::clone(spec), 3, 1 << 20);
        self.context.register_table(name, Arc::new(table)).unwrap();
    }

    /// The rows of a query: cells between bars, null as `~`.
    async fn rows(&self, sql: &str) -> Result<Vec<String>> {
        let ours = |error| Error::from_datafusion(&error, "run", sql);
        let batches = self
            .context
            .sql(sql)
            .await
            .map_err(ours)?
            .collect()
            .await
            .map_err(ours)?;
        let options = FormatOptions::default().with_null("~");
        let mut rows = Vec::new();
        for batch in batches {
            let cells: Vec<ArrayFormatter<'_>> = batch
                .columns()
                .iter()
                .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
                .collect();
            for row in 0..batch.num_rows() {
                let row: Vec<String> = cells
                    .iter()
                    .map(|column| column.value(row).to_string())
                    .collect();
                rows.push(row.join("|"));
            }
        }
        Ok(rows)
    }
}

/// An IMDb input named `titles` with columns of the given types: `id`, `year:int`, `end:?int`
/// (text that is checked).
fn declared(format: TextFormat, columns: &[&str], mode: BadRecords) -> InputSpec {
    let kind = |name: &str| serde_json::from_value(serde_json::json!(name)).unwrap();
    let column = |text: &&str| match text.split_once(':') {
        None => Column::new(*text, ColumnType::String),
        Some((name, checked)) => match checked.strip_prefix('?') {
            Some(check) => Column {
                check: Some(kind(check)),
                ..Column::new(name, ColumnType::String)
            },
            None => Column::new(name, kind(checked)),
        },
    };
    InputSpec {
        name: "titles".to_owned(),
        format,
        columns: columns.iter().map(column).collect(),
        mode,
        max_record_bytes: DEFAULT_MAX_RECORD_BYTES,
    }
}

fn imdb(columns: &[&str], mode: BadRecords) -> InputSpec {
    declared(TextFormat::imdb_tsv(), columns, mode)
}

/// All rows of one file that is called `a.tsv`.
async fn read(content: &[u8], declared: &InputSpec) -> Result<Vec<String>> {
    let world = World::with(&[("a.tsv", content)]).await;
    world.table("t", "a.tsv", declared).await?;
    world.rows("select * from t").await
}

fn gzip(content: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn zstd(content: &[u8]) -> Vec<u8> {
    ::zstd::stream::encode_all(content, 1).unwrap()
}

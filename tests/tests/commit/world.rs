//! A table on one of the stores, and what can be seen of it.

use std::path::PathBuf;
use std::sync::Arc;

use cinemill_engine::sink::spec::{Compression, SinkSpec, TaskReport};
use cinemill_engine::sink::table::{
    Commit, CommitStep, Lease, LeaseOutcome, Manifest, Publication, RunState, Table, WrittenTable,
};
use cinemill_engine::sink::writer::PartitionWriter;
use cinemill_engine::store::{Location, Store};
use cinemill_tests::s3::S3Server;
use datafusion::arrow::array::{Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

const BUCKET: &str = "lake";

pub struct World {
    folder: Option<TempDir>,
    pub server: Option<S3Server>,
}

impl World {
    pub fn local() -> Self {
        let folder = Some(tempfile::tempdir().unwrap());
        Self {
            folder,
            server: None,
        }
    }

    pub fn s3(server: S3Server) -> Self {
        server.create_bucket(BUCKET).unwrap();
        Self {
            folder: None,
            server: Some(server),
        }
    }

    pub fn is_local(&self) -> bool {
        self.folder.is_some()
    }

    pub fn place(&self, name: &str) -> Place {
        let url = match &self.folder {
            Some(folder) => folder.path().join(name).to_str().unwrap().to_owned(),
            None => format!("s3://{BUCKET}/{name}"),
        };
        Place::at(&url)
    }

    /// Makes what is in the folder of a table look old, but for the manifest and the records, whose
    /// versions on a disk go by it.
    pub fn age(&self, place: &Place) {
        let root = place.table.location().path();
        let root = match &self.server {
            Some(server) => server.object_path(BUCKET, root.as_ref()),
            None => place.store().file_path(root).unwrap(),
        };
        let mut files = Vec::new();
        walk(&root, &mut files, &mut Vec::new());
        let has_version = |file: &PathBuf| {
            let below = file.strip_prefix(&root).unwrap();
            below.starts_with("_manifest.json") || below.starts_with("_runs")
        };
        for file in files.iter().filter(|file| !has_version(file)) {
            let file = std::fs::File::open(file).unwrap();
            file.set_modified(std::time::SystemTime::UNIX_EPOCH)
                .unwrap();
        }
    }

    pub fn open_uploads(&self) -> Vec<String> {
        let server = self.server.as_ref();
        server.map_or_else(Vec::new, |server| server.open_uploads(BUCKET).unwrap())
    }

    /// The table is `run`'s, whole, and nothing else is there but records.
    pub async fn assert_settled(&self, place: &Place, run: &str) {
        let manifest = place.assert_whole().await.unwrap();
        assert_eq!(manifest.run_id, run);
        let mut listed: Vec<String> = manifest.files.into_iter().map(|f| f.path).collect();
        listed.sort();
        let all = place.all().await;
        assert_eq!(visible(&all), listed, "all: {all:?}");
        assert!(all.contains(&"_SUCCESS".to_owned()), "{all:?}");
        assert!(!all.iter().any(|f| f.starts_with("_staging")), "{all:?}");
        assert!(!all.iter().any(|f| f.contains(".tmp")), "{all:?}");
        assert_eq!(self.open_uploads(), Vec::<String>::new());
        assert_eq!(place.empty_folders(), Vec::<PathBuf>::new());
        assert_eq!(place.state(run).await, Some(RunState::Succeeded));
    }
}

pub struct Place {
    pub url: String,
    pub table: Table,
}

/// A driver at work.
pub struct Driver {
    pub run: String,
    pub lease: Lease,
    pub commit: Commit,
}

pub fn visible(all: &[String]) -> Vec<String> {
    let hidden = |path: &str| path.split('/').any(|part| part.starts_with(['_', '.']));
    all.iter().filter(|path| !hidden(path)).cloned().collect()
}

pub fn publication(reports: Vec<TaskReport>, partitions: usize, hive: bool) -> Publication {
    let table = WrittenTable {
        name: "job".into(),
        folder: String::new(),
        partition_by: if hive { vec!["k".into()] } else { vec![] },
        columns: vec![
            ("id".into(), "bigint".into()),
            ("k".into(), "string".into()),
        ],
        reports,
        partitions,
        kept: vec![],
    };
    Publication {
        job: "job".into(),
        tables: vec![table],
        rejects: vec![],
        keep_snapshots: 0,
        state: None,
    }
}

pub fn schema() -> Arc<Schema> {
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("k", DataType::Utf8, true),
    ]))
}

impl Place {
    pub fn at(url: &str) -> Self {
        Self {
            table: Table::open(Location::parse(url).unwrap()).unwrap(),
            url: url.to_owned(),
        }
    }

    pub fn store(&self) -> &Store {
        self.table.store()
    }

    pub fn path(&self, relative: &str) -> object_store::path::Path {
        self.table.location().join(relative).path().clone()
    }

    pub fn spec(&self, run: &str, attempt: u32, hive: bool) -> Arc<SinkSpec> {
        Arc::new(SinkSpec {
            table: self.url.clone(),
            run_id: run.into(),
            attempt,
            folder: String::new(),
            partition_by: if hive { vec!["k".into()] } else { vec![] },
            sort_by: vec![],
            compression: Compression::Snappy,
            target_file_bytes: 1 << 20,
            expectations: vec![],
            key: vec![],
            statistics: true,
        })
    }

    /// One task's work; `keys` in order, one row each.
    pub async fn task(
        &self,
        run: &str,
        attempt: u32,
        partition: usize,
        keys: Option<&[&str]>,
    ) -> TaskReport {
        let spec = self.spec(run, attempt, keys.is_some());
        let keys = keys.unwrap_or(&["a", "b", "c"]);
        let ids: Int64Array = (0..keys.len() as i64).collect();
        let keys = StringArray::from(keys.to_vec());
        let batch = RecordBatch::try_new(schema(), vec![Arc::new(ids), Arc::new(keys)]).unwrap();
        let mut writer = PartitionWriter::new(spec, &schema(), partition).unwrap();
        if batch.num_rows() > 0 {
            writer.write(&batch).await.unwrap();
        } else {
            writer.write_empty().await.unwrap();
        }
        writer.finish().await.unwrap()
    }

    pub async fn tasks(&self, driver: &Driver) -> Vec<TaskReport> {
        let attempt = driver.lease.attempt();
        vec![
            self.task(&driver.run, attempt, 0, None).await,
            self.task(&driver.run, attempt, 1, None).await,
        ]
    }

    pub async fn lease(&self, run: &str) -> LeaseOutcome {
        self.table.lease(run, "job").await.unwrap()
    }

    pub async fn driver(&self, run: &str) -> Driver {
        let LeaseOutcome::Granted(lease) = self.lease(run).await else {
            panic!("no lease for {run}");
        };
        let commit = Commit::begin(self.table.clone(), run).await.unwrap();
        Driver {
            run: run.into(),
            lease,
            commit,
        }
    }

    /// A driver whose tasks have reported.
    pub async fn prepared(&self, run: &str) -> Driver {
        let mut driver = self.driver(run).await;
        let reports = self.tasks(&driver).await;
        driver
            .commit
            .prepare(publication(reports, 2, false))
            .unwrap();
        driver
    }

    /// A whole run without trouble.
    pub async fn publish(&self, run: &str) -> Manifest {
        self.prepared(run).await.complete().await
    }

    /// The driver dies; in a bucket, long enough ago to be noticed.
    pub async fn crash(&self, driver: Driver) {
        let run = driver.run;
        drop((driver.commit, driver.lease));
        let lock = self.path(&format!("_staging/{run}.lock"));
        if let Some(lock) = self.store().file_path(&lock) {
            // A killed process deletes nothing, and its staging folder may be empty.
            std::fs::create_dir_all(lock.with_extension("")).unwrap();
            std::fs::write(lock, "").unwrap();
        } else {
            self.expire(&run).await;
        }
    }

    pub async fn expire(&self, run: &str) {
        let path = self.path(&format!("_runs/{run}.json"));
        let (bytes, _) = self.store().read(&path).await.unwrap().unwrap();
        let mut record: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        record["updated_at"] = "2020-01-01T00:00:00Z".into();
        let json = serde_json::to_vec(&record).unwrap();
        self.store().write(&path, json.into()).await.unwrap();
    }

    pub async fn state(&self, run: &str) -> Option<RunState> {
        let record = self.table.run_record(run).await.unwrap();
        record.map(|record| record.state)
    }

    /// All files below the table, relative and sorted.
    pub async fn all(&self) -> Vec<String> {
        let root = self.table.location().path().clone();
        let mut all: Vec<String> = match self.store().file_path(&root) {
            Some(root) => {
                let mut files = Vec::new();
                walk(&root, &mut files, &mut Vec::new());
                let relative = |file: PathBuf| {
                    let file = file.strip_prefix(&root).unwrap();
                    file.to_str().unwrap().to_owned()
                };
                files.into_iter().map(relative).collect()
            }
            None => {
                let found = self.store().list(&root).await.unwrap();
                let below = format!("{root}/");
                let relative = |path: &str| path.strip_prefix(&below).unwrap().to_owned();
                found
                    .iter()
                    .map(|meta| relative(meta.location.as_ref()))
                    .collect()
            }
        };
        all.sort();
        all
    }

    fn empty_folders(&self) -> Vec<PathBuf> {
        let mut empty = Vec::new();
        if let Some(root) = self.store().file_path(self.table.location().path()) {
            walk(&root, &mut Vec::new(), &mut empty);
        }
        empty
    }

    /// What a reader of the manifest finds: every listed file, with its size and its rows.
    pub async fn assert_whole(&self) -> Option<Manifest> {
        let manifest = self.table.current().await.unwrap()?.manifest;
        let mut total = 0;
        for file in &manifest.files {
            assert!(file.path.contains(&manifest.run_id), "{}", file.path);
            let found = self.store().read(&self.path(&file.path)).await.unwrap();
            let (bytes, meta) = found.unwrap_or_else(|| panic!("{} is missing", file.path));
            assert_eq!((meta.size, bytes.len() as u64), (file.bytes, file.bytes));
            let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
            let rows: usize = reader.build().unwrap().map(|b| b.unwrap().num_rows()).sum();
            assert_eq!(rows as u64, file.rows);
            total += rows as u64;
        }
        assert_eq!(total, manifest.rows);
        Some(manifest)
    }
}

impl Driver {
    pub async fn steps(&mut self, up_to: CommitStep) {
        for step in CommitStep::ALL {
            self.commit.step(step).await.unwrap();
            if step == up_to {
                return;
            }
        }
    }

    pub async fn complete(self) -> Manifest {
        let manifest = self.commit.run().await.unwrap();
        let figures = serde_json::json!({ "rows": manifest.rows });
        let record = self.lease.finish(RunState::Succeeded, None, figures).await;
        assert_eq!(record.unwrap().state, RunState::Succeeded);
        manifest
    }
}

fn walk(folder: &std::path::Path, files: &mut Vec<PathBuf>, empty: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    let entries: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    if entries.is_empty() {
        empty.push(folder.to_owned());
    }
    for path in entries {
        if path.is_dir() {
            walk(&path, files, empty);
        } else {
            files.push(path);
        }
    }
}

//! What a client asks for.

use std::collections::BTreeMap;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::spec::Compression;
use cinemill_engine::source::BadRecords;
use cinemill_engine::spark::Params;
use cinemill_engine::store::Location;
use serde::{Deserialize, Serialize};

use crate::job::{Format, JobDefinition, OutputDefinition, WriteMode};

/// The queue of runs that name none.
pub const DEFAULT_QUEUE: &str = "default";

/// One run, fully resolved: it means the same on every machine that sees the same stores.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunRequest {
    pub run_id: String,
    pub job: JobDefinition,
    /// The folder in which the job's files are looked for.
    #[serde(default)]
    pub input: Option<Location>,
    /// Inputs that lie elsewhere, by name: a file or a folder of parts.
    #[serde(default)]
    pub inputs: BTreeMap<String, Location>,
    pub output: Location,
    /// The values of the job's parameters, as texts, by name. The client settles them all, so that
    /// a run means the same whenever and wherever it is taken up.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    #[serde(default)]
    pub options: RunOptions,
}

/// What a command line may set differently from `job.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunOptions {
    #[serde(default)]
    pub mode: Option<WriteMode>,
    #[serde(default)]
    pub keep_snapshots: Option<u32>,
    #[serde(default)]
    pub partition_by: Option<Vec<String>>,
    #[serde(default)]
    pub sort_by: Option<Vec<String>>,
    #[serde(default)]
    pub compression: Option<Compression>,
    #[serde(default)]
    pub target_file_mb: Option<u64>,
    #[serde(default)]
    pub bad_records: Option<BadRecords>,
    /// An expression over the output's columns by which its work is cut into `chunks`.
    #[serde(default)]
    pub chunk_by: Option<String>,
    #[serde(default)]
    pub chunks: Option<u32>,
    /// Tell what the run would do, and do nothing.
    #[serde(default)]
    pub dry_run: bool,
    /// The queue of the cluster in which the run stands; `default` where not given.
    #[serde(default)]
    pub queue: Option<String>,
    /// Task slots of the cluster that the run may have at most.
    #[serde(default)]
    pub max_slots: Option<u32>,
}

impl RunOptions {
    /// By what the work is cut into chunks, and into how many.
    pub fn chunking(&self) -> Option<(&str, u32)> {
        Some((self.chunk_by.as_deref()?, self.chunks?))
    }
}

/// A run id that sorts by time.
pub fn new_run_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// Run ids become parts of file names.
pub fn check_run_id(run_id: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let starts_plain = run_id.starts_with(|c: char| c.is_ascii_alphanumeric());
    if starts_plain && run_id.len() <= 128 && run_id.chars().all(plain) {
        return Ok(());
    }
    Err(Error::new(
        Kind::Usage,
        "use run id",
        format!("`{run_id}`"),
        "it may hold up to 128 letters, digits, `-`, `_` and `.`, and begins with a letter or digit",
    ))
}

/// Queues become labels of metrics.
fn check_queue(queue: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !queue.is_empty() && queue.len() <= 64 && queue.chars().all(plain) {
        return Ok(());
    }
    let cause = "it may hold up to 64 letters, digits, `-`, `_` and `.`";
    Err(Error::new(
        Kind::Usage,
        "use queue",
        format!("`{queue}`"),
        cause,
    ))
}

impl RunRequest {
    /// Refuses what can be seen to be wrong without looking at any data.
    pub fn check(&self) -> Result<()> {
        check_run_id(&self.run_id)?;
        let usage = |cause: String| Err(Error::new(Kind::Usage, "run job", &self.job.name, cause));
        if let Some(name) = self
            .inputs
            .keys()
            .find(|name| !self.job.inputs.contains_key(*name))
        {
            let known: Vec<&str> = self.job.inputs.keys().map(String::as_str).collect();
            return usage(format!(
                "it has no input `{name}`; its inputs are {}",
                known.join(", ")
            ));
        }
        let needed = self
            .job
            .inputs
            .iter()
            .filter(|(_, input)| !input.optional && input.format != Format::Previous);
        let unset = needed
            .map(|(name, _)| name)
            .find(|name| !self.inputs.contains_key(*name));
        if let (None, Some(name)) = (&self.input, unset) {
            return usage(format!("input `{name}` is not given; use --input <dir>"));
        }
        if self
            .input
            .iter()
            .chain(self.inputs.values())
            .any(|input| *input == self.output)
        {
            return usage("the output is the folder of an input".to_owned());
        }
        if self.job.has_tables()
            && (self.options.partition_by.is_some() || self.options.sort_by.is_some())
        {
            let cause =
                "it has several tables, and --partition-by and --sort-by name columns of one";
            return usage(cause.to_owned());
        }
        for output in &self.job.outputs {
            self.check_mode(output).or_else(usage)?;
        }
        self.values()?;
        if self.options.chunk_by.is_some() != self.options.chunks.is_some() {
            return usage("--chunk-by and --chunks go together".to_owned());
        }
        if self.options.chunk_by.is_some() && self.job.has_tables() {
            let cause = "it has several tables, and --chunk-by is over the columns of one";
            return usage(cause.to_owned());
        }
        check_queue(self.options.queue.as_deref().unwrap_or(DEFAULT_QUEUE))?;
        if self.options.max_slots == Some(0) {
            return usage("with no slots it would never end; --max-slots is at least 1".to_owned());
        }
        Ok(())
    }

    /// The values of the parameters.
    pub fn values(&self) -> Result<Params> {
        self.job.param_values(&self.params)
    }

    fn check_mode(&self, output: &OutputDefinition) -> Result<(), String> {
        let mode = self.mode(output);
        let name = mode.name();
        match mode {
            WriteMode::AppendNew | WriteMode::Merge if output.key.is_empty() => Err(format!(
                "{name} goes by a key, and {} has none; declare it in job.toml",
                output.name
            )),
            WriteMode::OverwritePartitions if self.partition_by(output).is_empty() => Err(format!(
                "{name} goes by Hive folders, and {} has none; use --partition-by",
                output.name
            )),
            _ => Ok(()),
        }
    }

    pub fn mode(&self, output: &OutputDefinition) -> WriteMode {
        self.options.mode.unwrap_or(output.mode)
    }

    /// Whether rows are added to those that an output's table has, by their keys.
    pub fn adds(&self, output: &OutputDefinition) -> bool {
        matches!(self.mode(output), WriteMode::AppendNew | WriteMode::Merge)
    }

    /// How many snapshots before the new one stay readable.
    pub fn keep_snapshots(&self) -> u32 {
        let declared = self.job.outputs.iter().map(|output| output.keep_snapshots);
        let declared = declared.max().unwrap_or_default();
        self.options.keep_snapshots.unwrap_or(declared)
    }

    pub fn partition_by<'a>(&'a self, output: &'a OutputDefinition) -> &'a [String] {
        let given = self.options.partition_by.as_deref();
        given.unwrap_or(&output.partition_by)
    }

    pub fn sort_by<'a>(&'a self, output: &'a OutputDefinition) -> &'a [String] {
        self.options.sort_by.as_deref().unwrap_or(&output.sort_by)
    }

    pub fn compression(&self, output: &OutputDefinition) -> Compression {
        self.options.compression.unwrap_or(output.compression)
    }

    pub fn target_file_bytes(&self, output: &OutputDefinition) -> u64 {
        self.options
            .target_file_mb
            .unwrap_or(output.target_file_mb)
            .max(1)
            << 20
    }
}

//! What the sink is asked to write, and what its tasks report.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::statistics::ColumnStatistics;

/// How the pages of the Parquet files are compressed.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    None,
    /// What Redshift reads best.
    #[default]
    Snappy,
    Zstd,
    Gzip,
}

impl Compression {
    /// The word in a file's name, as Spark writes it.
    fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Snappy => ".snappy",
            Self::Zstd => ".zstd",
            Self::Gzip => ".gz",
        }
    }
}

/// A condition on rows: the sink's input carries one boolean column per condition behind the
/// table's own columns; a row with `false` there breaks it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RowExpectation {
    /// What was expected, in words for people: `title_key is not null`.
    pub name: String,
    /// The boolean column in the input.
    pub column: String,
}

/// Everything a sink task needs to know. Travels to executors as JSON.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SinkSpec {
    /// The table's folder, a local path or a URL.
    pub table: String,
    /// The folder below it for the parts; `` where they lie in the table's folder itself.
    #[serde(default)]
    pub folder: String,
    pub run_id: String,
    /// 1 for the first attempt at the run; part of the names from the second on.
    pub attempt: u32,
    /// Hive folders, outermost first. The columns stay in the files too.
    pub partition_by: Vec<String>,
    /// Order of the rows within each file.
    pub sort_by: Vec<String>,
    pub compression: Compression,
    /// A new file is begun once one has about this size.
    pub target_file_bytes: u64,
    pub expectations: Vec<RowExpectation>,
    /// Columns that identify a row in messages.
    pub key: Vec<String>,
    /// Whether tasks gather statistics of the columns.
    #[serde(default)]
    pub statistics: bool,
}

impl SinkSpec {
    /// `part-00000-<run id>-c000.snappy.parquet`, the form that Spark's readers expect.
    ///
    /// Unique for each partition, file and attempt of a run, so nothing is ever overwritten.
    pub fn part_name(&self, partition: usize, file: usize) -> String {
        let mut name = format!("part-{partition:05}-{}", self.run_id);
        if self.attempt > 1 {
            // Writing to a string cannot fail.
            let _ = write!(name, "-{}", self.attempt);
        }
        let suffix = self.compression.suffix();
        name + &format!("-c{file:03}{suffix}.parquet")
    }

    /// The folder, below the table's, for what must not be seen before the commit.
    pub fn staging(&self) -> String {
        format!("{}/{}", staging_folder(&self.run_id), self.attempt)
    }
}

/// What follows the partition's number in a name that [`SinkSpec::part_name`] made, which is the run
/// id, the attempt, the number of the file and the ending; `None` for a name that it did not make.
pub fn part_name_rest(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("part-")?;
    let digits = rest.find('-')?;
    let (partition, rest) = (&rest[..digits], &rest[digits + 1..]);
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (_, file) = rest.strip_suffix(".parquet")?.rsplit_once("-c")?;
    let file = file.split('.').next().unwrap_or_default();
    let made = partition.len() >= 5 && is_number(partition) && file.len() >= 3 && is_number(file);
    made.then_some(rest)
}

/// Where all attempts of a run stage their files. Readers skip names that begin with `_`.
pub fn staging_folder(run_id: &str) -> String {
    format!("_staging/{run_id}")
}

/// A file that is written but not visible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedPart {
    /// The final path, relative to the table's folder.
    pub path: String,
    pub rows: u64,
    pub bytes: u64,
    pub staged: Staged,
}

/// Where a staged file waits for its commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Staged {
    /// A file in the hidden folder, relative to the table's folder; a rename publishes it.
    File(String),
    /// An upload to the final key whose parts are stored; completing it publishes it.
    Upload { id: String, tags: Vec<String> },
}

/// A condition that rows of one task broke.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    pub name: String,
    pub rows: u64,
    /// Up to ten of the rows, each by its key.
    pub samples: Vec<String>,
}

/// What one partition of the sink wrote. Each partition reports exactly once, so that a lost or a
/// doubled task shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskReport {
    pub partition: usize,
    pub rows: u64,
    pub parts: Vec<StagedPart>,
    pub violations: Vec<Violation>,
    /// Of each column, in order; empty where no row was written.
    #[serde(default)]
    pub statistics: Vec<ColumnStatistics>,
}

/// How many offending keys a message shows.
pub const SAMPLES_MAX: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_names_tell_partition_attempt_and_file() {
        let mut spec = SinkSpec {
            table: "/t".into(),
            folder: String::new(),
            run_id: "r1".into(),
            attempt: 1,
            partition_by: vec![],
            sort_by: vec![],
            compression: Compression::Snappy,
            target_file_bytes: 1,
            expectations: vec![],
            key: vec![],
            statistics: false,
        };
        assert_eq!(spec.part_name(0, 0), "part-00000-r1-c000.snappy.parquet");
        spec.attempt = 2;
        spec.compression = Compression::None;
        assert_eq!(spec.part_name(12, 3), "part-00012-r1-2-c003.parquet");
    }

    #[test]
    fn names_of_parts_are_told_from_others() {
        let rest = |name| part_name_rest(name);
        let made = "part-00000-r-c1-c000.snappy.parquet";
        assert_eq!(rest(made), Some("r-c1-c000.snappy.parquet"));
        assert_eq!(
            rest("part-123456-r-2-c0123.parquet"),
            Some("r-2-c0123.parquet")
        );
        for other in [
            "part-00000-4f7c-c000.snappy.parquet.crc",
            "part-0-r-c000.parquet",
            "part-00000.parquet",
            "data.parquet",
            "part-00000-r-cx.parquet",
        ] {
            assert_eq!(rest(other), None, "{other}");
        }
    }
}

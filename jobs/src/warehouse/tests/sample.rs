//! A job and a snapshot of it that no run ever made: a column of each type.

use chrono::{TimeZone, Utc};
use cinemill_engine::sink::figures::{ColumnFigures, Sum};
use cinemill_engine::sink::table::{Manifest, ManifestFile, Table};
use cinemill_engine::store::Location;
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use tokio_util::sync::CancellationToken;

use crate::job::{JobDefinition, Relation};
use crate::warehouse::design::Design;
use crate::warehouse::load::{Load, Mode, Part};
use crate::warehouse::published::{Published, PublishedTable, SourceColumn};

const JOB: &str = r#"
description = "One row per film; it's a test"
[inputs.records]
file = "films.csv"
format = "csv"
schema = "film_key STRING"
[output]
relation = "films"
key = ["film_key"]
[[expect]]
name = "rating is not negative"
condition = "rating >= 0"
[[expect]]
name = "the share is no more than all"
condition = "budget / revenue <= 1"
[load]
table = "marts.films"
dist_key = "film_key"
sort_key = ["released_on", "film_key"]
indexes = ["released_on"]
[load.columns]
film_key = { bytes = 16, encode = "zstd", comment = "The film's id" }
title = { bytes = 800 }
rating = { encode = "raw" }
"#;

pub fn job() -> JobDefinition {
    let relation = Relation {
        name: "films".to_owned(),
        sql: "SELECT film_key FROM records".to_owned(),
    };
    JobDefinition::parse("films", JOB, vec![relation]).unwrap()
}

pub fn published() -> Published {
    let timestamp =
        |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
    let columns = [
        ("film_key", DataType::Utf8, 0, Some(27)),
        ("title", DataType::Utf8, 1, Some(40)),
        ("is_adult", DataType::Boolean, 0, Some(1)),
        ("genres", DataType::Int16, 0, Some(6)),
        ("votes", DataType::Int32, 1, Some(300)),
        ("revenue", DataType::Int64, 1, Some(9_000_000_000)),
        ("popularity", DataType::Float32, 0, Some(12_500)),
        ("rating", DataType::Float64, 0, None),
        ("budget", DataType::Decimal128(18, 2), 0, Some(123_456)),
        ("released_on", DataType::Date32, 0, Some(54_321)),
        ("seen_at", timestamp(None), 0, Some(1_700_000_000)),
        ("stored_at", timestamp(Some("UTC")), 3, Some(0)),
        ("poster", DataType::Binary, 3, Some(0)),
    ];
    let column =
        |(name, data_type, nulls, sum): (&str, DataType, u64, Option<i128>)| SourceColumn {
            name: name.to_owned(),
            figures: ColumnFigures {
                nulls,
                max_bytes: matches!(data_type, DataType::Utf8 | DataType::Binary).then_some(20),
                sum: Sum(sum),
            },
            data_type,
        };
    let file = |name: &str, rows, bytes| ManifestFile {
        path: name.to_owned(),
        rows,
        bytes,
    };
    let files = vec![
        file("part-0.parquet", 1, 100),
        file("part-1.parquet", 2, 200),
    ];
    let columns = columns.into_iter().map(column).collect();
    let mut published = snapshot("films");
    published.tables = vec![table(&published, "films", 3, files, columns)];
    published
}

/// A snapshot without tables.
fn snapshot(job: &str) -> Published {
    Published {
        table: Table::open(Location::parse(&format!("s3://lake/{job}")).unwrap()).unwrap(),
        manifest: Manifest {
            job: job.to_owned(),
            run_id: "2026-11-21".to_owned(),
            committed_at: Utc.with_ymd_and_hms(2026, 11, 21, 6, 0, 0).unwrap(),
            rows: 3,
            bytes: 300,
            partition_by: Vec::new(),
            files: Vec::new(),
            columns: Vec::new(),
            tables: Vec::new(),
            keep_snapshots: 0,
            state: None,
            superseded: Vec::new(),
            earlier_runs: Vec::new(),
        },
        tables: Vec::new(),
    }
}

fn table(
    snapshot: &Published,
    name: &str,
    rows: u64,
    files: Vec<ManifestFile>,
    columns: Vec<SourceColumn>,
) -> PublishedTable {
    PublishedTable {
        name: name.to_owned(),
        rows,
        bytes: files.iter().map(|file| file.bytes).sum(),
        files,
        columns,
        place: snapshot.table.clone(),
    }
}

/// A job with three tables, each of another mode, whose rows refer to each other.
const STARS: &str = r#"
description = "Ranks of films"
[inputs.records]
file = "films.csv"
format = "csv"
schema = "film_key STRING"
[outputs.day_dim]
key = ["day_key"]
[outputs.film_dim]
key = ["film_key", "version"]
[outputs.rank_fact]
key = ["film_key", "day_key"]
[[expect]]
table = "rank_fact"
references = { columns = ["film_key"], table = "film_dim" }
[[expect]]
table = "rank_fact"
range = { place = { min = 1, max = 50 } }
[[expect]]
table = "film_dim"
unique = ["film_key", "title"]
[[expect]]
table = "film_dim"
rows = { min = 2 }
[[expect]]
table = "film_dim"
accepted = { is_current = [true, false] }
[load.tables.day_dim]
table = "stars.day_dim"
mode = "append_new"
[load.tables.film_dim]
table = "stars.film_dim"
mode = "merge"
dist_key = "film_key"
comment = "One row per version of a film"
[load.tables.rank_fact]
table = "stars.rank_fact"
sort_key = ["day_key"]
"#;

pub fn stars_job() -> JobDefinition {
    let relation = |name: &str| Relation {
        name: name.to_owned(),
        sql: "SELECT film_key FROM records".to_owned(),
    };
    let relations = ["day_dim", "film_dim", "rank_fact"].map(relation);
    JobDefinition::parse("stars", STARS, relations.to_vec()).unwrap()
}

pub fn stars() -> Published {
    let column = |(name, data_type, sum): (&str, DataType, i128)| SourceColumn {
        name: name.to_owned(),
        figures: ColumnFigures {
            nulls: 0,
            max_bytes: matches!(data_type, DataType::Utf8).then_some(20),
            sum: Sum(Some(sum)),
        },
        data_type,
    };
    let tables = [
        ("day_dim", 1, vec![("day_key", DataType::Int32, 20_261_121)]),
        (
            "film_dim",
            3,
            vec![
                ("film_key", DataType::Int32, 6),
                ("version", DataType::Int32, 4),
                ("title", DataType::Utf8, 30),
                ("is_current", DataType::Boolean, 2),
            ],
        ),
        (
            "rank_fact",
            2,
            vec![
                ("film_key", DataType::Int32, 3),
                ("day_key", DataType::Int32, 40_522_242),
                ("place", DataType::Int32, 3),
            ],
        ),
    ];
    let mut published = snapshot("stars");
    for (name, rows, columns) in tables {
        let file = ManifestFile {
            path: format!("{name}/part-0.parquet"),
            rows,
            bytes: 100,
        };
        let columns = columns.into_iter().map(column).collect();
        let table = table(&published, name, rows, vec![file], columns);
        published.tables.push(table);
    }
    published
}

/// A load in the modes of the job, unless one is given for all its tables.
pub fn load<'a>(
    mode: Option<Mode>,
    published: &'a Published,
    job: &'a JobDefinition,
    cancel: &'a CancellationToken,
) -> Load<'a> {
    let count = published.tables.len();
    let part = |(index, rows): (usize, &'a PublishedTable)| {
        let design = Design::of(job, &rows.name).unwrap();
        Part {
            rows,
            design,
            table: design.table().unwrap(),
            mode: mode.or(design.load.mode).unwrap_or(Mode::Replace),
            number: (count > 1).then_some(index + 1),
        }
    };
    Load {
        id: "01a1fdff-0000-7000-8000-000000000000".to_owned(),
        published,
        parts: published.tables.iter().enumerate().map(part).collect(),
        create: true,
        evolve: true,
        force: false,
        iam_role: "arn:aws:iam::123456789012:role/reader",
        client: "ana@etl-1",
        cancel,
    }
}

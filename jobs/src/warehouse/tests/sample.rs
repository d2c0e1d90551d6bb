//! A job and a snapshot of it that no run ever made: a column of each type.

use chrono::{TimeZone, Utc};
use cinemill_engine::sink::figures::{ColumnFigures, Sum};
use cinemill_engine::sink::table::{Manifest, ManifestFile, Table};
use cinemill_engine::store::Location;
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use tokio_util::sync::CancellationToken;

use crate::job::{JobDefinition, Relation};
use crate::warehouse::dialect::TableName;
use crate::warehouse::load::{Load, Mode};
use crate::warehouse::published::{Published, SourceColumn};

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
    Published {
        table: Table::open(Location::parse("s3://lake/films").unwrap()).unwrap(),
        manifest: Manifest {
            job: "films".to_owned(),
            run_id: "2026-11-21".to_owned(),
            committed_at: Utc.with_ymd_and_hms(2026, 11, 21, 6, 0, 0).unwrap(),
            rows: 3,
            bytes: 300,
            partition_by: Vec::new(),
            files: vec![
                file("part-0.parquet", 1, 100),
                file("part-1.parquet", 2, 200),
            ],
            columns: Vec::new(),
            tables: Vec::new(),
            keep_snapshots: 0,
            state: None,
            superseded: Vec::new(),
            earlier_runs: Vec::new(),
        },
        columns: columns.into_iter().map(column).collect(),
    }
}

pub fn load<'a>(
    mode: Mode,
    published: &'a Published,
    job: &'a JobDefinition,
    cancel: &'a CancellationToken,
) -> Load<'a> {
    Load {
        id: "01a1fdff-0000-7000-8000-000000000000".to_owned(),
        published,
        job,
        table: TableName::parse("marts.films").unwrap(),
        mode,
        create: true,
        evolve: true,
        force: false,
        iam_role: "arn:aws:iam::123456789012:role/reader",
        client: "ana@etl-1",
        cancel,
    }
}

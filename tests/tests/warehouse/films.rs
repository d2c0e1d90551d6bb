//! A small job with a column of each type, whose rows a test writes itself.

use std::fs;
use std::path::Path;

pub const JOB: &str = "films";
pub const TABLE: &str = "public.films";

const JOB_TOML: &str = r#"
description = "One row per film"
[inputs.records]
file = "films.csv"
format = "csv"
schema = """
  film_key STRING, title STRING, is_adult STRING, genres INT, votes INT, revenue BIGINT,
  rating DOUBLE, budget STRING, released_on STRING, seen_at STRING
"""
[output]
relation = "films"
key = ["film_key"]
[[expect]]
name = "votes is not negative"
condition = "votes >= 0"
[load]
dist_key = "film_key"
sort_key = ["released_on", "film_key"]
indexes = ["released_on"]
[load.columns]
film_key = { bytes = 16, comment = "The film's id" }
title = { bytes = 40, encode = "zstd" }
"#;

const SQL: &str = "
SELECT film_key, title, is_adult = 'yes' AS is_adult, CAST(genres AS SMALLINT) AS genres, votes,
  revenue, CAST(rating AS FLOAT) AS popularity, rating, CAST(budget AS DECIMAL(18, 2)) AS budget,
  CAST(released_on AS DATE) AS released_on, CAST(seen_at AS TIMESTAMP_NTZ) AS seen_at
FROM records
";

/// The job with another last line of columns, for tables that grow.
const EVOLVED_SQL: &str = "
SELECT film_key, title, is_adult = 'yes' AS is_adult, CAST(genres AS SMALLINT) AS genres, votes,
  revenue, CAST(rating AS FLOAT) AS popularity, rating, CAST(budget AS DECIMAL(18, 2)) AS budget,
  CAST(released_on AS DATE) AS released_on, CAST(seen_at AS TIMESTAMP_NTZ) AS seen_at,
  length(title) AS title_length, upper(title) AS shouted
FROM records
";

const HEADER: &str =
    "film_key,title,is_adult,genres,votes,revenue,rating,budget,released_on,seen_at";

/// Rows of every kind: nulls, extremes, letters of four bytes, times before 1970.
pub const ROWS: &[&str] = &[
    "f1,Metropolis,no,2,100,9000000000,8.3,5300000.00,1927-01-10,1999-12-31 23:59:59.999999",
    "f2,\"Der Himmel, \"\"oben\"\"\",yes,,,,,,,",
    "f3,Ω 映画 🎬,no,-32768,2147483647,-9223372036854775808,-0.5,-0.01,0001-01-01,1969-12-31 23:59:59.5",
    "f4,,no,32767,0,9223372036854775807,12345.25,9999999999999999.99,9999-12-31,2026-11-21 07:00:00",
    "f5,a\tb\\c,no,0,1,0,0,0.10,2000-02-29,2000-01-01 00:00:00",
];

/// The same films a day later: one changed, one gone, one new.
pub const LATER: &[&str] = &[
    "f1,Metropolis,no,2,101,9000000001,8.4,5300000.01,1927-01-10,2026-11-21 07:00:00",
    "f2,\"Der Himmel, \"\"oben\"\"\",yes,,,,,,,",
    "f3,Ω 映画 🎬,no,-32768,2147483647,-9223372036854775808,-0.5,-0.01,0001-01-01,1969-12-31 23:59:59.5",
    "f5,a\tb\\c,no,0,1,0,0,0.10,2000-02-29,2000-01-01 00:00:00",
    "f6,Nosferatu,no,1,7,,7.9,,1922-03-04,",
];

/// Writes the catalogue.
pub fn write_job(catalog: &Path, evolved: bool) {
    let folder = catalog.join(JOB);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("job.toml"), JOB_TOML).unwrap();
    let sql = if evolved { EVOLVED_SQL } else { SQL };
    fs::write(folder.join("films.sql"), sql).unwrap();
}

/// Writes the input.
pub fn write_rows(folder: &Path, rows: &[&str]) {
    fs::create_dir_all(folder).unwrap();
    let text = format!("{HEADER}\n{}\n", rows.join("\n"));
    fs::write(folder.join("films.csv"), text).unwrap();
}

/// Makes the job expect something more.
pub fn add_condition(catalog: &Path, name: &str, condition: &str) {
    let path = catalog.join(JOB).join("job.toml");
    let more = format!("\n[[expect]]\nname = \"{name}\"\ncondition = \"{condition}\"\n");
    fs::write(&path, fs::read_to_string(&path).unwrap() + &more).unwrap();
}

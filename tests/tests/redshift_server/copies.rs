//! `COPY` of Parquet files.

use datafusion::arrow::array::{
    BooleanArray, Date32Array, Decimal128Array, Float64Array, Int16Array, Int32Array, Int64Array,
    ListArray, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::Int32Type;
use serde_json::json;

use crate::fixture::{BUCKET, Fixture, array, copy};

const TABLE: &str = "CREATE TABLE films (name VARCHAR(8) NOT NULL, year INTEGER)";

fn films(names: &[&str], years: &[i32]) -> Vec<(&'static str, datafusion::arrow::array::ArrayRef)> {
    vec![
        ("name", array(StringArray::from_iter_values(names))),
        ("year", array(Int32Array::from(years.to_vec()))),
    ]
}

#[tokio::test]
async fn all_files_of_the_manifest_are_copied() {
    let fixture = Fixture::new();
    let one = fixture.file("one.parquet", films(&["Stalker", "a\tb\\\n"], &[1979, 1]));
    let two = fixture.file("two.parquet", films(&["Mirror"], &[1975]));
    let copy = fixture.copy("films", &[("one.parquet", one), ("two.parquet", two)]);
    let told = fixture.done(&[TABLE, &copy]).await;
    assert_eq!(told["SubStatements"][1]["ResultRows"], 3);
    assert_eq!(fixture.value("SELECT sum(year) FROM films"), "3955");
    let name = fixture.value("SELECT name FROM films WHERE year = 1");
    assert_eq!(name, "a\tb\\\n");
}

#[tokio::test]
async fn all_types_arrive() {
    let fixture = Fixture::new();
    let decimals = Decimal128Array::from(vec![1234]).with_precision_and_scale(9, 2);
    let lists = vec![Some(vec![Some(1), None])];
    let size = fixture.file(
        "one.parquet",
        vec![
            ("a", array(BooleanArray::from(vec![true]))),
            ("b", array(Int16Array::from(vec![-7]))),
            ("c", array(Int64Array::from(vec![Some(1 << 40)]))),
            ("d", array(Float64Array::from(vec![f64::INFINITY]))),
            ("e", array(Date32Array::from(vec![-1]))),
            ("f", array(TimestampMicrosecondArray::from(vec![1_500_000]))),
            ("g", array(decimals.unwrap())),
            (
                "h",
                array(ListArray::from_iter_primitive::<Int32Type, _, _>(lists)),
            ),
        ],
    );
    let table = "CREATE TABLE t (a BOOLEAN, b SMALLINT, c BIGINT, d DOUBLE PRECISION, e DATE, \
                 f TIMESTAMP, g DECIMAL(9,2), h SUPER)";
    let copy = fixture.copy("t", &[("one.parquet", size)]);
    let error = fixture.failed(&[table, &copy]).await;
    assert!(error.contains("column 's3://lake/manifest.h'"), "{error}");
    fixture
        .done(&[table, &format!("{copy} SERIALIZETOJSON")])
        .await;
    let row: Vec<_> = fixture.rows("SELECT * FROM t").remove(0);
    let row: Vec<_> = row.iter().map(|value| value.as_deref().unwrap()).collect();
    let expected = [
        "t",
        "-7",
        "1099511627776",
        "Infinity",
        "1969-12-31",
        "1970-01-01 00:00:01.5",
        "12.34",
        "[1, null]",
    ];
    assert_eq!(row, expected);
}

/// None of these leaves a row, or the table.
#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let fixture = Fixture::new();
    let good = fixture.file("good.parquet", films(&["Stalker"], &[1979]));
    let long = fixture.file("long.parquet", films(&["éééé+"], &[1]));
    let names = || array(StringArray::from(vec!["Stalker"]));
    let wide = fixture.file(
        "wide.parquet",
        vec![
            ("name", names()),
            ("year", array(Int64Array::from(vec![1]))),
        ],
    );
    let narrow = fixture.file("narrow.parquet", vec![("name", names())]);
    let missing = fixture.file(
        "missing.parquet",
        vec![
            ("name", array(StringArray::from(vec![None::<&str>]))),
            ("year", array(Int32Array::from(vec![1]))),
        ],
    );
    for (file, size, parts) in [
        (
            "good.parquet",
            good + 1,
            vec!["Problem reading manifest", "should have"],
        ),
        (
            "none.parquet",
            1,
            vec!["The specified key does not exist", "none.parquet"],
        ),
        (
            "long.parquet",
            long,
            vec!["column name is longer", "Table: 8, Data: 9"],
        ),
        (
            "wide.parquet",
            wide,
            vec!["15007", "manifest.year", "INTEGER", "int64 year"],
        ),
        (
            "narrow.parquet",
            narrow,
            vec!["15007", "Table columns: 2, Data columns: 1"],
        ),
        (
            "missing.parquet",
            missing,
            vec!["Cannot insert a NULL value into column name"],
        ),
    ] {
        let copy = fixture.copy("films", &[("good.parquet", good), (file, size)]);
        let error = fixture.failed(&[TABLE, &copy]).await;
        assert!(error.starts_with("Query #2 failed with ERROR: "), "{error}");
        for part in parts {
            assert!(error.contains(part), "`{part}` in {error}");
        }
        let left = fixture.rows("SELECT 1 FROM pg_tables WHERE tablename = 'films'");
        assert!(left.is_empty(), "{file}");
    }
    let error = fixture.failed(&[&fixture.copy("films", &[])]).await;
    assert!(
        error.contains("Cannot COPY into nonexistent table films"),
        "{error}"
    );
}

#[tokio::test]
async fn a_manifest_must_tell_the_sizes() {
    let fixture = Fixture::new();
    fixture.file("one.parquet", films(&["Stalker"], &[1979]));
    let url = format!("s3://{BUCKET}/one.parquet");
    let manifest = json!({ "entries": [{ "url": url, "mandatory": true }] });
    fixture.object("manifest", manifest.to_string().as_bytes());
    let error = fixture.failed(&[TABLE, &copy("films")]).await;
    assert!(error.contains("content_length"), "{error}");
    fixture.object("manifest", b"{}");
    let error = fixture.failed(&[TABLE, &copy("films")]).await;
    assert!(error.contains("`entries` is missing"), "{error}");
}

#[tokio::test]
async fn files_that_may_be_missing_may() {
    let fixture = Fixture::new();
    let url = format!("s3://{BUCKET}/none.parquet");
    let entry = json!({ "url": url, "meta": { "content_length": 1 } });
    let manifest = json!({ "entries": [entry] });
    fixture.object("manifest", manifest.to_string().as_bytes());
    let told = fixture.done(&[TABLE, &copy("films")]).await;
    assert_eq!(told["SubStatements"][1]["ResultRows"], 0);
}

//! `cinemill diff`: what a run changed, by key, without one, and when the old files are gone.

use std::fs;
use std::path::{Path, PathBuf};

use cinemill_tests::processes::Cinemill;
use serde_json::{Value, json};

use crate::fixture::{Small, assert_code, assert_fails, text};

/// A job of one table in a catalogue of its own.
struct Job {
    small: Small,
    catalog: PathBuf,
}

impl Job {
    fn new(key: &str) -> Self {
        let small = Small::new();
        let catalog = small.path().join("catalog");
        fs::create_dir_all(catalog.join("films")).unwrap();
        let toml = format!(
            "[inputs.raw]\nfile = \"films.csv\"\nformat = \"csv\"\nschema = \"id INT, name STRING, votes INT\"\n\
             [output]\nrelation = \"films\"\n{key}\n"
        );
        fs::write(catalog.join("films/job.toml"), toml).unwrap();
        let job = Self { small, catalog };
        job.sql("SELECT * FROM raw");
        job
    }

    fn sql(&self, sql: &str) {
        fs::write(self.catalog.join("films/films.sql"), sql).unwrap();
    }

    fn output(&self) -> PathBuf {
        self.small.output()
    }

    fn run(&self, id: &str, rows: &str) {
        fs::write(
            self.small.input().join("films.csv"),
            format!("id,name,votes\n{rows}"),
        )
        .unwrap();
        let (input, output) = (self.small.input(), self.output());
        let arguments = [
            "run",
            "films",
            "--catalog",
            text(&self.catalog),
            "--input",
            text(&input),
            "--output",
            text(&output),
            "--run-id",
            id,
        ];
        assert_code(&Cinemill::default().run(&arguments).unwrap(), 0, &[]);
    }

    fn diff(&self, more: &[&str]) -> Value {
        let output = self.output();
        let mut arguments = vec![
            "diff",
            text(&output),
            "--catalog",
            text(&self.catalog),
            "--json",
        ];
        arguments.extend(more);
        let ended = Cinemill::default().run(&arguments).unwrap();
        assert_code(&ended, 0, &[]);
        let mut difference: Value = serde_json::from_str(&ended.stdout).unwrap();
        difference["tables"][0].take()
    }
}

fn said(output: &Path, more: &[&str]) -> String {
    let mut arguments = vec!["diff", text(output)];
    arguments.extend(more);
    let ended = Cinemill::default().run(&arguments).unwrap();
    assert_code(&ended, 0, &[]);
    ended.stdout
}

#[test]
fn rows_are_compared_by_key_cell_by_cell() {
    let job = Job::new("key = [\"id\"]");
    job.run("first", "1,a,1\n2,b,\n3,c,3\n4,\"d, or\",4\n");
    job.run("second", "1,a,1\n2,b,2\n4,,5\n5,e,5\n");
    let table = job.diff(&[]);
    let rows = &table["rows"];
    let counts = ["inserted", "deleted", "changed", "unchanged"].map(|count| rows[count].clone());
    assert_eq!(counts, [json!(1), json!(1), json!(2), json!(1)]);
    assert_eq!(rows["changed_columns"], json!({"name": 1, "votes": 2}));
    let expected = json!([
        {"what": "changed", "key": {"id": "2"},
         "cells": [{"column": "votes", "before": null, "after": "2"}]},
        {"what": "changed", "key": {"id": "4"},
         "cells": [{"column": "name", "before": "d, or", "after": null},
                   {"column": "votes", "before": "4", "after": "5"}]},
        {"what": "inserted", "row": {"id": "5", "name": "e", "votes": "5"}},
        {"what": "deleted", "row": {"id": "3", "name": "c", "votes": "3"}},
    ]);
    assert_eq!(rows["examples"], expected);
    assert_eq!(
        (&table["rows_before"], &table["rows_after"]),
        (&json!(4), &json!(4))
    );
    let told = said(&job.output(), &["--key", "id"]);
    assert!(told.contains("run second against run first"), "{told}");
    assert!(
        told.contains("~ id=4: name: d, or → null, votes: 4 → 5"),
        "{told}"
    );
    // A key that is not there is no comparison without one.
    for (key, words) in [
        ("nope", "`nope`"),
        ("films=id,nope", "`nope`"),
        ("a=nope", "use the key of a: there is no such table"),
    ] {
        let ended = Cinemill::default().run(&["diff", text(&job.output()), "--key", key]);
        assert_fails(&ended.unwrap(), 2, &[words]);
    }
    // The other way round.
    let back = job.diff(&["--run", "first", "--against", "second"]);
    assert_eq!(back["rows"]["inserted"], json!(1));
    assert_eq!(back["rows"]["examples"][2]["row"]["name"], json!("c"));
}

#[test]
fn tables_without_a_key_are_multisets() {
    let job = Job::new("");
    job.run("first", "1,a,1\n1,a,1\n2,,2\n2,,2\n");
    job.run("second", "1,a,1\n2,,2\n2,,2\n2,,2\n3,c,\n");
    let rows = &job.diff(&[])["rows"];
    let counts = ["inserted", "deleted", "changed", "unchanged"].map(|count| rows[count].clone());
    assert_eq!(counts, [json!(2), json!(1), json!(0), json!(3)]);
    let expected = json!([
        {"what": "inserted", "row": {"id": "2", "name": null, "votes": "2"}},
        {"what": "inserted", "row": {"id": "3", "name": "c", "votes": null}},
        {"what": "deleted", "row": {"id": "1", "name": "a", "votes": "1"}},
    ]);
    assert_eq!(rows["examples"], expected);
}

#[test]
fn columns_that_come_and_go_are_told() {
    let job = Job::new("key = [\"id\"]");
    job.run("first", "1,a,1\n2,b,2\n");
    job.sql("SELECT id, CAST(votes AS BIGINT) AS votes, upper(name) AS loud FROM raw");
    job.run("second", "1,a,1\n2,b,3\n");
    let table = job.diff(&[]);
    let expected = json!([
        {"column": "votes", "before": "int", "after": "bigint"},
        {"column": "loud", "before": null, "after": "string"},
        {"column": "name", "before": "string", "after": null},
    ]);
    assert_eq!(table["columns"], expected);
    assert_eq!(table["rows"]["changed_columns"], json!({"votes": 1}));
}

#[test]
fn without_the_old_files_the_statistics_are_compared() {
    let job = Job::new("key = [\"id\"]\nkeep_snapshots = 0");
    job.run("first", "1,a,1\n2,b,\n");
    job.run("second", "1,a,1\n2,b,9\n3,c,7\n");
    let table = job.diff(&["--against", "first"]);
    assert_eq!(table["rows"], json!(null));
    assert_eq!(
        (&table["rows_before"], &table["rows_after"]),
        (&json!(2), &json!(3))
    );
    let statistics = table["statistics"].as_array().unwrap();
    let max = json!({"column": "votes", "figure": "max", "before": 1, "after": 9});
    assert!(statistics.contains(&max), "{statistics:?}");
    let told = said(&job.output(), &[]);
    assert!(told.contains("the files of run first are gone"), "{told}");
    let output = job.output();
    let unknown = ["diff", text(&output), "--against", "other"];
    let ended = Cinemill::default().run(&unknown).unwrap();
    assert_fails(&ended, 12, &["no run other is known", "second, first"]);
}

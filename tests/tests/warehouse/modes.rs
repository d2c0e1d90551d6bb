//! Each mode, twice each: the same rows; in PostgreSQL and in the stand-in for Redshift.

use cinemill_tests::processes::assert_code;

use crate::films::{LATER, ROWS, TABLE};
use crate::site::{Site, Table};

fn keys(rows: &Table) -> Vec<&str> {
    rows.iter().map(|row| row[0].as_deref().unwrap()).collect()
}

fn replace(site: &Site) {
    let old = site.publish("old", ROWS);
    site.loads(&old, &["--create"]);
    assert_eq!(site.films(), site.published("old"));
    site.has_loaded(&old, &["--create"]);
    site.has_loaded(&old, &[]);
    let new = site.publish("new", LATER);
    site.loads(&new, &[]);
    assert_eq!(site.films(), site.published("new"));
    // Back to what was there before is a load of its own.
    site.loads(&old, &[]);
    assert_eq!(site.films(), site.published("old"));
    site.loads(&old, &["--force"]);
    assert_eq!(site.films(), site.published("old"));
    assert_eq!(site.entries(TABLE), 4);
}

#[test]
fn replace_in_postgres() {
    replace(&Site::postgres());
}

#[test]
fn replace_in_redshift() {
    replace(&Site::redshift());
}

#[test]
fn replace_in_redshift_by_wire() {
    replace(&Site::redshift_wire());
}

fn append(site: &Site) {
    let first = site.publish("first", &ROWS[..2]);
    let second = site.publish("second", &ROWS[2..]);
    let all = site.publish("all", ROWS);
    site.loads(&first, &["--create", "--mode", "append"]);
    site.loads(&second, &["--mode", "append"]);
    assert_eq!(site.films(), site.published("all"));
    site.has_loaded(&second, &["--mode", "append"]);
    site.has_loaded(&first, &["--mode", "append"]);
    // The rows are there already, under another run.
    let ended = site.load(&all, &["--mode", "append"]);
    assert_code(&ended, 40, &["film_key", "f1", "as before"]);
    // `--force` is no way to double rows either.
    let ended = site.load(&second, &["--mode", "append", "--force"]);
    assert_code(&ended, 40, &["film_key", "as before"]);
    assert_eq!(site.films(), site.published("all"));
    assert_eq!(site.entries(TABLE), 2);
}

#[test]
fn append_in_postgres() {
    append(&Site::postgres());
}

#[test]
fn append_in_redshift() {
    append(&Site::redshift());
}

#[test]
fn append_in_redshift_by_wire() {
    append(&Site::redshift_wire());
}

fn merge(site: &Site) {
    let old = site.publish("old", ROWS);
    let new = site.publish("new", LATER);
    site.loads(&old, &["--create", "--mode", "merge"]);
    assert_eq!(site.films(), site.published("old"));
    let merged = site.loads(&new, &["--mode", "merge"]);
    assert!(merged.says("5 rows (1 new)"), "{}", merged.stdout);
    let rows = site.films();
    assert_eq!(keys(&rows), ["f1", "f2", "f3", "f4", "f5", "f6"]);
    assert_eq!(rows[0][4].as_deref(), Some("101"), "f1 has a vote more");
    site.has_loaded(&new, &["--mode", "merge"]);
    site.has_loaded(&old, &["--mode", "merge"]);
    site.loads(&new, &["--mode", "merge", "--force"]);
    assert_eq!(site.films(), rows);
}

#[test]
fn merge_in_postgres() {
    merge(&Site::postgres());
}

#[test]
fn merge_in_redshift() {
    merge(&Site::redshift());
}

#[test]
fn merge_in_redshift_by_wire() {
    merge(&Site::redshift_wire());
}

fn append_new(site: &Site) {
    let old = site.publish("old", ROWS);
    let new = site.publish("new", LATER);
    let flags = ["--mode", "append_new"];
    site.loads(&old, &["--create", "--mode", "append_new"]);
    let added = site.loads(&new, &flags);
    assert!(added.says("5 rows (1 new)"), "{}", added.stdout);
    let rows = site.films();
    assert_eq!(keys(&rows), ["f1", "f2", "f3", "f4", "f5", "f6"]);
    assert_eq!(rows[0][4].as_deref(), Some("100"), "f1 is as it was");
    site.has_loaded(&new, &flags);
    site.loads(&new, &["--mode", "append_new", "--force"]);
    assert_eq!(site.films(), rows);
}

#[test]
fn append_new_in_postgres() {
    append_new(&Site::postgres());
}

#[test]
fn append_new_in_redshift() {
    append_new(&Site::redshift());
}

/// Made-up titles: more than one file, more than one batch.
#[test]
fn many_titles() {
    let site = Site::postgres();
    let titles = site.publish_titles("titles", 30_000, 1);
    site.loads(&titles, &["--create"]);
    let table = "public.imdb_titles";
    assert_eq!(site.rows(table), site.published("titles"));
    let later = site.publish_titles("later", 31_000, 2);
    site.loads(&later, &["--mode", "merge"]);
    let loaded = site.rows(table);
    let mut expected = site.published("later");
    let is_later = |row: &Vec<Option<String>>| {
        expected
            .binary_search_by(|other| other[0].cmp(&row[0]))
            .is_ok()
    };
    let kept: Table = site
        .published("titles")
        .into_iter()
        .filter(|row| !is_later(row))
        .collect();
    expected.extend(kept);
    expected.sort();
    assert_eq!(loaded, expected);
}

/// As an engineer has them who named columns in another case, or made the table with `VARCHAR`.
#[test]
fn a_table_of_ones_own_is_taken_as_it_is() {
    let site = Site::postgres();
    let films = site.publish("films", ROWS);
    site.execute(
        "CREATE SCHEMA marts;
         CREATE TABLE marts.\"my_films\" (film_key varchar(10) PRIMARY KEY, title varchar(16),
           is_adult boolean, genres smallint, votes int, revenue bigint, popularity real,
           rating double precision, budget numeric(18, 2), released_on date, seen_at timestamp)",
    );
    site.loads(&films, &["--table", "marts.my_films"]);
    assert_eq!(site.rows("marts.my_films").len(), ROWS.len());
    site.has_loaded(&films, &["--table", "marts.my_films"]);
}

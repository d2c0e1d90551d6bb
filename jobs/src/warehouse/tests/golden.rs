//! Each script against its file in `golden/`; `UPDATE_EXPECT=1` writes them anew. `test.sh` has the
//! files of Redshift parsed by sqlfluff, and looks for what that misses.

use expect_test::{ExpectFile, expect_file};
use tokio_util::sync::CancellationToken;

use super::sample::{job, load, published};
use crate::warehouse::dialect::{Dialect, TableName};
use crate::warehouse::load::Mode;
use crate::warehouse::redshift::check_statement;
use crate::warehouse::script::{Purpose, Script};
use crate::warehouse::{checks, ddl, ledger, table};

const MANIFEST: &str = "s3://lake/films/_loads/2026-11-21.json";

fn assert_script(expected: &ExpectFile, script: &Script<'_>, dialect: Dialect) {
    let texts = script
        .statements
        .iter()
        .map(|statement| match (&statement.purpose, dialect) {
            (Purpose::Check, Dialect::Redshift) => check_statement(&statement.sql),
            _ => statement.sql.clone(),
        });
    assert_texts(expected, texts.collect());
}

pub fn assert_texts(expected: &ExpectFile, texts: Vec<String>) {
    let all: Vec<String> = texts.into_iter().map(|text| format!("{text};\n")).collect();
    expected.assert_eq(&all.join("\n"));
}

fn assert_mode(
    mode: Mode,
    is_new: bool,
    new_columns: usize,
    redshift: &ExpectFile,
    postgres: &ExpectFile,
) {
    let (published, job, cancel) = (published(), job(), CancellationToken::new());
    let load = load(mode, &published, &job, &cancel);
    let script = |dialect, manifest| load.script(dialect, is_new, new_columns, manifest).unwrap();
    assert_script(
        redshift,
        &script(Dialect::Redshift, Some(MANIFEST)),
        Dialect::Redshift,
    );
    assert_script(
        postgres,
        &script(Dialect::Postgres, None),
        Dialect::Postgres,
    );
}

#[test]
fn replacing_a_new_table() {
    let redshift = expect_file!["golden/redshift/replace_new.sql"];
    let postgres = expect_file!["golden/postgres/replace_new.sql"];
    assert_mode(Mode::Replace, true, 0, &redshift, &postgres);
}

#[test]
fn replacing_with_new_columns() {
    let redshift = expect_file!["golden/redshift/replace_evolved.sql"];
    let postgres = expect_file!["golden/postgres/replace_evolved.sql"];
    assert_mode(Mode::Replace, false, 2, &redshift, &postgres);
}

#[test]
fn appending() {
    let redshift = expect_file!["golden/redshift/append.sql"];
    let postgres = expect_file!["golden/postgres/append.sql"];
    assert_mode(Mode::Append, false, 0, &redshift, &postgres);
}

#[test]
fn merging() {
    let redshift = expect_file!["golden/redshift/merge.sql"];
    let postgres = expect_file!["golden/postgres/merge.sql"];
    assert_mode(Mode::Merge, false, 0, &redshift, &postgres);
}

#[test]
fn appending_new_keys() {
    let redshift = expect_file!["golden/redshift/append_new.sql"];
    let postgres = expect_file!["golden/postgres/append_new.sql"];
    assert_mode(Mode::AppendNew, false, 0, &redshift, &postgres);
}

#[test]
fn the_ledger() {
    let redshift = expect_file!["golden/redshift/ledger.sql"];
    let postgres = expect_file!["golden/postgres/ledger.sql"];
    assert_texts(&redshift, ledger::definition(Dialect::Redshift));
    assert_texts(&postgres, ledger::definition(Dialect::Postgres));
}

#[test]
fn questions() {
    let (published, job, cancel) = (published(), job(), CancellationToken::new());
    let load = load(Mode::Replace, &published, &job, &cancel);
    let films = TableName::parse("marts.films").unwrap();
    let mut questions = ledger::find_queries(Dialect::Redshift, &load.noted());
    questions.extend([
        table::columns_query(Dialect::Redshift, &films),
        table::exist_query(Dialect::Redshift, ledger::SCHEMA, ledger::PARTS),
        ledger::list_query(Dialect::Redshift, Some(&films)),
        ledger::list_query(Dialect::Redshift, None),
    ]);
    let redshift = expect_file!["golden/redshift/questions.sql"];
    assert_texts(&redshift, questions);
}

#[test]
fn comments() {
    let (published, job) = (published(), job());
    let films = TableName::parse("marts.films").unwrap();
    let declared = ddl::Declared::new(Dialect::Redshift, &films, &job, &published).unwrap();
    let redshift = expect_file!["golden/redshift/comments.sql"];
    assert_texts(&redshift, declared.comments());
}

#[test]
fn what_no_warehouse_is_asked_is_told() {
    assert_eq!(
        checks::untranslated(&job()),
        ["the share is no more than all"]
    );
}

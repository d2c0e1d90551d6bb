//! Each script against its file in `golden/`; `UPDATE_EXPECT=1` writes them anew. `test.sh` has the
//! files of Redshift parsed by sqlfluff, and looks for what that misses.

use expect_test::{ExpectFile, expect_file};
use tokio_util::sync::CancellationToken;

use super::sample::{job, load, published, stars, stars_job};
use crate::warehouse::design::Design;
use crate::warehouse::dialect::{Dialect, TableName};
use crate::warehouse::load::{Load, Mode, Task};
use crate::warehouse::redshift::{STATEMENTS_MAX, batch};
use crate::warehouse::script::Script;
use crate::warehouse::{checks, ddl, ledger, table};

fn assert_script(expected: &ExpectFile, script: &Script<'_>, dialect: Dialect) {
    let texts = match dialect {
        Dialect::Redshift => {
            let batch = batch(script).into_iter();
            batch.map(|statement| statement.sql).collect()
        }
        Dialect::Postgres => {
            let statements = script.statements.iter();
            statements.map(|statement| statement.sql.clone()).collect()
        }
    };
    assert_texts(expected, texts);
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
    let load = load(Some(mode), &published, &job, &cancel);
    let task = Task {
        is_new,
        new_columns,
    };
    assert_load(&load, task, redshift, postgres);
}

/// What is sent where all tables need the same.
fn assert_load(load: &Load<'_>, task: Task, redshift: &ExpectFile, postgres: &ExpectFile) {
    let tasks: Vec<_> = load.parts.iter().map(|part| (part, task)).collect();
    let manifests: Vec<String> = (load.parts.iter())
        .map(|part| format!("s3://lake/{}/_loads/2026-11-21.json", part.rows.name))
        .collect();
    let manifests: Vec<&str> = manifests.iter().map(String::as_str).collect();
    let script = |dialect| load.script(dialect, &tasks, &manifests).unwrap();
    assert_script(redshift, &script(Dialect::Redshift), Dialect::Redshift);
    assert_script(postgres, &script(Dialect::Postgres), Dialect::Postgres);
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

/// Three tables at once, each by its own mode.
#[test]
fn several_tables() {
    let (published, job, cancel) = (stars(), stars_job(), CancellationToken::new());
    let load = load(None, &published, &job, &cancel);
    let task = Task {
        is_new: true,
        new_columns: 0,
    };
    let redshift = expect_file!["golden/redshift/several_tables.sql"];
    let postgres = expect_file!["golden/postgres/several_tables.sql"];
    assert_load(&load, task, &redshift, &postgres);
}

/// More tables than a batch takes with a statement for each check.
#[test]
fn checks_of_many_tables_are_folded() {
    let (mut published, job) = (stars(), stars_job());
    let copies: Vec<_> = (0..2).flat_map(|_| stars().tables).collect();
    published.tables.extend(copies);
    published.tables.truncate(8);
    let cancel = CancellationToken::new();
    let load = load(Some(Mode::Merge), &published, &job, &cancel);
    let task = Task {
        is_new: true,
        new_columns: 0,
    };
    let tasks: Vec<_> = load.parts.iter().map(|part| (part, task)).collect();
    let script = load.script(Dialect::Redshift, &tasks, &[]).unwrap();
    let batch = batch(&script);
    assert!(script.statements.len() > STATEMENTS_MAX);
    assert!(batch.len() <= STATEMENTS_MAX, "{}", batch.len());
    let folded = batch.iter().filter(|statement| statement.is_check).take(2);
    let redshift = expect_file!["golden/redshift/folded_checks.sql"];
    assert_texts(&redshift, folded.map(|check| check.sql.clone()).collect());
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
    let load = load(Some(Mode::Replace), &published, &job, &cancel);
    let films = TableName::parse("marts.films").unwrap();
    let others = TableName::parse("marts.others").unwrap();
    let mut questions = ledger::find_queries(Dialect::Redshift, &load.noted(&load.parts[0]));
    questions.extend([
        table::columns_query(Dialect::Redshift, &films),
        table::exist_query(Dialect::Redshift, ledger::SCHEMA, ledger::PARTS),
        ledger::list_query(Dialect::Redshift, std::slice::from_ref(&films)),
        ledger::list_query(Dialect::Redshift, &[films.clone(), others]),
        ledger::list_query(Dialect::Redshift, &[]),
    ]);
    let redshift = expect_file!["golden/redshift/questions.sql"];
    assert_texts(&redshift, questions);
}

#[test]
fn comments() {
    let (published, job) = (published(), job());
    let films = TableName::parse("marts.films").unwrap();
    let (design, rows) = (Design::all(&job)[0], &published.tables[0]);
    let declared = ddl::Declared::new(Dialect::Redshift, &films, design, rows).unwrap();
    let redshift = expect_file!["golden/redshift/comments.sql"];
    assert_texts(&redshift, declared.comments());
}

#[test]
fn what_no_warehouse_is_asked_is_told() {
    assert_eq!(
        checks::untranslated(&Design::all(&job())),
        ["the share is no more than all"]
    );
}

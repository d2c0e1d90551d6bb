//! What is expected of a table stops its commit, or warns.

use std::fs;

use cinemill_tests::cluster::Cluster;
use serde_json::Value;

use crate::fixture::{assert_code, assert_fails, assert_nothing_published, whole};
use crate::own_job::{FILMS, OwnJob};

/// Expectations that the films break, all kinds of them, each with words of what is told.
const BROKEN: [(&str, &str); 8] = [
    (
        "name = \"films are old\"\ncondition = \"year < 2000\"",
        "1 row breaks `films are old`: id=2",
    ),
    (
        "range = { rating = { max = 8 } }",
        "1 row breaks `rating is at most 8`: id=2",
    ),
    (
        "accepted = { title = [\"One\", \"it's\"] }",
        "1 row breaks `title is one of One, it's`: id=2",
    ),
    (
        "not_null = [\"rating\"]",
        "1 row breaks `rating is not null`: id=5",
    ),
    (
        "unique = [\"year\"]",
        "`year is unique` does not hold: year=1999",
    ),
    (
        "rows = { min = 1, max = 2 }",
        "`the number of rows is from 1 to 2` does not hold: it has 3",
    ),
    (
        "references = { columns = [\"id\"], table = \"shorts\" }",
        "`id stands in shorts.id` does not hold: id=1; id=2",
    ),
    (
        "freshness = { column = \"seen\", max_age_days = 2 }",
        "`seen is at most 2 days old` does not hold: newest=2026-01-03",
    ),
];

const CHECK: &str = "-- every film has a title of its own\n\
                     SELECT a.title, a.id AS a, b.id AS b FROM films a JOIN films b\n\
                     ON a.title = b.title WHERE a.id < b.id AND :since < 2000\n";

/// A job that expects all of it, over films that break it.
fn broken(more: &str) -> OwnJob {
    let expectations = BROKEN.map(|(rule, _)| format!("[[expect]]\n{rule}\n{more}"));
    let own = OwnJob::with(&expectations.join("\n"));
    own.write(
        "shorts.sql",
        "SELECT id FROM raw WHERE kind = 'short' OR id > 4",
    );
    own.write("checks/titles.sql", CHECK);
    own.give(&format!("{FILMS}5,One,1999,,movie,2026-01-01\n"));
    own
}

const DATE: [&str; 2] = ["--param", "run_date=2026-01-06"];

#[test]
fn every_kind_stops_the_commit_and_all_are_told() {
    let own = broken("");
    let mut told: Vec<&str> = BROKEN.iter().map(|(_, words)| *words).collect();
    told.extend([
        "9 expectations do not hold",
        "`every film has a title of its own` does not hold: title=One, a=1, b=5",
    ]);
    assert_fails(&own.run(&DATE), 11, &told);
    assert_nothing_published(&own.path("out"));
}

#[test]
fn warnings_let_the_commit_go_on_and_are_in_the_record() {
    let own = broken("severity = \"warn\"");
    own.write(
        "checks/titles.sql",
        &CHECK.replace("own\n", "own\n-- severity: warn\n"),
    );
    let mut told: Vec<&str> = BROKEN.iter().map(|(_, words)| *words).collect();
    told.push("warning: `every film has a title of its own` does not hold");
    let more = [&DATE[..], &["--run-id", "warned"]].concat();
    assert_code(&own.run(&more), 0, &told);
    assert_eq!(whole(&own.path("out")).rows.rows.len(), 3);
    let record = fs::read(own.path("out/_runs/warned.json")).unwrap();
    let summary = &serde_json::from_slice::<Value>(&record).unwrap()["summary"];
    assert_eq!(summary["warnings"].as_array().unwrap().len(), 9);
    assert_eq!(summary["params"]["run_date"], "2026-01-06");
    assert_eq!(summary["params"]["since"], "1990");
}

#[test]
fn checks_see_the_rows_that_the_table_keeps() {
    let own = OwnJob::with("[[expect]]\nrows = { max = 3 }\n");
    own.write("checks/titles.sql", CHECK);
    assert_code(&own.run(&[]), 0, &["2 rows"]);
    for mode in ["append_new", "merge"] {
        own.give("id,title,year,rating,kind,seen\n7,One,1999,7,movie,\n8,New,1999,7,movie,\n");
        let told = ["it has 4", "title=One, a=1, b=7"];
        assert_fails(&own.run(&["--mode", mode]), 11, &told);
        assert_eq!(whole(&own.path("out")).rows.rows.len(), 2);
    }
    // What the run replaces is not seen any more.
    own.give("id,title,year,rating,kind,seen\n1,Uno,1999,7,movie,\n9,One,1999,7,movie,\n");
    assert_code(&own.run(&["--mode", "merge"]), 0, &["3 rows"]);
}

#[test]
fn a_cluster_checks_and_takes_parameters_too() {
    let own = broken("");
    let cluster = Cluster::start(1).unwrap();
    let ended = own.submit(&cluster, &DATE);
    assert_fails(&ended, 11, &["9 expectations do not hold", BROKEN[4].1]);
    assert_nothing_published(&own.path("out"));
    own.write(
        "job.toml",
        &OwnJob::toml("[[expect]]\nunique = [\"title\"]\n"),
    );
    let more = [&DATE[..], &["--param", "since=2000"]].concat();
    assert_code(&own.submit(&cluster, &more), 0, &["films done: 1 rows"]);
}

#[test]
fn expectations_about_nothing_that_there_is_are_told() {
    for (toml, words) in [
        ("unique = [\"yaer\"]", "has no column `yaer`"),
        ("not_null = [\"yaer\"]", "has no column `yaer`"),
        (
            "references = { columns = [\"id\"], table = \"nowhere\" }",
            "there is no table `nowhere`",
        ),
        (
            "references = { columns = [\"id\"], table = \"raw\", to = [\"key\"] }",
            "key",
        ),
        (
            "references = { columns = [\"id\"], table = \"nowhere\" }",
            "there are films, chosen, raw",
        ),
        ("table = \"other\"\nunique = [\"id\"]", "no output `other`"),
        ("unique = [\"id\"]\nrows = { min = 1 }", "exactly one of"),
        ("rows = { min = 5, max = 2 }", "`min` is greater than `max`"),
        (
            "name = \"n\"\ncondition = \"id\"",
            "the expectation `n`: its condition is of the type int, not boolean",
        ),
        (
            "name = \"n\"\ncondition = \"null\"",
            "`n`: its condition is of the type",
        ),
        (
            "name = \"n\"\ncondition = \"id IN (SELECT id FROM raw)\"",
            "the expectation `n`: it has a subquery",
        ),
        (
            "name = \"n\"\ncondition = \"id = (SELECT max(id) FROM raw)\"",
            "checks/*.sql",
        ),
        (
            "name = \"n\"\ncondition = \"true) OR (1=1\"",
            "the expectation `n`: it is not one expression: `)`",
        ),
        (
            "range = { title = { min = 1 } }",
            "the expectation `title is at least 1`: `title` is of the type string",
        ),
        ("accepted = { seen = [2026] }", "`seen` is of the type date"),
        (
            "references = { columns = [\"id\"], table = \"raw\", to = [\"title\"] }",
            "the expectation `id stands in raw.title`: `id` is of the type int",
        ),
        (
            "freshness = { column = \"title\", max_age_days = 2 }",
            "`title` is of the type string, no date",
        ),
    ] {
        let own = OwnJob::with(&format!("[[expect]]\n{toml}\n"));
        assert_fails(&own.run(&[]), 10, &["job.toml", words]);
    }
    for (sql, words) in [
        ("SELECT 1", "checks/bad.sql: the first line"),
        ("-- t\nSELECT 1 FORM films", "checks/bad.sql:2:"),
        (
            "-- t\nSELECT 1 FROM nowhere",
            "no input or relation `nowhere`",
        ),
        ("-- t\nSELECT yaer FROM films", "checks/bad.sql:2:8"),
        (
            "-- t\nSELECT id FROM films WHERE id > :max",
            "checks/bad.sql:2:33",
        ),
    ] {
        let own = OwnJob::with("");
        own.write("checks/bad.sql", sql);
        assert_fails(&own.run(&[]), 10, &[words]);
        let input = own.path("in");
        let plan = own.cinemill("plan", &["--input", input.to_str().unwrap()]);
        assert_fails(&plan, 10, &[words]);
    }
}

//! Parameters of jobs.

use cinemill_tests::processes::Cinemill;
use serde_json::Value;

use crate::fixture::{assert_code, assert_fails, assert_nothing_published, text, whole};
use crate::own_job::{OWN, OwnJob};

#[test]
fn a_parameter_changes_what_a_run_makes() {
    let own = OwnJob::with("");
    assert_code(&own.run(&[]), 0, &["2 rows"]);
    let more = ["--param", "since=2002", "--param", "kind=short"];
    assert_code(&own.run(&more), 0, &["1 rows"]);
    let rows = whole(&own.path("out")).rows.rows;
    assert_eq!(rows[0][1].as_deref(), Some("Four"));
}

#[test]
fn a_wrong_parameter_is_usage() {
    let own = OwnJob::with("[params.market]\ntype = \"STRING\"\n");
    for (more, words) in [
        (&[][..], "market: it has no default"),
        (&["market=US", "since=soon"], "since: `soon` is no INT"),
        (&["market=US", "sinse=1"], "no such parameter"),
        (&["market=US", "run_date=21.11.2026"], "is no DATE"),
        (&["market=US", "market=GB"], "given twice"),
        (&["market"], "<name>=<value>"),
    ] {
        let more: Vec<&str> = more.iter().flat_map(|value| ["--param", value]).collect();
        assert_fails(&own.run(&more), 2, &[words]);
        assert_nothing_published(&own.path("out"));
    }
}

#[test]
fn a_parameter_that_is_not_declared_is_told_with_its_place() {
    let own = OwnJob::with("");
    own.write("chosen.sql", "SELECT *\nFROM raw WHERE year > :untill");
    let words = ["chosen.sql:2:23", ":untill", ":since"];
    assert_fails(&own.run(&[]), 10, &words);
    assert_fails(&own.cinemill("explain", &[]), 10, &words);
}

#[test]
fn what_a_parameter_holds_is_never_read_as_sql() {
    let own = OwnJob::with("");
    for evil in [
        "' OR 1 = 1 --",
        "\\' OR 1 = 1 --",
        "movie' UNION SELECT 1",
        ":since",
    ] {
        let param = format!("kind={evil}");
        assert_code(&own.run(&["--param", &param]), 0, &["0 rows"]);
    }
    let same = ["--param", "kind=it's \\ :x \"q\""];
    own.give(
        "id,title,year,rating,kind,seen\n1,One,1999,7.5,\"it's \\ :x \"\"q\"\"\",2026-01-01\n",
    );
    assert_code(&own.run(&same), 0, &["1 rows"]);
}

#[test]
fn the_catalogue_lists_parameters() {
    let own = OwnJob::with("");
    let catalog = own.path("catalog");
    let list = |more: &[&str]| {
        let arguments = [&["jobs", "--catalog", text(&catalog)], more].concat();
        Cinemill::default().run(&arguments).unwrap()
    };
    assert_code(&list(&[]), 0, &["param since INT = 1990: The first year"]);
    let jobs: Value = serde_json::from_str(&list(&["--json"]).stdout).unwrap();
    let mut jobs = jobs.as_array().unwrap().iter();
    let job = jobs.find(|job| job["name"] == OWN).unwrap();
    let since = &job["params"][1];
    assert_eq!(since["name"], "since");
    assert_eq!(since["type"], "INT");
    assert_eq!(since["default"], "1990");
    assert_eq!(since["description"], "The first year");
}

//! `cinemill test` and `cinemill new`.

use std::fs;

use cinemill_tests::processes::{Cinemill, Ended};
use tempfile::TempDir;

use crate::fixture::{assert_code, assert_fails, text};
use crate::own_job::OwnJob;

#[test]
fn every_case_of_every_job_gives_what_it_expects() {
    let ended = Cinemill::default().run(&["test"]).unwrap();
    assert_code(&ended, 0, &["ok      imdb_titles/quirks", " passed"]);
    assert!(!ended.says("has no tests"), "{}", ended.stderr);
}

#[test]
fn a_new_job_fails_until_its_hint_is_followed() {
    let folder = TempDir::new().unwrap();
    let catalog = folder.path().join("mine");
    let catalog = text(&catalog);
    let cinemill = |arguments: &[&str]| -> Ended {
        let arguments = [arguments, &["--catalog", catalog]].concat();
        Cinemill::default().run(&arguments).unwrap()
    };
    let made = cinemill(&["new", "sales"]);
    assert_code(&made, 0, &["cinemill test sales", "checks/lost_orders.sql"]);
    assert_fails(&cinemill(&["new", "sales"]), 2, &["there already"]);
    assert_fails(&cinemill(&["new", "../sales"]), 2, &["../sales"]);

    let failed = cinemill(&["test", "sales"]);
    let told = [
        "FAILED  sales/by_category",
        "column amount: expected, but not there",
    ];
    assert_fails(&failed, 11, &told);
    // What the hint says, word for word.
    let quoted: Vec<&str> = made.stdout.split('`').collect();
    let (from, to) = (quoted[1], quoted[3]);
    let sql = folder.path().join("mine/sales/sales.sql");
    let before = fs::read_to_string(&sql).unwrap();
    assert!(before.contains(from));
    fs::write(&sql, before.replace(from, to)).unwrap();
    assert_code(&cinemill(&["test", "sales"]), 0, &["1 case passed"]);

    let input = folder.path().join("mine/sales/tests/by_category");
    let output = folder.path().join("out");
    let run = [
        "run",
        "sales",
        "--input",
        text(&input),
        "--output",
        text(&output),
    ];
    assert_code(&cinemill(&run), 0, &["sales done: 2 rows"]);
}

/// A job in which rows of relations, tables and the output before the run can be given.
fn tested() -> OwnJob {
    let own = OwnJob::with(
        "[inputs.before]\nfile = \"films\"\nformat = \"previous\"\nschema = \"id INT, rating DOUBLE\"\n\
         [inputs.seats]\nfile = \"seats\"\nformat = \"table\"\n\
         schema = \"id INT, at TIMESTAMP\"\n\
         [[expect]]\nrange = { rating = { max = 9 } }\nseverity = \"warn\"\n",
    );
    own.write(
        "chosen.sql",
        "SELECT l.id, l.tags, l.rating, b.rating AS old_rating, s.at FROM listed l\n\
         LEFT JOIN before b ON b.id = l.id LEFT JOIN seats s ON s.id = l.id",
    );
    own.write(
        "listed.sql",
        "SELECT id, split(kind, ',') AS tags, rating FROM raw WHERE year >= :since",
    );
    own
}

#[test]
fn rows_are_given_and_expected_of_anything() {
    let own = tested();
    // A file as it is, the table before the run, a table, and a parameter.
    own.write(
        "tests/all/films.csv",
        "id,year,rating,kind,title,seen\n1,1999,0.1,\"a,b\",,\n2,1970,,a,,\n",
    );
    own.write("tests/all/before/films.tsv", "id\trating\n1\t5\n");
    own.write(
        "tests/all/given/seats.tsv",
        "id\tat\n1\t2020-01-01 10:00:00\n",
    );
    own.write(
        "tests/all/case.toml",
        "params = { since = 1980 }\nwarnings = []\nrejects = 0\n",
    );
    own.write(
        "tests/all/expect.tsv",
        "id\ttags\trating\told_rating\tat\n1\t[\"a\", \"b\"]\t0.10000000001\t5\t2020-01-01 10:00:00\n",
    );
    own.write(
        "tests/all/expect/listed.tsv",
        "id\ttags\trating\n1\t[\"a\",\"b\"]\t0.1\n",
    );
    // Rows in a relation's place; what is not given is empty.
    own.write(
        "tests/rows/given/listed.tsv",
        "id\ttags\trating\n1\t[\"x\", null]\t10\n2\t\\N\t\\N\n",
    );
    own.write(
        "tests/rows/case.toml",
        "warnings = [\"rating is at most 9\"]\n",
    );
    own.write(
        "tests/rows/expect.csv",
        "id,tags,rating,old_rating,at\n2,\\N,\\N,\\N,\\N\n1,\"[\"\"x\"\",null]\",10,\\N,\\N\n",
    );
    // A failure.
    own.write("tests/twice/given/raw.tsv", "id\tyear\n1\t2000\n1\t2001\n");
    own.write(
        "tests/twice/case.toml",
        "[fails]\nexit_code = 11\nwords = [\"id=1\"]\n",
    );
    own.write(
        "tests/gone/case.toml",
        "absent = [\"raw\"]\n[fails]\nexit_code = 12\nwords = [\"films.csv\"]\n",
    );
    let ended = own.cinemill("test", &[]);
    assert_code(&ended, 0, &["4 cases passed"]);
    let one = own.cinemill("test", &["--case", "rows"]);
    assert_code(&one, 0, &["1 case passed"]);
    assert_fails(
        &own.cinemill("test", &["--case", "no"]),
        2,
        &["all, gone, rows, twice"],
    );
}

#[test]
fn what_differs_is_told_cell_by_cell() {
    let own = OwnJob::with("");
    own.write(
        "tests/a/films.csv",
        "id,title,year,rating,kind,seen\n1,One,1999,7.5,movie,\n2,Two,1999,1,movie,\n",
    );
    own.write(
        "tests/a/expect.tsv",
        "id\ttitle\tyear\trating\tkind\tseen\n1\tone\t1999\t\\N\tmovie\t\\N\n3\tThree\t1\t1\tx\t\\N\n",
    );
    own.write("tests/b/expect/chosen.tsv", "id\ttitle\n");
    own.write("tests/c/case.toml", "[fails]\nexit_code = 12\n");
    own.write("tests/d/film.csv", "id\n1\n");
    own.write("tests/d/expect.tsv", "id\n");
    own.write("tests/e/films.csv", "id\n1\n");
    own.write("tests/f/expect/nothing.tsv", "id\n");
    assert_fails(
        &own.cinemill("test", &[]),
        11,
        &[
            "  table films:\n      row id=1:\n        title: expected one, found One\n        \
             rating: expected null, found 7.5\n",
            "missing row: id=3, title=Three",
            "surplus row: id=2, title=Two",
            "column year: there, but not expected",
            "expected exit code 12, but the run is done",
            "film.csv is the file of no input",
            "it expects nothing",
            "expect/nothing: there is no such output table or relation",
            "6 of 6 cases failed",
        ],
    );
    own.write("tests/a/case.toml", "parms = {}");
    assert_fails(&own.cinemill("test", &[]), 10, &["case.toml:1:1", "parms"]);
}

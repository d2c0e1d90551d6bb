//! What is looked at before anything is sent.

use cinemill_tests::processes::assert_code;

use crate::films::{ROWS, TABLE};
use crate::site::Site;

const COLUMNS: &str = "film_key text, title text, is_adult boolean, genres smallint, votes int, \
    revenue bigint, popularity real, rating double precision, budget numeric(18, 2), \
    released_on date, seen_at timestamp";

/// How a table differs, and what is said of it.
type Case = (
    &'static [(&'static str, &'static str)],
    &'static [&'static str],
);

/// A table of films, with some of its columns otherwise.
fn create(site: &Site, changes: &[(&str, &str)]) {
    let columns = changes
        .iter()
        .fold(COLUMNS.to_owned(), |columns, (from, to)| {
            assert!(columns.contains(from), "{from}");
            columns.replace(from, to)
        });
    site.execute(&format!(
        "DROP TABLE IF EXISTS films; CREATE TABLE films ({columns})"
    ));
}

#[test]
fn a_mismatch_is_explained_column_by_column() {
    let site = Site::postgres();
    let films = site.publish("films", ROWS);
    let cases: &[Case] = &[
        (
            &[
                ("votes int", "votes bigint"),
                ("popularity real", "popularity text"),
            ],
            &[
                "2 mismatches",
                "column 5: `votes` is INTEGER in the data, but BIGINT in the table",
                "column 7: `popularity` is REAL in the data, but TEXT in the table",
            ],
        ),
        (
            &[("is_adult boolean", "\"isAdult\" boolean")],
            &["column 3: the data has `is_adult`, the table `isAdult`"],
        ),
        (
            &[(
                "title text, is_adult boolean",
                "is_adult boolean, title text",
            )],
            &[
                "column 2: the data has `title`, the table `is_adult`",
                "column 3: ",
            ],
        ),
        (
            &[(
                "rating double precision",
                "rating double precision not null",
            )],
            &["column 8: `rating` is NOT NULL in the table, but the data has 1 nulls"],
        ),
        (
            &[("numeric(18, 2)", "numeric(18, 3)")],
            &["column 9: `budget` is DECIMAL(18, 2) in the data, but DECIMAL(18, 3)"],
        ),
        (
            &[("seen_at timestamp", "seen_at timestamp, colour text")],
            &["column 12: the data has no `colour`, which the table has"],
        ),
        (
            &[("title text", "title varchar(10)")],
            &[
                "column 2: `title` holds up to 10 characters in the table, but has 18 in film_key=f2",
            ],
        ),
        (
            &[("title text", "title char(20)")],
            &["column 2: `title` is TEXT", "character"],
        ),
    ];
    for (changes, words) in cases {
        create(&site, changes);
        let ended = site.load(&films, &[]);
        assert_code(&ended, 40, words);
        assert!(ended.says("nothing was sent"), "{}", ended.stderr);
        assert_eq!(site.films().len(), 0);
    }
    create(&site, &[("title text", "title varchar(18)")]);
    site.loads(&films, &[]);
}

/// Redshift counts bytes, and `VARCHAR(40)` takes 40 of them.
#[test]
fn a_text_of_too_many_bytes_is_named_by_row_and_column() {
    let site = Site::redshift();
    let long = format!("f7,{},no,,,,,,,", "é".repeat(21));
    let mut rows = ROWS.to_vec();
    rows.push(&long);
    let films = site.publish("films", &rows);
    let fits = site.publish("fits", ROWS);
    site.loads(&fits, &["--create"]);
    let sent = site.stand_in().received().len();
    let ended = site.load(&films, &[]);
    let told = "column 2: `title` holds up to 40 bytes in the table, but has 42 in film_key=f7";
    assert_code(&ended, 40, &[told]);
    let received = site.stand_in().received().split_off(sent);
    assert!(
        !received
            .iter()
            .any(|sql| sql.contains("DELETE") || sql.contains("COPY"))
    );
    assert_eq!(site.films(), site.published("fits"));
}

#[test]
fn new_columns_are_added_where_that_is_wished() {
    for site in [Site::postgres(), Site::redshift()] {
        let films = site.publish("films", ROWS);
        site.loads(&films, &["--create"]);
        site.evolve_job();
        let evolved = site.publish("evolved", ROWS);
        let ended = site.load(&evolved, &[]);
        assert_code(
            &ended,
            40,
            &[
                "2 mismatches",
                "no `title_length`",
                "no `shouted`",
                "--evolve",
            ],
        );
        assert_eq!(site.films(), site.published("films"));
        site.loads(&evolved, &["--evolve"]);
        assert_eq!(site.films(), site.published("evolved"));
        assert_eq!(site.columns(TABLE)[11..], ["title_length", "shouted"]);
        // The table has columns now that the old data has not.
        let ended = site.load(&films, &["--evolve"]);
        assert_code(&ended, 40, &["the data has no `title_length`"]);
        assert_eq!(site.films(), site.published("evolved"));
    }
}

#[test]
fn a_table_is_made_as_declared() {
    let site = Site::postgres();
    let films = site.publish("films", ROWS);
    let ended = site.load(&films, &[]);
    assert_code(&ended, 40, &["there is no such table", "--create"]);
    site.loads(&films, &["--create"]);
    let answer = |query: &str| site.database().query(query).unwrap();
    let key = answer(
        "SELECT a.attname FROM pg_index i JOIN pg_attribute a \
         ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) \
         WHERE i.indrelid = 'films'::regclass AND i.indisprimary",
    );
    assert_eq!(key, [[Some("film_key".to_owned())]]);
    let indexes = answer("SELECT indexdef FROM pg_indexes WHERE indexname = 'films_1'");
    assert!(indexes[0][0].as_ref().unwrap().contains("(released_on)"));
    let comments = answer(
        "SELECT obj_description('films'::regclass), col_description('films'::regclass, 1), \
         (SELECT reltuples FROM pg_class WHERE oid = 'films'::regclass)",
    );
    let expected = ["One row per film", "The film's id", "5"];
    assert_eq!(comments, [expected.map(|text| Some(text.to_owned()))]);
}

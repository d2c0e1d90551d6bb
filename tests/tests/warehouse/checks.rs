//! What is looked at afterwards, within the transaction; and later, alone.

use cinemill_tests::processes::assert_code;

use crate::films::{LATER, ROWS};
use crate::site::Site;

/// Makes the database change rows on their way in: what a loader must not take for done.
fn sabotage(site: &Site, condition: &str, change: &str) {
    site.execute(&format!(
        "CREATE OR REPLACE FUNCTION sabotage() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN IF {condition} THEN {change} END IF; RETURN NEW; END $$;
         DROP TRIGGER IF EXISTS sabotage ON films;
         CREATE TRIGGER sabotage BEFORE INSERT ON films FOR EACH ROW EXECUTE FUNCTION sabotage()"
    ));
}

const SABOTAGES: &[(&str, &str)] = &[
    ("RETURN NULL;", "rows: expected 5, found 4"),
    ("NEW.title := NULL;", "values in title: expected 5, found 4"),
    ("NEW.title := NEW.title || '!';", "checksum of title"),
    ("NEW.votes := NEW.votes + 1;", "checksum of votes"),
    ("NEW.is_adult := NOT NEW.is_adult;", "checksum of is_adult"),
    ("NEW.rating := NEW.rating + 0.1;", "checksum of rating"),
    ("NEW.budget := NEW.budget + 0.01;", "checksum of budget"),
    (
        "NEW.released_on := NEW.released_on + 1;",
        "checksum of released_on",
    ),
    (
        "NEW.seen_at := NEW.seen_at + interval '1 second';",
        "checksum of seen_at",
    ),
];

fn changed_rows_roll_back(site: &Site) {
    let old = site.publish("old", ROWS);
    site.loads(&old, &["--create"]);
    let new = site.publish("new", LATER);
    for (change, told) in SABOTAGES {
        sabotage(site, "NEW.film_key = 'f5'", change);
        let ended = site.load(&new, &[]);
        assert_code(&ended, 40, &[told, "rolled back"]);
        assert_eq!(site.films(), site.published("old"), "{change}");
    }
    site.execute("DROP TRIGGER sabotage ON films");
    site.loads(&new, &[]);
    assert_eq!(site.entries("public.films"), 2);
}

#[test]
fn rows_that_the_database_changed_roll_back() {
    changed_rows_roll_back(&Site::postgres());
}

#[test]
fn rows_that_the_stand_in_changed_roll_back() {
    changed_rows_roll_back(&Site::redshift());
}

/// Rows that were there before count too.
#[test]
fn what_the_job_expects_of_the_whole_table_is_checked() {
    for site in [Site::postgres(), Site::redshift()] {
        let first = site.publish("first", &ROWS[..2]);
        site.loads(&first, &["--create"]);
        site.execute("UPDATE films SET votes = -1 WHERE film_key = 'f1'");
        let second = site.publish("second", &ROWS[2..]);
        let ended = site.load(&second, &["--mode", "append"]);
        assert_code(&ended, 40, &["votes is not negative", "1"]);
        assert_eq!(site.films().len(), 2);
    }
}

/// Redshift takes a key twice, whatever the table says.
#[test]
fn a_key_that_stands_twice_is_found_where_the_database_does_not_look() {
    let site = Site::redshift();
    let first = site.publish("first", &ROWS[..2]);
    site.loads(&first, &["--create"]);
    site.execute("INSERT INTO films (film_key) VALUES ('f9'), ('f9')");
    let second = site.publish("second", &ROWS[2..]);
    let ended = site.load(&second, &["--mode", "append"]);
    assert_code(&ended, 40, &["film_key stands more than once: f9"]);
    assert_eq!(site.films().len(), 4);
}

#[test]
fn an_empty_snapshot_does_not_empty_the_table() {
    for site in [Site::postgres(), Site::redshift()] {
        let old = site.publish("old", ROWS);
        site.loads(&old, &["--create"]);
        let empty = site.publish("empty", &[]);
        let ended = site.load(&empty, &[]);
        assert_code(&ended, 40, &["the table has no rows"]);
        assert_eq!(site.films(), site.published("old"));
    }
}

#[test]
fn validate_runs_the_checks_alone() {
    for site in [Site::postgres(), Site::redshift(), Site::redshift_wire()] {
        let films = site.publish("films", ROWS);
        let validate = || {
            let catalog = site.catalog.as_str();
            let arguments = [
                "validate",
                "films",
                "--to",
                &site.target,
                "--catalog",
                catalog,
            ];
            site.cinemill.run(&arguments).unwrap()
        };
        assert_code(&validate(), 40, &["nothing was loaded into it"]);
        site.loads(&films, &["--create"]);
        assert_code(
            &validate(),
            0,
            &["ok", "film_key is unique", "votes is not negative"],
        );
        site.execute("UPDATE films SET votes = -5 WHERE film_key = 'f5'");
        let told = ["1 of 3 checks failed", "FAILED", "votes is not negative"];
        assert_code(&validate(), 40, &told);
        site.execute("DELETE FROM films WHERE film_key = 'f5'");
        let told = ["load 1 left 5 rows, but now there are 4"];
        assert_code(&validate(), 40, &told);
        // The loader mends what somebody broke.
        site.loads(&films, &[]);
        assert_code(&validate(), 0, &[]);
        site.execute("DROP TABLE films");
        assert_code(&validate(), 40, &["films"]);
    }
}

/// Conditions that a warehouse might read in another way are told, not skipped in silence.
#[test]
fn a_condition_that_only_spark_understands_is_told() {
    let site = Site::postgres();
    site.add_condition("half", "votes / 2 >= 0");
    let films = site.publish("films", ROWS);
    let ended = site.loads(&films, &["--create"]);
    assert!(ended.says("not checked in the warehouse, only before publishing: half"));
}

//! What the ledger says.

use cinemill_tests::postgres::ADMIN;
use cinemill_tests::processes::{Cinemill, assert_code};
use serde_json::Value;

use crate::films::{LATER, ROWS};
use crate::site::Site;

#[test]
fn loads_are_listed_with_run_rows_seconds_and_who() {
    for site in [Site::postgres(), Site::redshift(), Site::redshift_wire()] {
        let list = |flags: &[&str]| {
            let mut arguments = vec!["loads", "--to", &site.target];
            arguments.extend(flags);
            site.cinemill.run(&arguments).unwrap()
        };
        assert_code(&list(&[]), 0, &["no loads"]);
        let old = site.publish("old", ROWS);
        let new = site.publish("new", LATER);
        site.loads(&old, &["--create"]);
        site.loads(&new, &["--mode", "merge"]);
        site.loads(&old, &["--table", "public.others", "--create"]);
        assert_code(&list(&[]), 0, &["public.films", "public.others", "merge"]);
        let ended = list(&["--table", "films", "--json"]);
        assert_code(&ended, 0, &[]);
        let loads: Value = serde_json::from_str(&ended.stdout).unwrap();
        let [merged, replaced] = loads.as_array().unwrap().as_slice() else {
            panic!("{loads}");
        };
        assert_eq!(
            (&merged["number"], &merged["mode"]),
            (&2.into(), &"merge".into())
        );
        assert_eq!(
            (&merged["rows"], &merged["inserted"]),
            (&5.into(), &1.into())
        );
        assert_eq!(merged["table_rows"], 6);
        assert_eq!(
            (&replaced["number"], &replaced["rows"]),
            (&1.into(), &5.into())
        );
        let run_id = cinemill_tests::published::whole(&site.files("old"))
            .unwrap()
            .run_id;
        assert_eq!(replaced["run_id"], Value::from(run_id));
        for load in [merged, replaced] {
            assert!(
                (0.0..60.0).contains(&load["seconds"].as_f64().unwrap()),
                "{load}"
            );
        }
        assert!(
            replaced["source"]
                .as_str()
                .unwrap()
                .ends_with("old/_manifest.json")
        );
        assert!(replaced["client"].as_str().unwrap().contains('@'));
        let user = replaced["database_user"].as_str().unwrap();
        assert!([ADMIN, "IAMR:loader"].contains(&user), "{user}");
    }
}

#[test]
fn the_view_tells_how_fresh_each_table_is() {
    let site = Site::postgres();
    let old = site.publish("old", ROWS);
    let new = site.publish("new", LATER);
    site.loads(&old, &["--create"]);
    site.loads(&new, &[]);
    site.loads(&old, &["--table", "others", "--create"]);
    let fresh = site.database().query(
        "SELECT table_name, split_part(source, '/', -2), table_rows, mode, \
         loaded_at >= published_at FROM cinemill.freshness ORDER BY table_name",
    );
    let row = |values: [&str; 5]| values.map(|value| Some(value.to_owned())).to_vec();
    let expected = [
        row(["public.films", "new", "5", "replace", "t"]),
        row(["public.others", "old", "5", "replace", "t"]),
    ];
    assert_eq!(fresh.unwrap(), expected);
}

/// A table that somebody dropped or emptied is loaded again, whatever the ledger says.
#[test]
fn the_table_itself_counts_too() {
    for site in [Site::postgres(), Site::redshift()] {
        let films = site.publish("films", ROWS);
        site.loads(&films, &["--create"]);
        site.execute("DROP TABLE films");
        assert_code(&site.load(&films, &[]), 40, &["there is no such table"]);
        site.loads(&films, &["--create"]);
        site.execute("DELETE FROM films");
        site.loads(&films, &[]);
        assert_eq!(site.films(), site.published("films"));
        site.has_loaded(&films, &[]);
    }
}

/// Wherever a copy of the folder lies, it is the same snapshot.
#[test]
fn a_copy_of_the_folder_is_not_loaded_twice() {
    let site = Site::postgres();
    let films = site.publish("films", ROWS);
    site.loads(&films, &["--create", "--mode", "append"]);
    let copy = site.files("copy");
    std::fs::create_dir(&copy).unwrap();
    cinemill_tests::samples::copy(&site.files("films"), &copy).unwrap();
    site.has_loaded(&site.place("copy"), &["--mode", "append"]);
}

/// Rows whose keys were there already are as they were, so a merge has something to do.
#[test]
fn new_keys_alone_are_not_the_whole_snapshot() {
    let site = Site::postgres();
    let old = site.publish("old", ROWS);
    let new = site.publish("new", LATER);
    site.loads(&old, &["--create"]);
    site.loads(&new, &["--mode", "append_new"]);
    site.loads(&new, &["--mode", "merge"]);
    assert_eq!(site.films()[0][4].as_deref(), Some("101"));
    site.has_loaded(&new, &["--mode", "append_new"]);
}

#[test]
fn a_ledger_that_may_not_be_read_is_no_empty_one() {
    let site = Site::postgres();
    let films = site.publish("films", ROWS);
    site.loads(&films, &["--create"]);
    site.database().create_user("guest").unwrap();
    let guest = site.database().environment("guest").into_iter();
    let guest = guest.fold(Cinemill::default(), |c, (name, value)| c.with(&name, value));
    let target = site.database().url("guest");
    let ended = guest.run(&["loads", "--to", &target]).unwrap();
    assert_code(&ended, 21, &["permission denied", "grants"]);
    // The view is not needed to list loads, and made again by the next one.
    site.execute("DROP VIEW cinemill.freshness");
    let ended = site.cinemill.run(&["loads", "--to", &site.target]).unwrap();
    assert_code(&ended, 0, &["public.films"]);
    site.loads(&films, &["--force"]);
    site.execute("SELECT * FROM cinemill.freshness");
}

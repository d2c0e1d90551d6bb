//! Tables of one job that come in together: all of them, or none.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use cinemill_tests::processes::{assert_code, poll, text};
use cinemill_tests::published::Rows;
use cinemill_tests::s3::Moment;
use serde_json::Value;

use crate::site::{Site, Table, sorted};
use crate::stars::{self, JOB, NEW, OLD, Stars, TABLES};

/// Publishes the job's tables, and gives the place.
fn publish(site: &Site, name: &str, stars: &Stars) -> String {
    stars::write_job(Path::new(&site.catalog));
    let input = site.folder().join(format!("{name}-input"));
    stars::write_rows(&input, stars);
    run(site, JOB, &input, name, &[])
}

fn run(site: &Site, job: &str, input: &Path, name: &str, more: &[&str]) -> String {
    let (input, output) = (text(input).unwrap(), site.place(name));
    let catalog = site.catalog.as_str();
    let arguments = [
        "run",
        job,
        "--catalog",
        catalog,
        "--input",
        &input,
        "--output",
        &output,
    ];
    let ended = site.cinemill.run(&[&arguments, more].concat()).unwrap();
    assert_code(&ended, 0, &[]);
    output
}

/// The rows of one table of what is published under a name.
fn published(site: &Site, name: &str, table: &str) -> Table {
    let folder = site.files(name);
    let manifest = fs::read(folder.join("_manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let files = manifest["cinemill"]["files"].as_array().unwrap().iter();
    let files = files.map(|file| file["path"].as_str().unwrap().to_owned());
    let own = files.filter(|path| path.starts_with(&format!("{table}/")));
    sorted(Rows::read(&folder, own).unwrap().rows)
}

#[track_caller]
fn assert_tables(site: &Site, name: &str) {
    for table in TABLES {
        let loaded = site.rows(&format!("public.{table}"));
        assert_eq!(loaded, published(site, name, table), "{table} of {name}");
    }
}

fn versions_and_deltas(site: &Site) {
    let old = publish(site, "old", &OLD);
    site.loads(&old, &["--create"]);
    assert_tables(site, "old");
    site.has_loaded(&old, &[]);

    let new = publish(site, "new", &NEW);
    let ended = site.load(&new, &["--json"]);
    assert_code(&ended, 0, &[]);
    let entries: Value = serde_json::from_str(&ended.stdout).unwrap();
    let entries = entries.as_array().unwrap();
    let told = |key: &str| -> Vec<&Value> { entries.iter().map(|entry| &entry[key]).collect() };
    assert_eq!(
        told("table"),
        ["public.day_dim", "public.film_dim", "public.place_fact"]
    );
    assert_eq!(told("mode"), ["append_new", "merge", "append_new"]);
    assert_eq!(told("inserted"), [1, 1, 1]);
    let ids: BTreeSet<String> = told("id").iter().map(ToString::to_string).collect();
    assert_eq!(ids.len(), 1, "one load");
    assert_tables(site, "new");

    site.has_loaded(&new, &[]);
    site.has_loaded(&new, &["--tables", "film_dim"]);
    // Every row again is the same rows.
    site.loads(&new, &["--force"]);
    assert_tables(site, "new");
    site.loads(&old, &["--mode", "replace"]);
    assert_tables(site, "old");
}

#[test]
fn versions_and_deltas_in_postgres() {
    versions_and_deltas(&Site::postgres());
}

#[test]
fn versions_and_deltas_in_redshift() {
    versions_and_deltas(&Site::redshift());
}

#[test]
fn versions_and_deltas_in_redshift_by_wire() {
    versions_and_deltas(&Site::redshift_wire());
}

/// The last table is checked when all others are done.
#[test]
fn a_failure_in_the_last_table_leaves_all_as_before() {
    for site in [Site::postgres(), Site::redshift()] {
        let old = publish(&site, "old", &OLD);
        let new = publish(&site, "new", &NEW);
        site.loads(&old, &["--create"]);
        for (change, words) in [
            (
                "NEW.place := 51;",
                "public.place_fact: place is from 1 to 50: rows that break it: 1",
            ),
            (
                "NEW.film_key := 9;",
                "film_key stands in film_dim.film_key: rows that break it: 1",
            ),
            (
                "RETURN NULL;",
                "public.place_fact: rows of the table: expected 3, found 2",
            ),
        ] {
            site.execute(&format!(
                "CREATE OR REPLACE FUNCTION sabotage() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN IF NEW.day_key = 20261122 THEN {change} END IF; RETURN NEW; END $$;
                 DROP TRIGGER IF EXISTS sabotage ON place_fact;
                 CREATE TRIGGER sabotage BEFORE INSERT ON place_fact
                 FOR EACH ROW EXECUTE FUNCTION sabotage()"
            ));
            let ended = site.load(&new, &[]);
            assert_code(&ended, 40, &[words, "all tables are as before"]);
            assert_tables(&site, "old");
            assert_eq!(entries(&site), 3, "{change}");
        }
        site.execute("DROP TRIGGER sabotage ON place_fact");
        site.loads(&new, &[]);
        assert_tables(&site, "new");
    }
}

fn entries(site: &Site) -> usize {
    let tables = TABLES.iter();
    tables
        .map(|table| site.entries(&format!("public.{table}")))
        .sum()
}

#[test]
fn a_loader_that_is_killed_between_two_tables_leaves_both_as_before() {
    let site = Site::postgres_over_s3();
    let old = publish(&site, "old", &OLD);
    let new = publish(&site, "new", &NEW);
    site.loads(&old, &["--create"]);
    let hold = || {
        let faults = site.lake().faults();
        faults.hold(Some("GET"), "/new/place_fact/part-", Moment::Before)
    };
    let mut held = hold();
    let running = site.start_load(&new, &[]);
    let copying = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'COPY%' AND state = 'active'";
    poll("the last table's copy to begin", || {
        if !site.database().query(copying).unwrap().is_empty() && held.waiting() > 0 {
            return Some(());
        }
        if held.waiting() > 0 {
            // It looks at the files before the transaction begins.
            let next = hold();
            std::mem::replace(&mut held, next).release();
        }
        None
    })
    .unwrap();
    running.kill().unwrap();
    held.release();
    let sessions = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'cinemill'";
    poll("the loader's session to end", || {
        let over = site.database().query(sessions).unwrap().is_empty();
        over.then_some(())
    })
    .unwrap();
    assert_tables(&site, "old");
    assert_eq!(entries(&site), 3);
    site.loads(&new, &[]);
    assert_tables(&site, "new");
}

#[test]
fn some_of_the_tables() {
    let site = Site::postgres();
    let place = publish(&site, "old", &OLD);
    let ended = site.load(&place, &["--tables", "films"]);
    assert_code(
        &ended,
        2,
        &["stars has no such table", "day_dim, film_dim, place_fact"],
    );
    let ended = site.load(&place, &["--table", "marts.places"]);
    assert_code(&ended, 2, &["--table is for one", "--tables"]);
    site.loads(&place, &["--create", "--tables", "film_dim,day_dim"]);
    assert_eq!(site.columns("public.place_fact").len(), 0);
    // What is left is loaded, once.
    let ended = site.load(&place, &["--create"]);
    let told = ["nothing to do", "2 rows (2 new) into public.place_fact"];
    assert_code(&ended, 0, &told);
    assert_tables(&site, "old");
    assert_eq!(entries(&site), 3);
    site.loads(
        &place,
        &[
            "--create",
            "--tables",
            "film_dim",
            "--table",
            "public.others",
        ],
    );
    assert_eq!(site.rows("public.others"), site.rows("public.film_dim"));
}

#[test]
fn tables_are_listed_and_validated_together() {
    let site = Site::postgres();
    let place = publish(&site, "old", &OLD);
    let ask = |arguments: &[&str]| {
        let common = ["--to", &site.target, "--catalog", &site.catalog];
        site.cinemill.run(&[arguments, &common].concat()).unwrap()
    };
    assert_code(
        &ask(&["validate", "--job", JOB]),
        40,
        &["nothing was loaded"],
    );
    site.loads(&place, &["--create"]);
    let told = [
        "public.film_dim: film_key is unique",
        "film_key stands in film_dim.film_key",
    ];
    assert_code(&ask(&["validate", "--job", JOB]), 0, &told);
    assert_code(
        &ask(&["validate", "film_dim", "day_dim"]),
        0,
        &["public.day_dim: "],
    );
    assert_code(
        &ask(&["loads", "--job", JOB]),
        0,
        &["public.day_dim", "public.place_fact"],
    );
    site.execute("UPDATE film_dim SET film_key = 7 WHERE film_key = 2");
    let told = [
        "1 of",
        "FAILED  public.place_fact: film_key stands in film_dim.film_key",
    ];
    assert_code(&ask(&["validate", "--job", JOB]), 40, &told);
}

const SCRAPED: &str = "imdb_movie_id,title,release_year,certificate,run_time_min,imdb_rating,\
    metascore,description,num_voted_users,gross,genre,ranked_genre,ranking_by_genre,director,cast";

/// Six tables, more than a batch of the Data API takes with a statement for each check.
#[test]
fn a_star_schema_and_its_next_day() {
    for site in [Site::postgres(), Site::redshift()] {
        let input = site.folder().join("scraped");
        fs::create_dir_all(&input).unwrap();
        for (title, votes, date) in [("One", 1000, "2026-11-21"), ("One!", 1001, "2026-11-22")] {
            let rows = format!(
                "{SCRAPED}\r\n\
                 tt11,{title},1999,R,101,10.0,-1,A.,{votes},-1,\"Action,War\",Action,1,Ann@nm1,NULL\r\n\
                 tt12,Two,2001,NULL,90,8.5,77,B.,500,5,War,War,1,\"Bo, Jr.@nm5,Ann@nm1\",NULL\r\n"
            );
            fs::write(input.join("movie_output.csv"), rows).unwrap();
            let date = format!("run_date={date}");
            let top = run(&site, "imdb_top50", &input, "top", &["--param", &date]);
            site.loads(&top, &["--create"]);
        }
        let versions = site.rows("public.movie_dim");
        let titles: Vec<_> = versions
            .iter()
            .map(|row| row[2].as_deref().unwrap())
            .collect();
        assert_eq!(titles, ["One", "Two", "One!"]);
        assert_eq!(versions, published(&site, "top", "movie_dim"));
        assert_eq!(site.rows("public.movie_performance_fact").len(), 3);
        assert_eq!(site.rows("public.director_group").len(), 3);
        let query = "imdb_top50/directors_with_most_films";
        let ended = site
            .cinemill
            .run(&["query", query, "--to", &site.target])
            .unwrap();
        assert_code(
            &ended,
            0,
            &["| nm1    | Ann      | 2     | 2      | 1         |"],
        );
    }
}

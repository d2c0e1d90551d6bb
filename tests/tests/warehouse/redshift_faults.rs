//! The stand-in fails on purpose: what a load makes of it.

use std::thread;
use std::time::Duration;

use cinemill_tests::processes::{Running, assert_code, poll};
use cinemill_tests::s3::{Hold, Moment};
use rustix::process::Signal;

use crate::films::{LATER, ROWS, TABLE};
use crate::site::Site;

const VIOLATION: &str = "ERROR: 1023\nDETAIL: Serializable isolation violation on table - 110";

/// A site whose table has the first snapshot, and the place of the second.
fn changing(site: Site) -> (Site, String) {
    let old = site.publish("old", ROWS);
    site.loads(&old, &["--create"]);
    let new = site.publish("new", LATER);
    (site, new)
}

fn assert_new(site: &Site) {
    assert_eq!(site.films(), site.published("new"));
    assert_eq!(site.entries(TABLE), 2);
}

fn assert_old(site: &Site) {
    assert_eq!(site.films(), site.published("old"));
    assert_eq!(site.entries(TABLE), 1);
}

#[test]
fn a_violation_of_isolation_is_tried_again() {
    for site in [Site::redshift(), Site::redshift_wire()] {
        let (site, new) = changing(site);
        site.stand_in().faults().fail_next_commit(VIOLATION);
        let ended = site.loads(&new, &[]);
        assert!(ended.says("trying again"), "{}", ended.stderr);
        assert_new(&site);
    }
}

#[test]
fn a_refused_commit_leaves_the_old_table() {
    let (site, new) = changing(Site::redshift());
    site.stand_in()
        .faults()
        .fail_next_commit("ERROR: could not write: out of luck");
    let ended = site.load(&new, &[]);
    assert_code(&ended, 40, &["out of luck", "as before"]);
    assert_old(&site);
}

/// The transaction was committed, and nobody was told.
#[test]
fn a_lost_answer_does_not_load_twice() {
    for mode in ["replace", "append"] {
        let site = Site::redshift();
        let first = site.publish("first", &ROWS[..2]);
        site.loads(&first, &["--create"]);
        let second = site.publish("second", &ROWS[2..]);
        site.stand_in().faults().lose_next_answer();
        let ended = site.load(&second, &["--mode", mode]);
        assert_code(&ended, 0, &[]);
        assert_eq!(site.entries(TABLE), 2, "{mode}");
        let rows = if mode == "append" {
            ROWS.len()
        } else {
            ROWS.len() - 2
        };
        assert_eq!(site.films().len(), rows);
    }
}

/// As above, by the wire protocol: the answer to `COMMIT` is lost with the connection.
#[test]
fn a_lost_commit_does_not_load_twice() {
    for flags in [&["--mode", "append"][..], &["--mode", "append", "--force"]] {
        let site = Site::redshift_wire();
        let first = site.publish("first", &ROWS[..2]);
        site.loads(&first, &["--create"]);
        let second = site.publish("second", &ROWS[2..]);
        site.stand_in().faults().lose_next_answer();
        assert_code(&site.load(&second, flags), 0, &[]);
        assert_eq!(site.entries(TABLE), 2, "{flags:?}");
        assert_eq!(site.films().len(), ROWS.len());
    }
}

#[test]
fn throttled_requests_are_made_again() {
    let (site, new) = changing(Site::redshift());
    site.stand_in().faults().throttle(3);
    site.loads(&new, &[]);
    assert_new(&site);
}

/// The statement goes on without us; who comes with new credentials finds it done.
#[test]
fn credentials_that_expire_in_the_middle_lose_nothing() {
    let (site, new) = changing(Site::redshift());
    let (running, hold) = amid_the_copy(&site, &new);
    site.stand_in().faults().expire_credentials();
    let ended = running.wait().unwrap();
    assert_code(
        &ended,
        20,
        &["ExpiredTokenException", "renew the credentials"],
    );
    site.stand_in().faults().renew_credentials();
    hold.release();
    poll("the statement to end", || {
        (site.entries(TABLE) == 2).then_some(())
    })
    .unwrap();
    site.has_loaded(&new, &[]);
    assert_new(&site);
}

/// Starts a load, and holds its batch in the middle of the `COPY`.
fn amid_the_copy(site: &Site, place: &str) -> (Running, Hold) {
    let manifests = "/new/_loads/";
    let hold = site
        .lake()
        .faults()
        .hold(Some("GET"), manifests, Moment::Before);
    let running = site.start_load(place, &[]);
    poll("the batch to read its manifest", || {
        (hold.waiting() > 0).then_some(())
    })
    .unwrap();
    (running, hold)
}

#[test]
fn expired_credentials_at_the_start_are_told() {
    let (site, new) = changing(Site::redshift());
    site.stand_in().faults().expire_credentials();
    let ended = site.load(&new, &[]);
    assert_code(&ended, 20, &["ExpiredTokenException"]);
    site.stand_in().faults().renew_credentials();
    assert_old(&site);
}

#[test]
fn an_interrupted_load_is_cancelled_there_too() {
    let (site, new) = changing(Site::redshift());
    let (running, hold) = amid_the_copy(&site, &new);
    running.signal(Signal::TERM);
    thread::sleep(Duration::from_secs(1));
    hold.release();
    assert_code(&running.wait().unwrap(), 22, &["cancelled"]);
    assert_old(&site);
}

#[test]
fn two_loaders_at_once_load_once() {
    for site in [Site::redshift(), Site::redshift_wire()] {
        let (site, new) = changing(site);
        let loaders: Vec<Running> = (0..3).map(|_| site.start_load(&new, &[])).collect();
        for loader in loaders {
            assert_code(&loader.wait().unwrap(), 0, &[]);
        }
        assert_new(&site);
    }
}

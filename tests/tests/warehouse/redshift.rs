//! What reaches the stand-in for Redshift.

use cinemill_tests::processes::assert_code;

use crate::films::{LATER, ROWS, TABLE};
use crate::site::Site;

/// One batch per load, by statements that a batch may hold.
#[test]
fn a_load_is_one_transaction_without_begin_and_without_secrets() {
    let site = Site::redshift();
    let films = site.publish("films", ROWS);
    site.loads(&films, &["--create"]);
    let received = site.stand_in().received();
    let secret = site.lake().secret_key().to_owned();
    for sql in &received {
        let first = sql.split_whitespace().next().unwrap_or_default();
        assert!(
            !["BEGIN", "COMMIT", "TRUNCATE", "VACUUM"].contains(&first),
            "{sql}"
        );
        assert!(!sql.contains(&secret), "a secret in {sql}");
        assert!(!sql.to_ascii_uppercase().contains("CREDENTIALS"), "{sql}");
    }
    let copies = received.iter().filter(|sql| sql.starts_with("COPY"));
    assert_eq!(copies.count(), 1);
    assert!(
        received.iter().any(|sql| sql.contains("COMPOUND SORTKEY")),
        "{received:#?}"
    );
    assert!(
        received
            .iter()
            .any(|sql| sql.starts_with("COMMENT ON COLUMN"))
    );
}

#[test]
fn the_role_that_reads_the_files_may_be_named() {
    let site = Site::redshift();
    let films = site.publish("films", ROWS);
    let role = "arn:aws:iam::123456789012:role/reader";
    site.loads(&films, &["--create", "--iam-role", role]);
    let received = site.stand_in().received();
    assert!(
        received
            .iter()
            .any(|sql| sql.contains(&format!("IAM_ROLE '{role}'")))
    );
}

#[test]
fn a_cluster_is_named_as_such() {
    let site = Site::redshift();
    let films = site.publish("films", ROWS);
    let load = |target: &str| {
        let arguments = [
            "load",
            &films,
            "--to",
            target,
            "--catalog",
            &site.catalog,
            "--create",
        ];
        site.cinemill.run(&arguments).unwrap()
    };
    let ended = load("redshift://warehouse/dev");
    assert_code(&ended, 21, &["type=cluster"]);
    assert_code(&load("redshift://analytics/none"), 21, &["none"]);
    assert_code(
        &load("redshift://warehouse/dev?type=cluster"),
        0,
        &["loaded"],
    );
    assert_eq!(site.films(), site.published("films"));
}

/// By the wire protocol with the credentials of a cluster instead of a workgroup.
#[test]
fn a_cluster_is_reached_by_wire() {
    let site = Site::redshift_wire();
    let films = site.publish("films", ROWS);
    let target = site
        .target
        .replace("workgroup=analytics", "cluster=warehouse");
    let arguments = [
        "load",
        &films,
        "--to",
        &target,
        "--catalog",
        &site.catalog,
        "--create",
    ];
    assert_code(&site.cinemill.run(&arguments).unwrap(), 0, &["loaded"]);
    assert_eq!(site.films(), site.published("films"));
}

#[test]
fn a_table_of_another_type_is_refused_before_spectrum_does() {
    for site in [Site::redshift(), Site::redshift_wire()] {
        let films = site.publish("films", ROWS);
        site.loads(&films, &["--create"]);
        site.execute("ALTER TABLE films ALTER votes TYPE bigint");
        let later = site.publish("later", LATER);
        let ended = site.load(&later, &[]);
        assert_code(
            &ended,
            40,
            &["column 5: `votes` is INTEGER in the data, but BIGINT"],
        );
        assert_eq!(site.entries(TABLE), 1);
    }
}

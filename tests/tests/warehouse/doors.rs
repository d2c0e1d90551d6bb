//! Who may come in, and what is said to those who may not.

use std::os::unix::fs::PermissionsExt;

use cinemill_tests::postgres::Postgres;
use cinemill_tests::processes::{Cinemill, Ended, assert_code, free_port, text};

use crate::films::ROWS;
use crate::site::Site;

fn load(cinemill: &Cinemill, site: &Site, place: &str, target: &str) -> Ended {
    let arguments = [
        "load",
        place,
        "--catalog",
        &site.catalog,
        "--create",
        "--to",
        target,
    ];
    cinemill.run(&arguments).unwrap()
}

#[test]
fn what_cannot_be_reached_or_is_not_allowed_is_told_apart() {
    let site = Site::postgres();
    let films = site.publish("films", ROWS);
    let nobody = Cinemill::default().with("PGPASSFILE", "/dev/null");
    let wrong = nobody.clone().with("PGPASSWORD", "wrong");
    let port = site.database().port();

    let ended = load(&wrong, &site, &films, &site.target);
    assert_code(
        &ended,
        21,
        &["password authentication failed", "PGPASSWORD"],
    );
    let ended = load(&nobody, &site, &films, &site.target);
    assert_code(&ended, 21, &["password missing", "PGPASSWORD"]);
    let target = format!("postgres://admin@127.0.0.1:{port}/none");
    let ended = load(&site.cinemill, &site, &films, &target);
    assert_code(&ended, 21, &["database \"none\" does not exist"]);
    let target = format!("postgres://admin@127.0.0.1:{}/dev", free_port().unwrap());
    let ended = load(&site.cinemill, &site, &films, &target);
    assert_code(&ended, 30, &["Connection refused", "check host and port"]);
    let target = "postgres://admin@no-such-host.invalid/dev?sslmode=disable";
    let ended = load(&site.cinemill, &site, &films, target);
    assert_code(&ended, 30, &["no-such-host.invalid"]);
    let target = format!("postgres://admin:secret@127.0.0.1:{port}/dev");
    let ended = load(&site.cinemill, &site, &films, &target);
    assert_code(&ended, 2, &["it holds a password", "PGPASSWORD"]);
    assert!(!ended.says("secret"));
}

#[test]
fn a_user_without_rights_is_told_and_changes_nothing() {
    let site = Site::postgres();
    let films = site.publish("films", ROWS);
    site.loads(&films, &["--create"]);
    let database = site.database();
    database.create_user("guest").unwrap();
    let guest = database.environment("guest").into_iter();
    let guest = guest.fold(Cinemill::default(), |c, (name, value)| c.with(&name, value));
    let target = database.url("guest");
    let ended = load(&guest, &site, &films, &target);
    assert_code(&ended, 21, &["may neither read nor write", "grants"]);
    site.execute(
        "GRANT USAGE ON SCHEMA cinemill TO guest;
         GRANT SELECT, INSERT ON cinemill.loads, cinemill.freshness TO guest;
         GRANT SELECT, INSERT ON films TO guest; DELETE FROM films WHERE film_key = 'f1'",
    );
    let before = site.films();
    let ended = load(&guest, &site, &films, &target);
    assert_code(
        &ended,
        21,
        &["permission denied for table films", "as before", "grants"],
    );
    assert_eq!(site.films(), before);
    // What a loader needs, and no more.
    site.execute("GRANT DELETE ON films TO guest; ALTER TABLE films OWNER TO admin");
    let ended = load(&guest, &site, &films, &target);
    assert_code(&ended, 0, &["loaded"]);
    assert_eq!(site.films(), site.published("films"));
}

#[test]
fn the_password_file_is_read() {
    let site = Site::postgres();
    let films = site.publish("films", ROWS);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("passwords");
    let (port, password) = (site.database().port(), site.database().password("admin"));
    let line = format!("other:*:*:*:wrong\n127.0.0.1:{port}:dev:admin:{password}\n");
    std::fs::write(&file, line).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let cinemill = Cinemill::default().with("PGPASSFILE", text(&file).unwrap());
    let ended = load(&cinemill, &site, &films, &site.target);
    assert_code(&ended, 0, &["loaded"]);
}

#[test]
fn a_server_is_verified_before_it_is_trusted() {
    let site = Site::postgres();
    let films = site.publish("films", ROWS);
    let server = Postgres::start_with_tls().unwrap();
    let environment = server.environment("admin").into_iter();
    let cinemill = environment.fold(Cinemill::default(), |c, (name, value)| c.with(&name, value));
    let verified = server.url("admin");
    let (url, _) = verified.split_once('?').unwrap();
    assert_code(&load(&cinemill, &site, &films, &verified), 0, &["loaded"]);
    // The system's roots do not know it.
    let ended = load(
        &cinemill,
        &site,
        &films,
        &format!("{url}?sslmode=verify-full"),
    );
    assert_code(&ended, 21, &["certificate", "sslrootcert"]);
    let ended = load(&cinemill, &site, &films, &format!("{url}?sslmode=prefer"));
    assert_code(&ended, 2, &["sslmode"]);
    let other = Postgres::start_with_tls().unwrap();
    let authority = text(&other.ca_file().unwrap()).unwrap();
    let ended = load(
        &cinemill,
        &site,
        &films,
        &format!("{url}?sslrootcert={authority}"),
    );
    assert_code(&ended, 21, &["certificate"]);
}

#[test]
fn redshift_reads_from_s3_only() {
    let site = Site::redshift();
    let disk = Site::postgres();
    let films = disk.publish("films", ROWS);
    let ended = site.load(&films, &["--create"]);
    assert_code(&ended, 2, &["Redshift reads files from S3 only"]);
}

#[test]
fn a_server_that_does_not_answer_is_given_up() {
    let site = Site::postgres();
    let films = site.publish("films", ROWS);
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = silent.local_addr().unwrap().port();
    let target = format!("postgres://admin@127.0.0.1:{port}/dev");
    let ended = load(&site.cinemill, &site, &films, &target);
    assert_code(&ended, 30, &["does not answer within"]);
}

/// Settings of a role change neither what is loaded nor what is read.
#[test]
fn settings_of_the_role_do_not_matter() {
    let site = Site::postgres();
    let films = site.publish("films", ROWS);
    site.execute(
        "ALTER ROLE admin SET datestyle TO 'German, DMY';
         ALTER ROLE admin SET timezone TO 'Asia/Kathmandu';
         ALTER ROLE admin SET default_transaction_isolation TO 'serializable';
         ALTER ROLE admin SET default_transaction_read_only TO on",
    );
    let ended = load(&site.cinemill, &site, &films, &site.target);
    // The ledger is made in a transaction too.
    assert_code(&ended, 0, &["loaded"]);
    let arguments = ["loads", "--to", &site.target];
    assert_code(
        &site.cinemill.run(&arguments).unwrap(),
        0,
        &["public.films"],
    );
    site.execute("BEGIN READ WRITE; ALTER ROLE admin RESET ALL; COMMIT");
    assert_eq!(site.films(), site.published("films"));
}

#[test]
fn names_that_the_database_would_cut_off_are_refused() {
    let site = Site::postgres();
    let films = site.publish("films", ROWS);
    let long = "t".repeat(64);
    assert_code(
        &site.load(&films, &["--create", "--table", &long]),
        2,
        &["63 bytes"],
    );
    let ended = site.load(&films, &["--create", "--table", "pg_temp.films"]);
    assert_code(&ended, 2, &["pg_temp.films"]);
    site.loads(&films, &["--create", "--table", &long[1..]]);
}

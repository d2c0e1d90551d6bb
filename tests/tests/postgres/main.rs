//! That the PostgreSQL server of the tests is one that a test can rely on.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::process::Command;

use cinemill_tests::postgres::{ADMIN, Postgres, Rows, program};
use cinemill_tests::processes::is_alive;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Config, NoTls};

fn one(value: &str) -> Rows {
    vec![vec![Some(value.to_owned())]]
}

#[test]
fn committed_rows_outlive_a_crash_and_others_do_not() {
    let postgres = Postgres::start().unwrap();
    postgres
        .execute_batch("CREATE TABLE films (name text); INSERT INTO films VALUES ('Stalker')")
        .unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = postgres.config(ADMIN);
    let open = runtime.block_on(async {
        let (client, connection) = config.connect(NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        let begun = "BEGIN; INSERT INTO films VALUES ('Solaris')";
        client.batch_execute(begun).await.unwrap();
        (client, connection)
    });
    let backends = postgres.query("SELECT pid FROM pg_stat_activity").unwrap();

    postgres.kill().unwrap();
    assert!(runtime.block_on(open.0.batch_execute("COMMIT")).is_err());
    for pid in backends.into_iter().flatten().flatten() {
        assert!(!is_alive(pid.parse().unwrap()), "{pid} was left behind");
    }
    assert!(postgres.query("SELECT 1").is_err());

    let url = postgres.url(ADMIN);
    postgres.restart().unwrap();
    assert_eq!(postgres.url(ADMIN), url);
    assert_eq!(
        postgres.query("SELECT name FROM films").unwrap(),
        one("Stalker")
    );
}

#[test]
fn users_log_in_with_their_own_password_alone() {
    let postgres = Postgres::start().unwrap();
    postgres.create_user("ana").unwrap();
    assert_ne!(postgres.password("ana"), postgres.password(ADMIN));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let log_in = |password: String| {
        let mut config: Config = postgres.url("ana").parse().unwrap();
        config.password(password);
        runtime.block_on(async { config.connect(NoTls).await.map(drop) })
    };
    let environment: BTreeMap<_, _> = postgres.environment("ana").into_iter().collect();
    log_in(environment["PGPASSWORD"].clone()).unwrap();
    let refused = log_in(postgres.password(ADMIN)).unwrap_err();
    assert_eq!(refused.code(), Some(&SqlState::INVALID_PASSWORD));
}

#[test]
fn connections_can_be_ended_from_outside() {
    let postgres = Postgres::start().unwrap();
    postgres.create_user("ana").unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = runtime.block_on(async {
        let (client, connection) = postgres.config("ana").connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    });
    assert_eq!(postgres.terminate_connections("ana").unwrap(), 1);
    let refused = runtime.block_on(client.batch_execute("SELECT 1"));
    assert!(refused.is_err());
}

#[test]
fn a_server_with_tls_takes_no_other_connections() {
    let postgres = Postgres::start_with_tls().unwrap();
    postgres.create_user("ana").unwrap();
    let authority = std::fs::read_to_string(postgres.ca_file().unwrap()).unwrap();
    assert!(authority.starts_with("-----BEGIN CERTIFICATE-----"));
    let on = postgres.query("SHOW ssl").unwrap();
    assert_eq!(on, one("on"));
    let url = postgres.url("ana");
    let psql = |mode: &str| {
        Command::new(program("psql").unwrap())
            .arg(url.replace("verify-full", mode))
            .args([
                "-Atc",
                "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
            ])
            .envs(postgres.environment("ana"))
            .output()
            .unwrap()
    };
    assert_eq!(psql("verify-full").stdout, b"t\n");
    let refused = psql("disable").stderr;
    let refused = String::from_utf8(refused).unwrap();
    assert!(refused.contains("no encryption"), "{refused}");
}

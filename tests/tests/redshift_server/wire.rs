//! PostgreSQL's wire protocol, as Redshift speaks it.

use std::fs;
use std::sync::Arc;

use cinemill_tests::redshift::{LOADER, WORKGROUP};
use rustls::RootCertStore;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, Error, NoTls, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::fixture::Fixture;

fn tls(fixture: &Fixture) -> MakeRustlsConnect {
    let authority = fs::read(fixture.redshift.ca_file()).unwrap();
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(&authority).unwrap())
        .unwrap();
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    MakeRustlsConnect::new(config)
}

async fn config(fixture: &Fixture) -> Config {
    let signature = Some(fixture.signature("redshift-serverless"));
    let request = json!({ "workgroupName": WORKGROUP, "dbName": "dev" });
    let target = "RedshiftServerless.GetCredentials";
    let answer = fixture.send(target, &request, signature).await.unwrap();
    let told: Value = answer.json().await.unwrap();
    let mut config = Config::new();
    config
        .host("127.0.0.1")
        .port(fixture.redshift.wire_port())
        .dbname("dev")
        .user(told["dbUser"].as_str().unwrap())
        .password(told["dbPassword"].as_str().unwrap());
    config
}

async fn connect(fixture: &Fixture, config: &Config) -> Result<Client, Error> {
    let (client, connection) = config.connect(tls(fixture)).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn client(fixture: &Fixture) -> Client {
    let config = config(fixture).await;
    connect(fixture, &config).await.unwrap()
}

fn rows(messages: &[SimpleQueryMessage]) -> Vec<Vec<Option<&str>>> {
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|at| row.get(at)).collect()),
        _ => None,
    });
    rows.collect()
}

fn affected(messages: &[SimpleQueryMessage]) -> Vec<u64> {
    let ends = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::CommandComplete(rows) => Some(*rows),
        _ => None,
    });
    ends.collect()
}

#[tokio::test]
async fn queries_are_answered() {
    let fixture = Fixture::new();
    let client = client(&fixture).await;
    let sql = "CREATE TABLE films (name VARCHAR(20) ENCODE zstd, year INTEGER) SORTKEY (year); \
               INSERT INTO films VALUES ('Stalker', 1979), (NULL, 1975); SELECT * FROM films";
    let messages = client.simple_query(sql).await.unwrap();
    let expected = [
        vec![Some("Stalker"), Some("1979")],
        vec![None, Some("1975")],
    ];
    assert_eq!(rows(&messages), expected);
    assert_eq!(affected(&messages), [0, 2, 2]);
    let current = client.simple_query("SELECT current_user").await.unwrap();
    assert_eq!(rows(&current), [[Some(LOADER)]]);
    assert_eq!(fixture.redshift.received()[0], sql);
}

#[tokio::test]
async fn a_transaction_that_is_rolled_back_or_fails_leaves_nothing() {
    let fixture = Fixture::new();
    let client = client(&fixture).await;
    for end in ["ROLLBACK", "SELECT 1 / 0", "TRUNCATE films"] {
        let begin = "BEGIN; CREATE TABLE films (name VARCHAR(20))";
        client.batch_execute(begin).await.unwrap();
        let ended = client.batch_execute(end).await;
        assert_eq!(ended.is_ok(), end == "ROLLBACK", "{ended:?}");
        if let Err(error) = ended {
            let again = client.batch_execute("SELECT 1").await.unwrap_err();
            let state = SqlState::IN_FAILED_SQL_TRANSACTION;
            assert_eq!(again.code(), Some(&state), "after {error}");
            client.batch_execute("COMMIT").await.unwrap();
        }
        let missing = client
            .batch_execute("SELECT * FROM films")
            .await
            .unwrap_err();
        assert_eq!(missing.code(), Some(&SqlState::UNDEFINED_TABLE), "{end}");
    }
    // Several statements are one transaction too.
    let failing = "CREATE TABLE films (name VARCHAR(20)); SELECT 1 / 0";
    let failed = client.batch_execute(failing).await.unwrap_err();
    assert_eq!(failed.code(), Some(&SqlState::DIVISION_BY_ZERO));
    let whole = "BEGIN; CREATE TABLE films (name VARCHAR(20)); COMMIT; SELECT * FROM films";
    client.batch_execute(whole).await.unwrap();
}

#[tokio::test]
async fn a_commit_can_fail_and_its_answer_can_be_lost() {
    let fixture = Fixture::new();
    let client = client(&fixture).await;
    let load = |name: &str| format!("BEGIN; CREATE TABLE {name} (a INTEGER); COMMIT");
    fixture.redshift.faults().fail_next_commit("1023");
    let failed = client.batch_execute(&load("one")).await.unwrap_err();
    assert_eq!(failed.as_db_error().unwrap().message(), "1023");
    fixture.redshift.faults().lose_next_answer();
    let lost = client.batch_execute(&load("two")).await.unwrap_err();
    assert!(lost.as_db_error().is_none(), "{lost}");
    let tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(fixture.value(tables), "two");
}

#[tokio::test]
async fn only_those_with_temporary_credentials_come_in() {
    let fixture = Fixture::new();
    let right = config(&fixture).await;
    let mut wrong = right.clone();
    wrong.password(fixture.redshift.postgres().password(LOADER));
    let refused = connect(&fixture, &wrong).await.err().unwrap();
    assert_eq!(refused.code(), Some(&SqlState::INVALID_PASSWORD));
    let mut wrong = right.clone();
    wrong.dbname("other");
    let refused = connect(&fixture, &wrong).await.err().unwrap();
    assert_eq!(refused.code(), Some(&SqlState::INVALID_CATALOG_NAME));
    let mut wrong = right.clone();
    wrong.options("-c extra_float_digits=3");
    let refused = connect(&fixture, &wrong).await.err().unwrap();
    assert_eq!(refused.code(), Some(&SqlState::UNDEFINED_OBJECT));
    assert!(right.connect(NoTls).await.is_err());
    connect(&fixture, &right).await.unwrap();
}

#[tokio::test]
async fn the_extended_protocol_is_refused_and_the_connection_goes_on() {
    let fixture = Fixture::new();
    let client = client(&fixture).await;
    let refused = client.query("SELECT 1", &[]).await.unwrap_err();
    assert_eq!(refused.code(), Some(&SqlState::FEATURE_NOT_SUPPORTED));
    client.batch_execute("SELECT 1").await.unwrap();
}

#[tokio::test]
async fn a_connection_ends_with_that_of_the_server_behind_it() {
    let fixture = Fixture::new();
    let client = client(&fixture).await;
    client.batch_execute("SELECT 1").await.unwrap();
    let postgres = fixture.redshift.postgres();
    assert_eq!(postgres.terminate_connections(LOADER).unwrap(), 1);
    assert!(client.batch_execute("SELECT 1").await.is_err());
    while !client.is_closed() {
        tokio::task::yield_now().await;
    }
}

//! The statements of a loader, as Redshift takes and refuses them.

use crate::fixture::Fixture;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS \"public\".\"films\" (\"k\" VARCHAR(4) NOT NULL \
                     ENCODE zstd, \"year\" INTEGER ENCODE az64, PRIMARY KEY (\"k\")) \
                     DISTSTYLE KEY DISTKEY (\"k\") COMPOUND SORTKEY (\"year\", \"k\")";

#[tokio::test]
async fn a_staged_merge_changes_and_adds() {
    let fixture = Fixture::new();
    let merge = "MERGE INTO \"public\".\"films\" USING \"stage\" ON \"public\".\"films\".\"k\" = \
                 \"stage\".\"k\" WHEN MATCHED THEN UPDATE SET \"year\" = \"stage\".\"year\" WHEN \
                 NOT MATCHED THEN INSERT (\"k\", \"year\") VALUES (\"stage\".\"k\", \
                 \"stage\".\"year\")";
    let stage = "CREATE TEMP TABLE \"stage\" (LIKE \"public\".\"films\" INCLUDING DEFAULTS)";
    fixture
        .done(&[TABLE, "INSERT INTO films VALUES ('a', 1979), ('b', 1975)"])
        .await;
    let fill = "INSERT INTO stage VALUES ('b', 1972), ('c', 1966)";
    fixture.done(&["LOCK films", stage, fill, merge]).await;
    let rows = fixture.rows("SELECT k, year FROM films ORDER BY k");
    let rows: Vec<_> = rows.iter().map(|row| row[1].as_deref().unwrap()).collect();
    assert_eq!(rows, ["1979", "1972", "1966"]);

    let doubles = "INSERT INTO stage VALUES ('b', 1), ('b', 2)";
    let error = fixture.failed(&[stage, doubles, merge]).await;
    assert!(
        error.contains("Found multiple matches to update"),
        "{error}"
    );
}

#[tokio::test]
async fn keys_are_not_enforced_and_lengths_are_in_bytes() {
    let fixture = Fixture::new();
    fixture
        .done(&[TABLE, "INSERT INTO films VALUES ('a', 1), ('a', 1)"])
        .await;
    let error = fixture
        .failed(&["INSERT INTO films VALUES ('ééé', 1)"])
        .await;
    let too_long = "value too long for type character varying(4)";
    assert_eq!(error, format!("Query #1 failed with ERROR: {too_long}"));
    let stage = "CREATE TEMP TABLE stage (LIKE films)";
    let error = fixture
        .failed(&[stage, "INSERT INTO stage VALUES ('ééé', 1)"])
        .await;
    assert!(error.ends_with(too_long), "{error}");
    let error = fixture
        .failed(&["INSERT INTO films VALUES (NULL, 1)"])
        .await;
    assert!(
        error.contains("Cannot insert a NULL value into column k"),
        "{error}"
    );
}

#[tokio::test]
async fn a_check_fails_with_its_reason_in_the_small_print() {
    let fixture = Fixture::new();
    let check = "SELECT CAST(COALESCE((SELECT CASE WHEN n <> 5 THEN 'expected 5 rows, found ' || n \
                 END FROM (SELECT 3 AS n) counted), '1') AS INTEGER)";
    let error = fixture.failed(&[check]).await;
    assert!(
        error.contains("Invalid digit, Value 'e', Pos 0, Type: Integer"),
        "{error}"
    );
    assert!(
        error.contains("context:   expected 5 rows, found 3"),
        "{error}"
    );
    fixture.done(&[&check.replace("<> 5", "<> 3")]).await;
}

#[tokio::test]
async fn groups_are_granted_tables_and_views_tell_of_it() {
    let fixture = Fixture::new();
    fixture
        .done(&[
            "CREATE SCHEMA IF NOT EXISTS cinemill",
            TABLE,
            "COMMENT ON TABLE films IS 'Films'",
            "ALTER TABLE films ADD COLUMN extra SUPER",
            "CREATE USER ana PASSWORD DISABLE",
            "CREATE GROUP analyst",
            "ALTER GROUP analyst ADD USER ana",
            "GRANT USAGE ON SCHEMA cinemill TO GROUP analyst",
            "GRANT SELECT ON TABLE films TO GROUP analyst",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA cinemill GRANT SELECT ON TABLES TO GROUP analyst",
            "CREATE OR REPLACE VIEW cinemill.freshness AS SELECT getdate() AS seen, SYSDATE AS at \
             FROM films",
        ])
        .await;
    let granted = "SELECT relation_name, privilege_type, identity_type FROM \
                   svv_relation_privileges WHERE identity_name = 'analyst' ORDER BY 1";
    let rows: Vec<Vec<String>> = fixture
        .rows(granted)
        .into_iter()
        .map(|row| row.into_iter().flatten().collect())
        .collect();
    let expected = ["films", "freshness"].map(|name| vec![name, "SELECT", "group"]);
    assert_eq!(rows, expected);

    let told = fixture
        .done(&[
            "SELECT column_name, data_type, character_maximum_length FROM \
                 information_schema.columns WHERE table_name = 'films' ORDER BY ordinal_position",
        ])
        .await;
    assert_eq!(told["SubStatements"][0]["ResultRows"], 3);
}

#[tokio::test]
async fn a_refused_statement_fails_the_batch() {
    let fixture = Fixture::new();
    for (sql, part) in [
        ("TRUNCATE films", "TRUNCATE commits"),
        (
            "INSERT INTO films VALUES ('a', 1) ON CONFLICT DO NOTHING",
            "near \"ON\"",
        ),
        ("CREATE INDEX i ON films (k)", "not supported on Redshift"),
        ("SELECT pg_advisory_xact_lock(1)", "does not exist"),
        (
            "MERGE INTO films f USING stage ON f.k = stage.k WHEN MATCHED THEN DELETE WHEN NOT \
             MATCHED THEN INSERT VALUES (stage.k, stage.year)",
            "near \"f\"",
        ),
    ] {
        let error = fixture.failed(&[TABLE, sql]).await;
        assert!(
            error.starts_with("Query #2 failed") && error.contains(part),
            "{error}"
        );
        let left = fixture.rows("SELECT 1 FROM pg_tables WHERE tablename = 'films'");
        assert!(left.is_empty(), "{sql}");
    }
}

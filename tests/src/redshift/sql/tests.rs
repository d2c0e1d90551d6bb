#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::{Copy, Statement, translate};

fn only(sql: &str) -> Result<Statement, String> {
    let mut statements = translate(sql);
    assert_eq!(statements.len(), 1, "{sql}");
    let (_, statement) = statements.remove(0);
    statement.map_err(|refusal| refusal.message)
}

/// With single spaces, for comparison.
fn other(sql: &str) -> String {
    match only(sql) {
        Ok(Statement::Other(sql)) => {
            let words: Vec<_> = sql.split_whitespace().collect();
            let spaced = [("( ", "("), (" )", ")"), (" ,", ",")];
            let join = words.join(" ");
            spaced
                .iter()
                .fold(join, |sql, (from, to)| sql.replace(from, to))
        }
        other => panic!("{sql}: {other:?}"),
    }
}

#[test]
fn what_both_know_is_left_as_it_is() {
    for sql in [
        "SELECT 'a;b' AS \"c;d\" -- e;f",
        "SELECT CASE WHEN n > 0 THEN 'it''s' ELSE 'a\\'b' END FROM (SELECT 1 AS n) t",
        "LOCK cinemill.load_lock",
        "COMMENT ON TABLE t IS 'ON CONFLICT'",
        "CREATE OR REPLACE VIEW v AS SELECT a::varchar FROM t",
        "ALTER GROUP analyst ADD USER ana",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO GROUP analyst",
        "DROP TABLE IF EXISTS t",
        "ALTER TABLE t RENAME TO u",
    ] {
        assert_eq!(
            only(sql),
            Ok(Statement::Other(sql.split(" --").next().unwrap().into()))
        );
    }
}

#[test]
fn tables_lose_what_postgresql_does_not_know() {
    let table = "CREATE TABLE IF NOT EXISTS \"public\".\"t\" (\"k\" VARCHAR(16) NOT NULL \
                 ENCODE zstd, year INTEGER ENCODE az64, extra SUPER, PRIMARY KEY (\"k\", year)) \
                 DISTSTYLE KEY DISTKEY (\"k\") COMPOUND SORTKEY (year, \"k\")";
    assert_eq!(
        other(table),
        "CREATE TABLE IF NOT EXISTS \"public\".\"t\" (\"k\" VARCHAR(16) NOT NULL CONSTRAINT \
         \"bytes_16_k\" CHECK (octet_length(\"k\") <= 16) NOT NULL, year INTEGER NOT NULL, \
         extra jsonb)"
    );
    assert_eq!(
        other("CREATE TEMP TABLE \"s\" (LIKE \"public\".\"t\" INCLUDING DEFAULTS)"),
        "CREATE TEMP TABLE \"s\" (LIKE \"public\".\"t\" INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
    );
    assert_eq!(
        other("CREATE TABLE t (a, b) DISTSTYLE ALL SORTKEY AUTO AS SELECT 1, 2"),
        "CREATE TABLE t (a, b) AS SELECT 1, 2"
    );
    assert_eq!(
        other("ALTER TABLE t ADD COLUMN x DOUBLE PRECISION ENCODE raw"),
        "ALTER TABLE t ADD COLUMN x DOUBLE PRECISION"
    );
    assert_eq!(other("ALTER TABLE t ADD PRIMARY KEY (a)"), "");
}

#[test]
fn roles_and_columns_have_other_names() {
    assert_eq!(
        other("GRANT SELECT ON TABLE t TO ROLE a, GROUP b"),
        "GRANT SELECT ON TABLE t TO a, GROUP b"
    );
    assert_eq!(
        other("CREATE USER ana PASSWORD DISABLE"),
        "CREATE USER ana PASSWORD NULL"
    );
    assert_eq!(
        other("SELECT data_type FROM information_schema.columns"),
        "SELECT data_type FROM redshift_names.columns"
    );
}

#[test]
fn statements_are_told_apart() {
    let kinds: Vec<_> = translate("BEGIN; START TRANSACTION; COMMIT; END;; ROLLBACK;")
        .into_iter()
        .map(|(_, statement)| statement.unwrap())
        .collect();
    let [begin, commit] = [Statement::Begin, Statement::Commit];
    let expected = [&begin, &begin, &commit, &commit, &Statement::Rollback];
    assert!(kinds.iter().eq(expected));
}

#[test]
fn copies_are_understood() {
    let sql = "COPY \"public\".\"t\" FROM 's3://lake/it''s.json' IAM_ROLE default \
               FORMAT AS PARQUET MANIFEST SERIALIZETOJSON";
    let copy = Copy {
        table: "\"public\".\"t\"".to_owned(),
        manifest: "s3://lake/it's.json".to_owned(),
        serializes: true,
    };
    assert_eq!(only(sql), Ok(Statement::Copy(copy)));
}

#[test]
fn what_redshift_refuses_is_refused() {
    let merge = "MERGE INTO a.t USING s ON a.t.k = s.k WHEN MATCHED THEN UPDATE SET x = CASE WHEN \
                 s.x > 0 THEN 1 END WHEN NOT MATCHED THEN INSERT VALUES (s.k)";
    other(merge);
    let (matched, unmatched) = (" WHEN MATCHED", " WHEN NOT MATCHED");
    let copy = "COPY t FROM 's3://b/m' IAM_ROLE default FORMAT AS PARQUET MANIFEST";
    for (sql, part) in [
        (merge.replace("a.t USING", "a.t x USING"), "near \"x\""),
        (merge.replace("a.t USING", "a.t AS x USING"), "near"),
        (
            merge.replace("USING s", "USING (SELECT 1 AS k) s"),
            "subqueries",
        ),
        (merge.split(unmatched).next().unwrap().into(), "both"),
        (
            merge.replace(matched, " WHEN MATCHED AND s.x > 0"),
            "near \"AND\"",
        ),
        (
            merge.replace("THEN INSERT VALUES (s.k)", "THEN DO NOTHING"),
            "near \"DO\"",
        ),
        (
            "INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING".into(),
            "near \"ON\"",
        ),
        (
            "INSERT INTO t VALUES (1) RETURNING a".into(),
            "near \"RETURNING\"",
        ),
        ("CREATE UNIQUE INDEX i ON t (a)".into(), "not supported"),
        ("TRUNCATE t".into(), "TRUNCATE"),
        ("VACUUM".into(), "VACUUM"),
        ("LOCK t IN SHARE MODE".into(), "near \"IN\""),
        ("SELECT pg_advisory_xact_lock(1)".into(), "does not exist"),
        ("SELECT now()".into(), "does not exist"),
        ("CREATE TABLE t (a int) DISTKEY (b)".into(), "named in key"),
        (
            "CREATE TABLE t (a int, PRIMARY KEY (b))".into(),
            "named in key",
        ),
        (
            "CREATE TABLE t (a int) TABLESPACE x".into(),
            "near \"TABLESPACE\"",
        ),
        (
            "CREATE TABLE t (a varchar(9) ENCODE az64)".into(),
            "encoding",
        ),
        ("CREATE TABLE t (a varchar(65536))".into(), "65535"),
        (
            "CREATE TABLE t (a int CHECK (a > 0))".into(),
            "near \"CHECK\"",
        ),
        (
            "ALTER TABLE t ADD COLUMN IF NOT EXISTS a int".into(),
            "near \"IF\"",
        ),
        (
            "ALTER TABLE t ADD COLUMN a int, ADD COLUMN b int".into(),
            "near \",\"",
        ),
        ("ALTER TABLE t ADD COLUMN a int NOT NULL".into(), "default"),
        (
            "ALTER TABLE t ALTER COLUMN a TYPE varchar(9)".into(),
            "transaction",
        ),
        (copy.replace(" IAM_ROLE default", ""), "IAM_ROLE"),
        (copy.replace("MANIFEST", ""), "MANIFEST"),
        (copy.replace("FORMAT AS PARQUET", ""), "PARQUET"),
        (format!("{copy} REGION 'us-east-1'"), "REGION argument"),
        (format!("{copy} MAXERROR 1"), "MAXERROR argument"),
        (format!("{copy} CREDENTIALS 'x'"), "only accepts IAM_ROLE"),
        (copy.replace("COPY t", "COPY t (a)"), "list of columns"),
    ] {
        let refused = only(&sql).unwrap_err();
        assert!(refused.contains(part), "{sql}: {refused}");
    }
}

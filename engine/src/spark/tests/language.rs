//! Syntax, scopes, names and errors.
#![allow(clippy::unwrap_used)]

use super::*;

fn crew() -> SessionContext {
    let context = context();
    texts(
        &context,
        "Crew",
        &["tConst", "writers"],
        &[&["t1", "n1,n2"], &["t2", "-"], &["t3", "n3"]],
    );
    context
}

#[tokio::test]
async fn generators_make_rows() {
    let context = crew();
    for (sql, expected) in [
        (
            "SELECT tconst, posexplode(split(writers, ',')) AS (place, nconst) FROM crew",
            vec!["t1|0|n1", "t1|1|n2", "t3|0|n3"],
        ),
        (
            "SELECT explode(split(writers, ',')) AS n FROM crew WHERE tconst <> 't3'",
            vec!["n1", "n2"],
        ),
        (
            "SELECT tconst, explode_outer(split(writers, ',')) FROM crew",
            vec!["t1|n1", "t1|n2", "t2|NULL", "t3|n3"],
        ),
        (
            "SELECT c.tconst, w.place, n FROM crew c
             LATERAL VIEW posexplode(split(c.writers, ',')) w AS place, n",
            vec!["t1|0|n1", "t1|1|n2", "t3|0|n3"],
        ),
        (
            "SELECT count(*) FROM crew LATERAL VIEW explode(array(1, 2)) AS n
             LATERAL VIEW explode(array(n, 3)) AS m WHERE m = 3",
            vec!["6"],
        ),
        (
            "SELECT tconst, n FROM crew LATERAL VIEW OUTER explode(split(writers, ',')) w AS n",
            vec!["t1|n1", "t1|n2", "t2|NULL", "t3|n3"],
        ),
        (
            "SELECT count(*) FROM crew a, crew b LATERAL VIEW explode(array(1, 2)) w AS n
             LATERAL VIEW explode(array(n, n)) x AS m WHERE a.tconst = b.tconst",
            vec!["12"],
        ),
        (
            "SELECT explode(array_sort(collect_list(tconst))) AS t FROM crew GROUP BY writers IS NULL",
            vec!["t1", "t2", "t3"],
        ),
    ] {
        assert_eq!(sorted_rows(&context, sql).await, expected, "{sql}");
    }
    let names = names_and_types(&context, "SELECT posexplode(split(writers, ',')) FROM crew").await;
    assert_eq!(names, ["pos: Int32", "col: Utf8"]);
}

#[tokio::test]
async fn misplaced_generators_are_mistakes() {
    let context = crew();
    for (sql, part) in [
        (
            "SELECT explode(array(1)), explode(array(2))",
            ":1:27: only one generator",
        ),
        (
            "SELECT explode(array(1)) + 1",
            ":1:8: the generator explode must stand alone",
        ),
        (
            "SELECT 1 FROM crew WHERE explode(array(1)) = 1",
            "must stand alone",
        ),
        ("SELECT posexplode(array(1)) AS x", "has 2 columns, not 1"),
        (
            "SELECT upper('x') AS (a, b)",
            "only a generator can have several names",
        ),
        (
            "SELECT explode(writers) FROM crew",
            "explode needs an array",
        ),
    ] {
        let message = mistake(&context, sql).await;
        assert!(message.contains(part), "{sql}: {message}");
    }
}

#[test]
fn referenced_tables_are_those_outside_the_query() {
    for (sql, expected) in [
        ("SELECT 1", vec![]),
        (
            "SELECT * FROM Names n JOIN crew USING (x)",
            vec!["Names", "crew"],
        ),
        (
            "WITH a AS (SELECT * FROM b), b AS (SELECT * FROM c) SELECT * FROM A, b",
            vec!["b", "c"],
        ),
        ("WITH t AS (SELECT * FROM t) SELECT * FROM t", vec!["t"]),
        (
            "SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a) x, a",
            vec!["a"],
        ),
        (
            "WITH a AS (SELECT 1) SELECT * FROM b WHERE x IN (SELECT y FROM a, c)",
            vec!["b", "c"],
        ),
        (
            "SELECT (SELECT max(x) FROM m) FROM a UNION ALL TABLE z",
            vec!["a", "m"],
        ),
        ("SELECT * FROM a LATERAL VIEW explode(x) t AS y", vec!["a"]),
        ("SELECT * FROM range(10)", vec![]),
    ] {
        let tables = parse(sql, "q.sql").unwrap().referenced_tables();
        assert_eq!(tables.into_iter().collect::<Vec<_>>(), expected, "{sql}");
    }
}

#[test]
fn parse_errors_have_a_position() {
    for (sql, expected) in [
        (
            "SELECT a\nFROM t\nWHERE )",
            "failed to parse relation credits: credits.sql:3:7: Expected: an expression, found: )",
        ),
        (
            "SELECT 'a",
            "failed to parse relation credits: credits.sql:1:8: Unterminated string literal",
        ),
        (
            "SELECT 1\nFROM a LEFT JON b",
            "failed to parse relation credits: credits.sql:2:13: expected OUTER, SEMI, ANTI or \
             JOIN after LEFT",
        ),
        (
            "SELECT 1; SELECT 2",
            "failed to parse relation credits: credits.sql: expected one query, found 2 statements",
        ),
        (
            "-- nothing",
            "failed to parse relation credits: credits.sql: expected one query, found 0 statements",
        ),
        (
            "DROP TABLE x",
            "failed to parse relation credits: credits.sql: expected a query (SELECT, WITH or \
             VALUES), found another statement",
        ),
    ] {
        let error = parse(sql, "credits.sql").unwrap_err();
        assert_eq!(
            (error.kind, error.to_string()),
            (Kind::Definition, expected.to_owned())
        );
    }
    assert!(parse("SELECT 1;", "a.sql").is_ok());
}

#[tokio::test]
async fn planning_errors_are_one_line_with_a_position() {
    let context = crew();
    for (sql, expected) in [
        (
            "SELECT\n  nope FROM crew",
            "failed to plan relation query: query.sql:2:3: ",
        ),
        (
            "SELECT 1 FROM\n nope",
            "failed to plan relation query: query.sql:2:2: ",
        ),
        ("SELECT nope(1)", "Invalid function 'nope'"),
        ("SELECT upper(writers, 1) FROM crew", "upper"),
        ("SELECT array(1)[0]", "array[index] is not supported yet"),
        (
            "SELECT 1.5 / current_date()",
            "is not supported yet; cast one side to DOUBLE",
        ),
        (
            "SELECT size(writers) FROM crew",
            "size needs an array, not Utf8",
        ),
    ] {
        let message = mistake(&context, sql).await;
        assert!(message.contains(expected), "{sql}: {message}");
        assert!(
            !message.contains('\n') && !message.contains("Error during planning"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn names_are_found_in_any_case_and_kept_as_written() {
    let context = crew();
    for (sql, names) in [
        (
            "SELECT TCONST, c.Writers AS W FROM CREW C",
            vec!["TCONST", "W"],
        ),
        ("SELECT * FROM crew", vec!["tConst", "writers"]),
        (
            "SELECT x.* FROM (SELECT tconst AS Id FROM crew) X",
            vec!["Id"],
        ),
        (
            "WITH Q AS (SELECT WRITERS AS wR FROM crew) SELECT WR FROM q ORDER BY wr",
            vec!["WR"],
        ),
        (
            "SELECT Tconst AS Key, count(*) AS n FROM crew GROUP BY KEY ORDER BY N",
            vec!["Key", "n"],
        ),
        (
            "SELECT s.B FROM (SELECT named_struct('b', 1) AS S)",
            vec!["B"],
        ),
        (
            "SELECT `TConst` FROM `CREW` WHERE WRITERS IS NOT NULL",
            vec!["TConst"],
        ),
        ("SELECT * EXCEPT (TCONST) FROM crew", vec!["writers"]),
        (
            "SELECT A.tconst FROM crew a JOIN crew B USING (TCONST)",
            vec!["tconst"],
        ),
        (
            "SELECT tconst FROM crew c WHERE EXISTS (SELECT 1 FROM crew d WHERE D.TCONST = C.TCONST)",
            vec!["tconst"],
        ),
    ] {
        let planned = names_and_types(&context, sql).await;
        let planned: Vec<_> = planned
            .iter()
            .map(|c| c.split(':').next().unwrap())
            .collect();
        assert_eq!(planned, names, "{sql}");
        assert!(!rows(&context, sql).await.is_empty(), "{sql}");
    }
    let sql = "SELECT ID FROM (SELECT 1 AS Id, 2 AS iD)";
    assert!(
        mistake(&context, sql)
            .await
            .contains("query.sql:1:8: the reference ID is ambiguous")
    );
}

#[tokio::test]
async fn literals_and_comparisons() {
    let context = crew();
    for (sql, expected) in [
        (
            "SELECT tconst FROM crew ORDER BY 1 DESC LIMIT 1 OFFSET 1",
            "t2",
        ),
        (
            "SELECT writers IS NULL, count(*) FROM crew GROUP BY 1 ORDER BY 2 LIMIT 1",
            "true|1",
        ),
        (
            "SELECT count(*) OVER (ORDER BY tconst ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
             FROM crew ORDER BY tconst LIMIT 2",
            "1\n2",
        ),
        ("SELECT \"text\"", "text"),
        (
            "SELECT '10' > 9, ' 9 ' = 9, 1.0 <= '1', '2' <=> 2L, NULL = '1'",
            "true|true|true|true|NULL",
        ),
        ("SELECT writers FROM crew ORDER BY writers LIMIT 1", "NULL"),
    ] {
        assert_eq!(rows(&context, sql).await.join("\n"), expected, "{sql}");
    }
}

/// What a query answers whose parameters have values.
async fn with_params(sql: &str, params: &[(&str, ParamValue)]) -> Result<Vec<String>, Error> {
    let context = crew();
    let state = context.state();
    let params: Params = params
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    let plan = parse(sql, "query.sql")?.bind(&params)?.plan(&state).await?;
    let batches = DataFrame::new(state, plan).collect().await.unwrap();
    Ok(texts_of(&batches))
}

#[tokio::test]
async fn parameters_are_literals_of_their_types() {
    let day = "2026-11-21".parse().unwrap();
    let params = [
        ("i", ParamValue::Int(-5)),
        ("l", ParamValue::Bigint(7)),
        ("d", ParamValue::Double(0.25)),
        ("b", ParamValue::Boolean(true)),
        ("run_date", ParamValue::Date(day)),
        ("s", ParamValue::String("it's \\n".into())),
        ("n", ParamValue::Int(1)),
    ];
    for (sql, expected) in [
        ("SELECT -:i, :i - 1", "5|-6"),
        (
            "SELECT arrow_typeof(:i), arrow_typeof(:l), arrow_typeof(:d)",
            "Int32|Int64|Float64",
        ),
        (
            "SELECT date_add(:run_date, 1), :b AND false",
            "2026-11-22|false",
        ),
        ("SELECT :s", "it's \\n"),
        (
            "SELECT tconst FROM crew WHERE tconst > 't1' ORDER BY tconst LIMIT :n",
            "t2",
        ),
    ] {
        let found = with_params(sql, &params).await;
        assert_eq!(found.unwrap(), [expected], "{sql}");
    }
}

#[tokio::test]
async fn a_parameter_is_never_read_as_sql() {
    let evil = ParamValue::String("' OR 1 = 1 -- :x".into());
    let sql = "SELECT tconst FROM crew WHERE tconst = :x";
    assert_eq!(with_params(sql, &[("x", evil)]).await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn a_parameter_without_a_value_is_told_with_its_place() {
    let known = [("min", ParamValue::Int(1))];
    for (sql, words) in [
        (
            "SELECT 1,\n  :max",
            "query.sql:2:3: there is no parameter :max; there are :min",
        ),
        ("SELECT ?", "parameters are written as :name"),
    ] {
        let error = with_params(sql, &known).await.unwrap_err();
        assert_eq!(error.kind, Kind::Definition);
        assert!(error.to_string().contains(words), "{error}");
    }
}

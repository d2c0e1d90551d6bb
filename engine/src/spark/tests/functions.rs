//! Each function against what Spark 4 answers.
#![allow(clippy::unwrap_used)]

use super::*;

#[tokio::test]
async fn examples_of_sparks_documentation() {
    for (sql, expected) in [
        (
            "SELECT split('oneAtwoBthreeC', '[ABC]', -1)",
            "[one, two, three, ]",
        ),
        (
            "SELECT split('oneAtwoBthreeC', '[ABC]', 2)",
            "[one, twoBthreeC]",
        ),
        ("SELECT size(array('b', 'd', 'c', 'a'))", "4"),
        ("SELECT cardinality(array('b', 'd', 'c', 'a'))", "4"),
        (
            "SELECT array_join(array('hello', null ,'world'), ' ')",
            "hello world",
        ),
        ("SELECT coalesce(NULL, 1, NULL)", "1"),
        ("SELECT nullif(2, 2)", "NULL"),
        ("SELECT if(1 < 2, 'a', 'b')", "a"),
        (
            "SELECT regexp_replace('100-200', '([0-9]+)', 'n$1')",
            "n100-n200",
        ),
        ("SELECT substring('Spark SQL', 5)", "k SQL"),
        ("SELECT substring('Spark SQL', 5, 1)", "k"),
        ("SELECT substring('Spark SQL' FROM -3)", "SQL"),
        ("SELECT substr('Spark SQL' FROM 5 FOR 1)", "k"),
        ("SELECT cast('10' as int)", "10"),
        ("SELECT 3 / 2", "1.5"),
        ("SELECT 2L / 2L", "1.0"),
        ("SELECT posexplode(array(10,20))", "0|10\n1|20"),
        (
            "SELECT posexplode(collection => array(10,20))",
            "0|10\n1|20",
        ),
        (
            "SELECT explode_outer(collection => array(10, 20))",
            "10\n20",
        ),
    ] {
        assert_eq!(value(sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn nulls_and_edges() {
    for (sql, expected) in [
        ("SELECT split('', ',')", "[]"),
        ("SELECT size(split('', ','))", "1"),
        ("SELECT size(split('a,,', ','))", "3"),
        ("SELECT split(CAST(NULL AS STRING), ',')", "NULL"),
        (r"SELECT split('a|b', '\\|')", "[a, b]"),
        ("SELECT size(split(CAST(NULL AS STRING), ','))", "NULL"),
        ("SELECT array_join(array('a', null), ',', '?')", "a,?"),
        (
            "SELECT array_join(array('a'), CAST(NULL AS STRING))",
            "NULL",
        ),
        ("SELECT slice(array(1, 2, 3), 2, 5)", "[2, 3]"),
        ("SELECT slice(array(1, 2, 3), -2, 1)", "[2]"),
        ("SELECT slice(array(1, 2, 3), -4, 2)", "[]"),
        ("SELECT slice(array(1, 2, 3), 4, 2)", "[]"),
        ("SELECT slice(array(1, 2, 3), 1, 3)", "[1, 2, 3]"),
        ("SELECT array_sort(array(3, NULL, 1))", "[1, 3, NULL]"),
        ("SELECT array_sort(array('b', 'B', 'a', ''))", "[, B, a, b]"),
        (
            "SELECT array_sort(array(CAST('NaN' AS DOUBLE), 0e0, -0e0, -1e0))",
            "[-1.0, 0.0, -0.0, NaN]",
        ),
        ("SELECT substring('äöü', 0, 2)", "äö"),
        ("SELECT substring('äöü', -5, 4)", "äö"),
        ("SELECT substring('äöü', 2, -1)", ""),
        ("SELECT substring('😀b', 1, 1)", "😀"),
        ("SELECT 7 / nullif(0, 0)", "NULL"),
        ("SELECT 1 / 4", "0.25"),
        ("SELECT if(NULL, 1, 2)", "2"),
    ] {
        assert_eq!(value(sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn casts_of_texts() {
    for (sql, expected) in [
        ("SELECT try_cast(' +2001\\t' AS INT)", "2001"),
        ("SELECT try_cast('1999.5' AS INT)", "NULL"),
        ("SELECT try_cast('2147483648' AS INT)", "NULL"),
        ("SELECT try_cast('2147483648' AS BIGINT)", "2147483648"),
        (
            "SELECT try_cast('.5' AS DOUBLE), try_cast('7.' AS DOUBLE)",
            "0.5|7.0",
        ),
        (
            "SELECT try_cast('1e1d' AS DOUBLE), try_cast('e1' AS DOUBLE)",
            "10.0|NULL",
        ),
        ("SELECT CAST('-Infinity' AS DOUBLE)", "-inf"),
        (
            "SELECT CAST(' Yes ' AS BOOLEAN), try_cast('on' AS BOOLEAN)",
            "true|NULL",
        ),
        ("SELECT CAST(CAST(NULL AS STRING) AS INT)", "NULL"),
        ("SELECT CAST(3 AS STRING)", "3"),
    ] {
        assert_eq!(value(sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn errors_of_the_data_name_sparks_class_and_the_value() {
    let context = context();
    texts(
        &context,
        "t",
        &["x", "zero"],
        &[&["12", "0"], &["19xx", "0"]],
    );
    for (sql, parts) in [
        (
            "SELECT CAST(x AS INT) FROM t",
            ["CAST_INVALID_INPUT", "'19xx'"],
        ),
        (
            "SELECT 1 / CAST(zero AS INT) FROM t",
            ["DIVIDE_BY_ZERO", "zero"],
        ),
        (
            "SELECT slice(array(x), 0, 1) FROM t",
            ["INVALID_PARAMETER_VALUE.START", "start"],
        ),
    ] {
        let error = try_rows(&context, sql).await.unwrap_err();
        assert_eq!(error.kind, Kind::Final, "{error}");
        assert!(
            parts.iter().all(|part| error.to_string().contains(part)),
            "{error}"
        );
    }
}

#[tokio::test]
async fn literals_and_division_have_sparks_types() {
    assert_eq!(
        names_and_types(
            &context(),
            "SELECT 1 AS a, 1L AS b, 1.5 AS c, 1e0 AS d, 3000000000 AS e, -5 AS f, 1 / 2 AS g, \
             size(array(1)) AS h ORDER BY 1 LIMIT 1"
        )
        .await,
        [
            "a: Int32",
            "b: Int64",
            "c: Decimal128(2, 1)",
            "d: Float64",
            "e: Int64",
            "f: Int32",
            "g: Float64",
            "h: Int32",
        ]
    );
}

#[tokio::test]
async fn collect_list_drops_nulls_and_is_never_null() {
    let context = context();
    texts(
        &context,
        "t",
        &["k", "v"],
        &[
            &["a", "2"],
            &["a", "-"],
            &["b", "-"],
            &["c", "1"],
            &["a", "1"],
            &["c", "9"],
            &["b", "-"],
            &["a", "3"],
            &["c", "5"],
        ],
    );
    assert_eq!(
        sorted_rows(
            &context,
            "SELECT k, array_sort(collect_list(v)) FROM t GROUP BY k"
        )
        .await,
        ["a|[1, 2, 3]", "b|[]", "c|[1, 5, 9]"]
    );
    assert_eq!(
        sorted_rows(
            &context,
            "SELECT k, array_sort(collect_list(v) FILTER (WHERE v > '1')) FROM t GROUP BY k"
        )
        .await,
        ["a|[2, 3]", "b|[]", "c|[5, 9]"]
    );
    assert_eq!(
        rows(&context, "SELECT collect_list(v) FROM t WHERE k = 'z'").await,
        ["[]"]
    );
    assert_eq!(
        rows(
            &context,
            "SELECT size(collect_list(v)), size(array_agg(k)) FROM t"
        )
        .await,
        ["6|9"]
    );
    assert!(
        mistake(&context, "SELECT collect_list(DISTINCT v) FROM t")
            .await
            .contains("collect_list(DISTINCT …) is not supported yet")
    );
}

#[tokio::test]
async fn structs_sort_by_their_fields_with_null_fields_first() {
    let context = context();
    texts(
        &context,
        "t",
        &["k", "a", "b"],
        &[
            &["x", "2", "p"],
            &["x", "1", "q"],
            &["x", "-", "r"],
            &["x", "1", "-"],
            &["y", "1", "s"],
        ],
    );
    let sql = "SELECT k, array_sort(collect_list(struct(a, b))).b FROM t GROUP BY k";
    assert_eq!(
        sorted_rows(&context, sql).await,
        ["x|[r, NULL, q, p]", "y|[s]"]
    );
    let sql = "SELECT array_sort(collect_list(struct(a, upper(b), b AS c))) AS s FROM t";
    let types = names_and_types(&context, sql).await;
    assert_eq!(
        types,
        ["s: List(Struct(\"a\": Utf8, \"col2\": Utf8, \"c\": Utf8))"]
    );
}

#[tokio::test]
async fn functions_are_found_by_name_alone() {
    let state = context().state();
    for function in super::super::functions::scalar_functions() {
        let registered = &state.scalar_functions()[function.name()];
        assert_eq!(registered, &function);
    }
    for function in super::super::functions::aggregate_functions() {
        let registered = &state.aggregate_functions()[function.name()];
        assert_eq!(registered, &function);
        for alias in function.aliases() {
            assert_eq!(state.aggregate_functions()[alias].name(), function.name());
        }
    }
}

/// What a scheduler does with a stage: the plan travels as bytes, functions by name.
#[tokio::test]
async fn physical_plans_survive_the_way_to_an_executor() {
    use datafusion::physical_plan::collect;
    use datafusion_proto::bytes::{physical_plan_from_bytes, physical_plan_to_bytes};
    let context = context();
    texts(
        &context,
        "t",
        &["k", "v"],
        &[
            &["a", "4"],
            &["a", "2"],
            &["b", "x"],
            &["a", "8"],
            &["c", "-"],
        ],
    );
    let sql = "SELECT k, p, try_cast(v AS INT) / 2 AS half FROM (
        SELECT k, posexplode(slice(array_sort(collect_list(struct(v, k))).v, 1, 2)) AS (p, v)
        FROM t GROUP BY k)
      UNION ALL SELECT k, pos, NULL FROM (SELECT k, posexplode(split(v, ',')) FROM t)
      UNION ALL SELECT k, pos, NULL FROM (SELECT k, posexplode_outer(split(v, ',')) FROM t)";
    let plan = frame(&context, sql)
        .await
        .unwrap()
        .create_physical_plan()
        .await
        .unwrap();
    let bytes = physical_plan_to_bytes(plan).unwrap();
    let executor = super::context();
    let plan = physical_plan_from_bytes(&bytes, &executor.task_ctx()).unwrap();
    let batches = collect(plan, executor.task_ctx()).await.unwrap();
    let mut there = texts_of(&batches);
    there.sort();
    assert_eq!(there, sorted_rows(&context, sql).await);
    assert_eq!(there.len(), 4 + 4 + 5);
}

//! Dates, timestamps, decimals and literals: types and values as Spark 4 has them.
#![allow(clippy::unwrap_used)]

use super::*;

async fn answers(cases: &[(&str, &str)]) {
    for (sql, expected) in cases {
        assert_eq!(value(sql).await, *expected, "{sql}");
    }
}

#[tokio::test]
async fn parts_of_dates() {
    answers(&[
        (
            "SELECT year('2016-07-30'), quarter('2016-08-31'), month('2016-07-30')",
            "2016|3|7",
        ),
        (
            "SELECT day('2009-07-30'), dayofmonth('2009-07-30')",
            "30|30",
        ),
        (
            "SELECT dayofyear('2016-04-09'), dayofweek('2009-07-30'), weekday('2009-07-30')",
            "100|5|3",
        ),
        (
            "SELECT weekofyear('2008-02-20'), weekofyear(date '2000-01-02')",
            "8|52",
        ),
        (
            "SELECT year(TIMESTAMP_NTZ '2016-07-30 12:00:00.123456789'), \
             month(TIMESTAMP '2016-07-30 23:59:59')",
            "2016|7",
        ),
        (
            "SELECT year(date '0001-01-01'), year(date '9999-12-31'), year(NULL)",
            "1|9999|NULL",
        ),
        (
            "SELECT trunc('2019-08-04', 'week'), trunc('2015-10-27', 'YEAR')",
            "2019-07-29|2015-01-01",
        ),
        (
            "SELECT trunc(date '2019-08-04', 'quarter'), trunc(date '9999-12-31', 'Mon')",
            "2019-07-01|9999-12-01",
        ),
        (
            "SELECT trunc('2009-02-12', 'MM'), trunc('2009-02-12', 'day')",
            "2009-02-01|NULL",
        ),
    ])
    .await;
}

#[tokio::test]
async fn timestamps_are_instants_in_microseconds() {
    answers(&[
        (
            "SELECT timestamp_seconds(1230219000)",
            "2008-12-25T15:30:00Z",
        ),
        (
            "SELECT timestamp_seconds(1230219000.123)",
            "2008-12-25T15:30:00.123Z",
        ),
        (
            "SELECT timestamp_seconds(1.5e0), timestamp_seconds(NULL)",
            "1970-01-01T00:00:01.500Z|NULL",
        ),
        (
            "SELECT CAST('2020-01-01 10:00:00+02:00' AS TIMESTAMP), try_cast('noon' AS TIMESTAMP)",
            "2020-01-01T08:00:00Z|NULL",
        ),
        (
            "SELECT CAST(timestamp_seconds(86399) AS DATE)",
            "1970-01-01",
        ),
    ])
    .await;
    let sql = "SELECT timestamp_seconds(1) AS a, TIMESTAMP '2020-01-01' AS b, \
               CAST(NULL AS TIMESTAMP) AS c, TIMESTAMP_NTZ '2020-01-01' AS d";
    let instant = "Timestamp(µs, \"UTC\")";
    let expected = [
        format!("a: {instant}"),
        format!("b: {instant}"),
        format!("c: {instant}"),
        "d: Timestamp(µs)".to_owned(),
    ];
    assert_eq!(names_and_types(&context(), sql).await, expected);
    let error = try_rows(&context(), "SELECT timestamp_seconds(9223372036854775807L)").await;
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("ARITHMETIC_OVERFLOW")
    );
}

#[tokio::test]
async fn casts_to_dates_and_decimals() {
    answers(&[
        (
            "SELECT try_cast(' 2020-1-5 ' AS DATE), try_cast('2020-13-01' AS DATE)",
            "2020-01-05|NULL",
        ),
        (
            "SELECT try_cast('2020' AS DATE), try_cast('2020-02-03T04' AS DATE)",
            "2020-01-01|2020-02-03",
        ),
        (
            "SELECT try_cast('1.50' AS DECIMAL(38, 6)), try_cast('x' AS DECIMAL(4, 2))",
            "1.500000|NULL",
        ),
        (
            "SELECT try_cast('99.995' AS DECIMAL(4, 2)), CAST('1e1' AS DECIMAL)",
            "NULL|10",
        ),
        // Whole numbers that are written with a point: the fraction is cut off.
        (
            "SELECT try_cast(try_cast('367.9' AS DECIMAL(38, 6)) AS BIGINT)",
            "367",
        ),
        (
            "SELECT try_cast(try_cast('-0.9' AS DECIMAL(38, 6)) AS INT)",
            "0",
        ),
        (
            "SELECT try_cast(try_cast('99999999999.0' AS DECIMAL(38, 6)) AS INT)",
            "NULL",
        ),
        // A double is the decimal that it prints as, and a decimal the nearest double.
        (
            "SELECT CAST(21.946943e0 AS DECIMAL(38, 18))",
            "21.946943000000000000",
        ),
        (
            "SELECT CAST(0.1e0 AS DECIMAL(20, 6)), CAST(1e30 AS DECIMAL(38, 2))",
            "0.100000|1000000000000000000000000000000.00",
        ),
        (
            "SELECT CAST(40.644895000000000000 AS DOUBLE) / 8",
            "5.080611875",
        ),
        (
            "SELECT try_cast(CAST('NaN' AS DOUBLE) AS DECIMAL(4, 2))",
            "NULL",
        ),
    ])
    .await;
    for (sql, class) in [
        ("SELECT CAST('soon' AS DATE)", "CAST_INVALID_INPUT"),
        ("SELECT CAST('1,5' AS DECIMAL(4, 2))", "CAST_INVALID_INPUT"),
        (
            "SELECT CAST(100e0 AS DECIMAL(4, 2))",
            "NUMERIC_VALUE_OUT_OF_RANGE",
        ),
        ("SELECT 1.5 / 0.0", "DIVIDE_BY_ZERO"),
    ] {
        let error = try_rows(&context(), sql).await.unwrap_err();
        assert!(error.to_string().contains(class), "{sql}: {error}");
    }
}

#[tokio::test]
async fn decimals_have_sparks_widths() {
    let sql = "SELECT CAST(1 AS DECIMAL) AS a, 5 / 2.0 AS b, 2.0 / 3 AS c, \
               CAST(1 AS DECIMAL(38, 18)) / CAST(3 AS DECIMAL(38, 18)) AS d, \
               1L / CAST(3 AS DECIMAL(10, 2)) AS e, 1.5e0 / 2.5 AS f";
    let types = names_and_types(&context(), sql).await;
    let expected = [
        "a: Decimal128(10, 0)",
        "b: Decimal128(8, 6)",
        "c: Decimal128(7, 6)",
        "d: Decimal128(38, 6)",
        "e: Decimal128(14, 11)",
        "f: Float64",
    ];
    assert_eq!(types, expected);
    assert_eq!(
        rows(&context(), sql).await,
        ["1|2.500000|0.666667|0.333333|0.33333333333|0.6"]
    );
    for (width, sum, value) in [
        ("20, 6", "30, 6", "1.600000"),
        ("38, 18", "38, 18", "1.600000000000000000"),
    ] {
        let sql = format!(
            "SELECT sum(CAST(x AS DECIMAL({width}))) AS s FROM VALUES (1.5e0), (NULL), (0.1e0) AS t(x)"
        );
        let types = names_and_types(&context(), &sql).await;
        assert_eq!(types, [format!("s: Decimal128({sum})")]);
        assert_eq!(rows(&context(), &sql).await, [value]);
    }
}

#[tokio::test]
async fn aggregates() {
    let bools = "FROM VALUES (NULL), (true), (false) AS tab(col)";
    answers(&[
        (
            "SELECT max_by(x, y) FROM VALUES ('a', 10), ('b', 50), ('c', 20) AS tab(x, y)",
            "b",
        ),
        (
            "SELECT min_by(x, y) FROM VALUES ('a', 10), ('b', 50), ('c', 20) AS tab(x, y)",
            "a",
        ),
        (
            "SELECT max_by(x, y) FROM VALUES ('a', NULL), (NULL, 5), ('c', 4) AS tab(x, y)",
            "NULL",
        ),
        (
            "SELECT max_by(x, y) FROM VALUES ('a', CAST(NULL AS INT)) AS tab(x, y)",
            "NULL",
        ),
        (
            "SELECT count_if(col % 2 = 0) FROM VALUES (NULL), (0), (1), (2), (3) AS tab(col)",
            "2",
        ),
        (
            "SELECT count_if(col IS NULL) FROM VALUES (NULL), (0), (1) AS tab(col)",
            "1",
        ),
        (
            "SELECT count_if(col > 1) FILTER (WHERE col < 5) FROM VALUES (1), (3), (7) AS tab(col)",
            "1",
        ),
        (
            &format!("SELECT bool_and(col), every(col) AS e, bool_or(col), some(col) AS s {bools}"),
            "false|false|true|true",
        ),
        (
            "SELECT median(col) FROM VALUES (0L), (11L), (NULL) AS tab(col)",
            "5.5",
        ),
        (
            "SELECT avg(col) FROM VALUES (1L), (2L), (NULL) AS tab(col)",
            "1.5",
        ),
        (
            "SELECT sum(col) FILTER (WHERE col > 1) FROM VALUES (5), (10), (1) AS tab(col)",
            "15",
        ),
    ])
    .await;
    let context = context();
    texts(
        &context,
        "t",
        &["k", "x", "y"],
        &[
            &["a", "1", "1"],
            &["b", "2", "5"],
            &["a", "3", "9"],
            &["a", "4", "-"],
            &["b", "5", "3"],
        ],
    );
    let sql = "SELECT k, max_by(x, CAST(y AS INT)), min_by(x, CAST(y AS INT)) FROM t GROUP BY k";
    assert_eq!(sorted_rows(&context, sql).await, ["a|3|1", "b|2|5"]);
}

#[tokio::test]
async fn ranks_are_ints() {
    let sql = "SELECT row_number() OVER (ORDER BY x DESC NULLS LAST) AS n, \
               rank() OVER (ORDER BY x) AS r, dense_rank() OVER (ORDER BY x) AS d, \
               ntile(2) OVER (ORDER BY x) AS q, x FROM VALUES (7), (NULL), (7) AS t(x) \
               ORDER BY n";
    let types = names_and_types(&context(), sql).await;
    assert_eq!(
        types,
        ["n: Int32", "r: Int32", "d: Int32", "q: Int32", "x: Int32"]
    );
    let last = rows(&context(), sql).await.pop();
    assert_eq!(last.unwrap(), "3|1|1|1|NULL");
}

#[tokio::test]
async fn columns_of_using_lead_and_stand_once() {
    let two = "VALUES (1, 2), (7, 8) AS a(x, y)";
    let other = "VALUES (3, 2), (4, 5) AS b(z, y)";
    for (sql, columns, expected) in [
        (
            format!("SELECT * FROM {two} JOIN {other} USING (y)"),
            "y x z",
            "2|1|3",
        ),
        (
            format!("SELECT *, x + z AS s FROM {two} JOIN {other} USING (y)"),
            "y x z s",
            "2|1|3|4",
        ),
        (
            format!("SELECT * EXCEPT (z) FROM {two} JOIN {other} USING (y)"),
            "y x",
            "2|1",
        ),
        (
            format!("SELECT Y, x, z FROM {two} RIGHT JOIN {other} USING (y) ORDER BY y"),
            "Y x z",
            "2|1|3\n5|NULL|4",
        ),
        (
            format!("SELECT * FROM {two} FULL OUTER JOIN {other} USING (y) ORDER BY y"),
            "y x z",
            "2|1|3\n5|NULL|4\n8|7|NULL",
        ),
        (
            format!(
                "SELECT y, count(*) AS n FROM {two} FULL OUTER JOIN {other} USING (y) WHERE y > 2 \
                 GROUP BY y ORDER BY y"
            ),
            "y n",
            "5|1\n8|1",
        ),
        (
            format!("SELECT * FROM {two} LEFT SEMI JOIN {other} USING (y)"),
            "x y",
            "1|2",
        ),
        (
            format!(
                "SELECT * FROM {two} JOIN {other} USING (y) JOIN VALUES (2, 9) c(y, w) USING (y)"
            ),
            "y x z w",
            "2|1|3|9",
        ),
        (
            "SELECT * FROM (SELECT 1 AS x, 2 AS y) JOIN (SELECT 3 AS z, 2 AS y) USING (y)"
                .to_owned(),
            "y x z",
            "2|1|3",
        ),
    ] {
        let names = names_and_types(&context(), &sql).await;
        let names: Vec<_> = names.iter().filter_map(|c| c.split(':').next()).collect();
        assert_eq!(names.join(" "), columns, "{sql}");
        assert_eq!(value(&sql).await, expected, "{sql}");
    }
}

const NAMED: &str = "'array<struct<id: int, name: string>>'";

#[tokio::test]
async fn python_literals_in_sql() {
    let context = context();
    texts(
        &context,
        "films",
        &["id", "genres"],
        &[
            &[
                "1",
                "[{'id': 16, 'name': 'Animation'}, {'id': 35, 'name': \"It's\"}]",
            ],
            &["2", "[{'id': None, 'name': 'Lost'}, {'id': 3}]"],
            &["3", "[]"],
            &["4", "[{'id': 1, 'name': 'cut"],
            &["5", "-"],
        ],
    );
    let sql = format!(
        "SELECT id, genre.id AS genre_id, Genre.NAME FROM films
         LATERAL VIEW explode(from_python_literal(genres, {NAMED})) AS genre
         WHERE genre.id IS NOT NULL AND genre.name IS NOT NULL"
    );
    assert_eq!(
        sorted_rows(&context, &sql).await,
        ["1|16|Animation", "1|35|It's"]
    );
    let sql = format!("SELECT id, size(from_python_literal(genres, {NAMED})) FROM films");
    assert_eq!(
        sorted_rows(&context, &sql).await,
        ["1|2", "2|2", "3|0", "4|NULL", "5|NULL"]
    );
    for (sql, part) in [
        (
            "SELECT from_python_literal(genres, id) FROM films",
            "must be a literal text",
        ),
        (
            "SELECT from_python_literal(genres, 'array<uuid>') FROM films",
            "`uuid` is no type",
        ),
        (
            "SELECT from_python_literal(genres) FROM films",
            "takes 2 arguments, not 1",
        ),
        (
            "SELECT from_python_literal(1, 'int')",
            "needs a text, not Int32",
        ),
    ] {
        let message = mistake(&context, sql).await;
        assert!(message.contains(part), "{sql}: {message}");
    }
}

/// As for other functions: names and arguments are all that an executor gets.
#[tokio::test]
async fn they_survive_the_way_to_an_executor() {
    use datafusion::physical_plan::collect;
    use datafusion_proto::bytes::{physical_plan_from_bytes, physical_plan_to_bytes};
    let context = context();
    texts(
        &context,
        "t",
        &["k", "day", "number", "list"],
        &[
            &["a", "2001-02-14", "1.50", "[{'id': 1, 'name': 'x'}]"],
            &["b", "soon", "2e3", "[]"],
            &["a", "1999-12-31", "none", "[{'id': 2, 'name': 'y'}, {}]"],
            &["a", "2001-02-28 10:00:00", "0.25", "-"],
        ],
    );
    let sql = format!(
        "SELECT k, row_number() OVER (ORDER BY k, day) AS n, year(try_cast(day AS DATE)) AS y,
           trunc(try_cast(day AS DATE), 'MM') AS m, try_cast(day AS TIMESTAMP) AS t,
           try_cast(number AS DECIMAL(10, 3)) AS d, try_cast(number AS DECIMAL(10, 3)) / 4 AS q,
           CAST(try_cast(number AS DECIMAL(10, 3)) AS DOUBLE) AS f,
           timestamp_seconds(length(day)) AS s, from_python_literal(list, {NAMED}) AS l,
           max_by(day, number) OVER (PARTITION BY k) AS b, 0L AS c, 0e0 AS x, 0.0 AS u, 0.0 AS v
         FROM t
         UNION ALL
         SELECT k, 0 AS n, 0 AS y, NULL AS m, NULL AS t, NULL AS d, NULL AS q, NULL AS f, NULL AS s,
           NULL AS l, max_by(day, number) AS b, count_if(day > '2') AS c, median(length(day)) AS x,
           sum(try_cast(number AS DECIMAL(10, 3))) AS u,
           sum(CAST(length(day) AS DECIMAL(10, 3))) AS v
         FROM t GROUP BY k"
    );
    let plan = frame(&context, &sql).await.unwrap();
    let plan = plan.create_physical_plan().await.unwrap();
    let bytes = physical_plan_to_bytes(plan).unwrap();
    let executor = super::context();
    let plan = physical_plan_from_bytes(&bytes, &executor.task_ctx()).unwrap();
    let batches = collect(plan, executor.task_ctx()).await.unwrap();
    let mut there = texts_of(&batches);
    there.sort();
    assert_eq!(there, sorted_rows(&context, &sql).await);
    assert_eq!(there.len(), 4 + 2);
}

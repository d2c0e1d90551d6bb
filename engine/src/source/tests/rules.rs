//! The rules of reading, one by one.

use super::*;
use crate::error::Kind;

#[tokio::test]
async fn imdb_lines() {
    let text = b"id\tname\tyear\n\
        1\t\"Quoted\" \"stray\t1999\n\
        \t \t \n\
        2\t\\N\t \\N\r\n\
        \r\n\
        3\t  kept  \t 2001 \r\
        4\t\t\n\
        5\t \\N\t+7";
    let rows = read(text, &imdb(&["id", "name", "year"], BadRecords::Permissive))
        .await
        .unwrap();
    assert_eq!(
        rows,
        [
            "1|\"Quoted\" \"stray|1999",
            "2|~| \\N",
            "3|  kept  | 2001 ",
            "4|~|~",
            "5| \\N|+7"
        ]
    );
}

#[tokio::test]
async fn typed_columns() {
    let text = b"i\tb\td\tt\tw\n\
        1\t-9000000000\t1e1\tyes\t2020-02-29\n\
        \\N\t\t.5\tF\t2020\n\
        19xx\t1.0\tx\tmaybe\t2021-02-29\n";
    let columns = ["i:int", "b:bigint", "d:double", "t:boolean", "w:date"];
    let rows = read(text, &imdb(&columns, BadRecords::Permissive))
        .await
        .unwrap();
    assert_eq!(
        rows,
        [
            "1|-9000000000|10.0|true|2020-02-29",
            "~|~|0.5|false|2020-01-01",
            "~|~|~|~|~"
        ]
    );
}

/// Which of four records, three of them bad, each mode keeps.
#[tokio::test]
async fn modes() {
    modes_case(BadRecords::Permissive, &["1|1990", "2|~", "3|~", "4|2000"]).await;
    modes_case(BadRecords::Drop, &["1|1990"]).await;
}

async fn modes_case(mode: BadRecords, expected: &[&str]) {
    let text = b"id\tyear\n1\t1990\n2\t19xx\n3\n4\t2000\tsurplus\n";
    assert_eq!(
        read(text, &imdb(&["id", "year:int"], mode)).await.unwrap(),
        expected
    );
}

#[tokio::test]
async fn fail_names_the_record() {
    fail_names_the_record_case("1\t1990\n2\t19xx\n", "byte 15: bad_value:year (`19xx`)").await;
    fail_names_the_record_case("1\n", "byte 8: missing_fields (1 of 2)").await;
    fail_names_the_record_case("1\t\\N\t\n", "byte 8: surplus_fields (3 of 2)").await;
}

async fn fail_names_the_record_case(body: &str, expected: &str) {
    let text = format!("id\tyear\n{body}");
    let declared = imdb(&["id", "year:int"], BadRecords::Fail);
    let error = read(text.as_bytes(), &declared).await.unwrap_err();
    assert_eq!(error.kind, Kind::Input);
    assert_eq!(
        error.to_string(),
        format!("failed to read input titles: a.tsv has a bad record at {expected}")
    );
    assert!(error.hint.unwrap().contains("permissive"));
}

#[tokio::test]
async fn invalid_utf8_is_replaced_and_its_neighbours_are_not() {
    let mut text = b"id\tname\textra\n1\tcaf\xc3\xa9\tx\n".to_vec();
    text.extend(b"2\tA\xff\xfeB\xe2\x82\ty\n3\tok\t\xff\n");
    let columns = imdb(&["id", "name"], BadRecords::Permissive);
    let lossy = String::from_utf8_lossy(b"A\xff\xfeB\xe2\x82").into_owned();
    let expected = ["1|café".to_owned(), format!("2|{lossy}"), "3|ok".to_owned()];
    assert_eq!(read(&text, &columns).await.unwrap(), expected);
    // A column that nobody declared counts too.
    let columns = imdb(&["id", "name"], BadRecords::Drop);
    assert_eq!(read(&text, &columns).await.unwrap(), ["1|café"]);
}

#[tokio::test]
async fn a_checked_column_stays_text() {
    let text = b"id\tend\n1\tunknown\n2\t \t\n3\t+07\n4\t\\N\n";
    let keep = imdb(&["id", "end:?int"], BadRecords::Permissive);
    assert_eq!(
        read(text, &keep).await.unwrap(),
        ["1|unknown", "2| ", "3|+07", "4|~"]
    );
    let dropped = imdb(&["id", "end:?int"], BadRecords::Drop);
    assert_eq!(read(text, &dropped).await.unwrap(), ["3|+07", "4|~"]);
}

#[tokio::test]
async fn rejects_do_not_depend_on_the_projection() {
    let world = World::with(&[("a.tsv", b"id\tyear\tend\n1\t1\t1\n2\tx\t1\n3\t1\ty\n")]).await;
    let declared = imdb(&["id", "year:int", "end:?int"], BadRecords::Drop);
    world.table("t", "a.tsv", &declared).await.unwrap();
    for sql in [
        "select id from t",
        "select count(*) from t",
        "select year from t",
    ] {
        assert_eq!(world.rows(sql).await.unwrap(), ["1"], "{sql}");
    }
}

fn csv(columns: &[&str], mode: BadRecords) -> InputSpec {
    declared(TextFormat::csv(), columns, mode)
}

#[tokio::test]
async fn quoted_fields() {
    let text = b"a,b,\"c, too\"\r\n\
        1,\"two, \"\"three\"\"\r\nfour\",5\r\n\
        \r\n\
        ,\"\",x\"y\"z\n\
        \"\",caf\xc3\xa9,\"\xc3\xa9\"\"\"\n";
    let declared = csv(&["a", "b", "c, too"], BadRecords::Drop);
    let rows = read(text, &declared).await.unwrap();
    assert_eq!(
        rows,
        ["1|two, \"three\"\r\nfour|5", "~||x\"y\"z", "|café|é\""]
    );
}

#[tokio::test]
async fn bad_quotes() {
    let text = b"a,b\n\"x\"y,1\n2,\"open\nto the end";
    let rows = read(text, &csv(&["a", "b"], BadRecords::Permissive))
        .await
        .unwrap();
    assert_eq!(rows, ["\"x\"y|1", "2|\"open\nto the end"]);
    let rows = read(text, &csv(&["a", "b"], BadRecords::Drop))
        .await
        .unwrap();
    assert!(rows.is_empty());
    let error = read(text, &csv(&["a", "b"], BadRecords::Fail))
        .await
        .unwrap_err();
    assert!(error.cause.ends_with("byte 4: bad_quote"), "{error}");
}

#[tokio::test]
async fn declared_nulls() {
    let mut declared = csv(&["a", "b:int"], BadRecords::Drop);
    declared.format.null = vec!["NA".to_owned(), "-".to_owned()];
    let rows = read(b"a,b\nNA,-\nna,1\n\"NA\",\n", &declared)
        .await
        .unwrap();
    assert_eq!(rows, ["~|~", "na|1", "~|~"]);
}

#[tokio::test]
async fn a_line_of_40_mb_is_an_error_in_every_mode() {
    let mut text = b"id\tname\n1\tok\n2\t".to_vec();
    text.resize(40 << 20, b'x');
    for mode in [BadRecords::Permissive, BadRecords::Drop, BadRecords::Fail] {
        let error = read(&text, &imdb(&["id", "name"], mode)).await.unwrap_err();
        assert_eq!(error.kind, Kind::Input);
        assert!(
            error
                .cause
                .ends_with("a.tsv: the record at byte 13 is longer than 16 MiB"),
            "{error}"
        );
        assert!(error.hint.unwrap().contains("line-based"));
    }
}

#[tokio::test]
async fn a_record_of_10_mb_is_read() {
    let mut text = b"id\tname\n1\t".to_vec();
    text.resize(10 << 20, b'x');
    text.extend(b"\n2\ty\n");
    let world = World::with(&[("a.tsv", &text)]).await;
    world
        .table("t", "a.tsv", &imdb(&["id", "name"], BadRecords::Fail))
        .await
        .unwrap();
    let rows = world
        .rows("select id, length(name) from t order by id")
        .await
        .unwrap();
    assert_eq!(rows, [format!("1|{}", (10 << 20) - 10), "2|1".to_owned()]);
}

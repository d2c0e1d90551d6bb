//! The rows of a query.

use serde_json::{Value, json};

use crate::fixture::Fixture;

#[tokio::test]
async fn long_answers_come_in_pages() {
    let fixture = Fixture::new();
    let told = fixture
        .done(&["SELECT n FROM generate_series(1, 2500) n"])
        .await;
    let id = format!("{}:1", told["Id"].as_str().unwrap());
    let (mut sizes, mut token) = (Vec::new(), Value::Null);
    loop {
        let request = json!({ "Id": id, "NextToken": token });
        let page = fixture.get("GetStatementResult", request).await.unwrap();
        sizes.push(page["Records"].as_array().unwrap().len());
        assert_eq!(page["TotalNumRows"], 2500);
        token = page["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(sizes, [1000, 1000, 500]);
}

#[tokio::test]
async fn values_have_their_types() {
    let fixture = Fixture::new();
    let sql = "SELECT 1 AS a, 2::bigint AS b, 0.5::float8 AS c, true AS d, 'x'::varchar AS e, \
               NULL::integer AS f, 1.50::numeric(5,2) AS g, DATE '1979-05-25' AS h";
    let request = json!({ "ClusterIdentifier": "warehouse", "Database": "dev", "Sql": sql });
    let started = fixture.get("ExecuteStatement", request).await.unwrap();
    let told = fixture.end_of(started["Id"].as_str().unwrap()).await;
    assert_eq!(told["ResultRows"], 1);
    assert_eq!(told["HasResultSet"], true);
    let request = json!({ "Id": told["Id"] });
    let page = fixture.get("GetStatementResult", request).await.unwrap();
    let expected = json!([[
        { "longValue": 1 }, { "longValue": 2 }, { "doubleValue": 0.5 },
        { "booleanValue": true }, { "stringValue": "x" }, { "isNull": true },
        { "stringValue": "1.50" }, { "stringValue": "1979-05-25" },
    ]]);
    assert_eq!(page["Records"], expected);
    let columns = page["ColumnMetadata"].as_array().unwrap();
    let types: Vec<_> = columns
        .iter()
        .map(|c| c["typeName"].as_str().unwrap())
        .collect();
    assert_eq!(
        types,
        [
            "int4", "int8", "float8", "bool", "varchar", "int4", "numeric", "date"
        ]
    );
}

#[tokio::test]
async fn a_batch_has_no_rows_but_its_statements_have() {
    let fixture = Fixture::new();
    let told = fixture
        .done(&["CREATE TABLE t (a integer)", "SELECT 1"])
        .await;
    let id = told["Id"].as_str().unwrap();
    let rows = |id: String| fixture.get("GetStatementResult", json!({ "Id": id }));
    let error = rows(id.to_owned()).await.unwrap_err();
    assert!(error.contains("with sub-statement id"), "{error}");
    let error = rows(format!("{id}:1")).await.unwrap_err();
    assert!(error.contains("does not have result"), "{error}");
    rows(format!("{id}:2")).await.unwrap();
    let error = rows(format!("{id}:3")).await.unwrap_err();
    assert!(error.contains("ResourceNotFoundException"), "{error}");
}

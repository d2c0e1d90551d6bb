//! The SQL of the job `imdb_titles` on a few rows.
#![allow(clippy::unwrap_used)]

use datafusion::arrow::array::{Float64Array, Int32Array};

use super::*;

const RELATIONS: [(&str, &str); 3] = [
    (
        "credits",
        include_str!("../../../../jobs/catalog/imdb_titles/credits.sql"),
    ),
    (
        "credited",
        include_str!("../../../../jobs/catalog/imdb_titles/credited.sql"),
    ),
    (
        "imdb_titles",
        include_str!("../../../../jobs/catalog/imdb_titles/imdb_titles.sql"),
    ),
];

fn titles(context: &SessionContext) {
    let text = |cells: &[Option<&str>]| Arc::new(StringArray::from(cells.to_vec())) as ArrayRef;
    let ids = ["t1", "t2", "t3", "t4"].map(Some);
    let long = "ä".repeat(201);
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("tconst", text(&ids), true),
        ("titleType", text(&[Some("short"); 4]), true),
        (
            "primaryTitle",
            text(&[Some("A \"quote\""), Some(&long), None, Some("D")]),
            true,
        ),
        (
            "originalTitle",
            text(&[Some("A"), Some("B"), Some("C"), None]),
            true,
        ),
        (
            "startYear",
            Arc::new(Int32Array::from(vec![Some(1894), None, Some(2001), None])),
            true,
        ),
        (
            "endYear",
            text(&[Some("1895"), None, Some("unknown"), Some(" +2001 ")]),
            true,
        ),
        (
            "runtimeMinutes",
            Arc::new(Int32Array::from(vec![Some(1), None, None, Some(45)])),
            true,
        ),
        (
            "genres",
            text(&[
                Some("Documentary,Short"),
                None,
                Some("Drama"),
                Some("a,,b,"),
            ]),
            true,
        ),
    ])
    .unwrap();
    table(context, "titles", batch);
}

async fn tables() -> SessionContext {
    let context = context();
    titles(&context);
    texts(
        &context,
        "crew",
        &["tconst", "directors", "writers"],
        &[
            // A repeated id, an unknown id and a person without a name.
            &["t1", "n2,n1,n2", "n9,n8"],
            // More than five, the unknown ones first; and no writers.
            &["t2", "n9,n6,n8,n5,n4,n3,n2,n1", "-"],
            &["t4", "-", "n3"],
        ],
    );
    texts(
        &context,
        "names",
        &["nconst", "primaryName"],
        &[
            &["n1", "Ann"],
            &["n2", "Bo, Jr."],
            &["n3", "Cy"],
            &["n4", "Di"],
            &["n5", "Ed"],
            &["n6", "Flo"],
            &["n8", "-"],
        ],
    );
    let batch = RecordBatch::try_from_iter_with_nullable([
        (
            "tconst",
            Arc::new(StringArray::from(vec!["t1", "t3"])) as ArrayRef,
            true,
        ),
        (
            "averageRating",
            Arc::new(Float64Array::from(vec![Some(5.7), None])),
            true,
        ),
        (
            "numVotes",
            Arc::new(Int32Array::from(vec![Some(2000), Some(7)])),
            true,
        ),
    ])
    .unwrap();
    table(&context, "ratings", batch);
    context
}

/// Plans the job's relations in order, each as a view for those after it.
async fn define(context: &SessionContext) {
    for (name, sql) in RELATIONS {
        let state = context.state();
        let plan = parse(sql, &format!("{name}.sql"))
            .unwrap()
            .plan(&state)
            .await
            .unwrap();
        let view = DataFrame::new(state, plan).into_view();
        context.register_table(name, view).unwrap();
    }
}

#[tokio::test]
async fn rows_are_sparks() {
    let context = tables().await;
    define(&context).await;
    let long = "ä".repeat(200);
    assert_eq!(
        sorted_rows(&context, "SELECT * FROM imdb_titles").await,
        [
            "t1|A \"quote\"|A|short|Bo, Jr.,Ann,Bo, Jr.|NULL|Documentary,Short|true|true|true|2|1894|1895|5.7|2000|1|3|2".to_owned(),
            format!("t2|{long}|B|short|Flo,Ed,Di,Cy,Bo, Jr.|NULL|NULL|true|false|false|0|NULL|NULL|NULL|NULL|NULL|8|0"),
            "t3|NULL|C|short|NULL|NULL|Drama|false|false|true|1|2001|NULL|NULL|7|NULL|0|0".to_owned(),
            "t4|D|NULL|short|NULL|Cy|a,,b,|false|true|true|4|NULL|2001|NULL|NULL|45|0|1".to_owned(),
        ]
    );
}

#[tokio::test]
async fn columns_are_sparks() {
    let context = tables().await;
    define(&context).await;
    assert_eq!(
        names_and_types(&context, "SELECT * FROM imdb_titles").await,
        [
            "title_key: Utf8",
            "primary_title: Utf8",
            "original_title: Utf8",
            "title_type: Utf8",
            "directors: Utf8",
            "writers: Utf8",
            "genres: Utf8",
            "has_directors: Boolean",
            "has_writers: Boolean",
            "has_ended: Boolean",
            "num_of_genres: Int32",
            "release_year: Int32",
            "end_year: Int32",
            "average_rating: Float64",
            "num_votes: Int32",
            "runtime_minutes: Int32",
            "num_directors: Int32",
            "num_writers: Int32",
        ]
    );
}

#[test]
fn relations_depend_on_each_other() {
    let depends = |at: usize| {
        let (name, sql) = RELATIONS[at];
        let tables = parse(sql, name).unwrap().referenced_tables();
        tables.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(depends(0), ["crew"]);
    assert_eq!(depends(1), ["credits", "names"]);
    assert_eq!(depends(2), ["credited", "crew", "ratings", "titles"]);
}

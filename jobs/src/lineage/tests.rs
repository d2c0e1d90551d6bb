use super::*;
use crate::job::{Catalog, Relation};

fn column(text: &str) -> ColumnRef {
    let (table, column) = text.split_once('.').unwrap();
    ColumnRef {
        table: table.to_owned(),
        column: column.to_owned(),
    }
}

fn texts(columns: &BTreeSet<ColumnRef>) -> Vec<String> {
    let texts = columns.iter();
    texts
        .map(|column| format!("{}.{}", column.table, column.column))
        .collect()
}

fn origins(lineage: &Lineage, of: &str) -> Vec<String> {
    texts(&lineage.origins(&column(of)))
}

#[tokio::test]
async fn columns_of_imdb_titles_come_from_the_files() {
    let job = Catalog::default().job("imdb_titles").unwrap();
    let lineage = Lineage::of(&job).await.unwrap();
    let names: Vec<_> = lineage
        .tables
        .iter()
        .map(|table| table.name.as_str())
        .collect();
    assert_eq!(names[4..], ["credits", "credited", "imdb_titles"]);
    let of = |name: &str| origins(&lineage, &format!("imdb_titles.{name}"));
    assert_eq!(of("title_key"), ["titles.tconst"]);
    assert_eq!(of("primary_title"), ["titles.primaryTitle"]);
    assert_eq!(of("has_directors"), ["crew.directors"]);
    assert_eq!(of("average_rating"), ["ratings.averageRating"]);
    assert_eq!(
        of("directors"),
        ["crew.directors", "crew.writers", "names.primaryName"],
        "credits unites both lists"
    );
    let credits = lineage.table("credits").unwrap();
    assert_eq!(credits.columns[1].name, "role");
    assert!(credits.columns[1].from.is_empty(), "a literal");
    let credited = lineage.table("credited").unwrap();
    assert_eq!(
        texts(&credited.rows_from),
        [
            "credits.nconst",
            "credits.tconst",
            "names.nconst",
            "names.primaryName"
        ]
    );
    let output = lineage.table("imdb_titles").unwrap();
    assert!(output.rows_from.contains(&column("titles.tconst")));
    assert_eq!(output.columns[10].kind, "int");
    let depths = lineage.depths();
    assert_eq!(
        (depths["crew"], depths["credits"], depths["imdb_titles"]),
        (0, 1, 3)
    );
}

async fn lineage_of(sql: &str) -> Lineage {
    let toml = "[inputs.a]\nfile = \"a.csv\"\nformat = \"csv\"\nschema = \"x INT, y STRING, z INT\"\n\
                [inputs.b]\nfile = \"b.csv\"\nformat = \"csv\"\nschema = \"x INT, w INT\"\n\
                [output]\nrelation = \"j\"\n";
    let relation = Relation {
        name: "j".to_owned(),
        sql: sql.to_owned(),
    };
    let job = JobDefinition::parse("j", toml, vec![relation]).unwrap();
    Lineage::of(&job).await.unwrap()
}

/// The columns with their sources, then what decides on rows.
async fn traced(sql: &str) -> (Vec<String>, Vec<String>) {
    let lineage = lineage_of(sql).await;
    let table = lineage.table("j").unwrap();
    let columns = table.columns.iter();
    let columns =
        columns.map(|column| format!("{}: {}", column.name, texts(&column.from).join(" ")));
    (columns.collect(), texts(&table.rows_from))
}

#[tokio::test]
async fn each_kind_of_plan_is_followed() {
    for (sql, columns, rows) in [
        (
            "SELECT x + z AS s, 1 AS one FROM a",
            "s: a.x a.z, one: ",
            "",
        ),
        (
            "SELECT x FROM a WHERE y = 'q' AND z > 1",
            "x: a.x",
            "a.y a.z",
        ),
        (
            "SELECT y, sum(x) AS s, count(*) AS n FROM a GROUP BY y HAVING sum(z) > 1",
            "y: a.y, s: a.x, n: ",
            "a.y a.z",
        ),
        (
            "SELECT a.y, b.w FROM a LEFT JOIN b ON a.x = b.x AND b.w > a.z",
            "y: a.y, w: b.w",
            "a.x a.z b.w b.x",
        ),
        (
            "SELECT x, row_number() OVER (PARTITION BY y ORDER BY z) AS r FROM a",
            "x: a.x, r: a.y a.z",
            "",
        ),
        (
            "SELECT x FROM a UNION ALL SELECT w FROM b",
            "x: a.x b.w",
            "",
        ),
        ("SELECT x FROM a ORDER BY z LIMIT 3", "x: a.x", "a.z"),
        (
            "WITH t AS (SELECT y, split(y, ',') AS l FROM a) SELECT y, p FROM t LATERAL VIEW explode(l) AS p",
            "y: a.y, p: a.y",
            "",
        ),
        (
            "SELECT y, (SELECT max(w) FROM b WHERE b.x = a.x) AS m FROM a",
            "y: a.y, m: a.x b.w b.x",
            "",
        ),
        (
            "SELECT y FROM a WHERE x IN (SELECT x FROM b)",
            "y: a.y",
            "a.x b.x",
        ),
        (
            "SELECT y FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.w = a.z)",
            "y: a.y",
            "a.z b.w",
        ),
        (
            "SELECT DISTINCT s.x AS q FROM (SELECT * FROM a) s",
            "q: a.x",
            "",
        ),
    ] {
        let (found, decided) = traced(sql).await;
        assert_eq!(found.join(", "), columns, "{sql}");
        assert_eq!(decided.join(" "), rows, "{sql}");
    }
}

//! Several tables, of which one is added to and one replaced, and one that reads what it was.

use std::fs;
use std::path::Path;

use cinemill_tests::cluster::Cluster;
use cinemill_tests::processes::{Cinemill, Ended};
use serde_json::Value;
use tempfile::TempDir;

use crate::fixture::{assert_code, assert_fails, text};

const TOML: &str = r#"
    description = "Films"
    [inputs.films]
    file = "films.csv"
    format = "csv"
    schema = "id INT, name STRING, votes INT"
    [inputs.before]
    file = "history"
    format = "previous"
    schema = "run INT, films BIGINT"
    [outputs.films]
    relation = "all_films"
    key = ["id"]
    mode = "merge"
    [outputs.history]
    key = ["run"]
"#;

fn catalog(folder: &Path) {
    let job = folder.join("catalog/films");
    fs::create_dir_all(&job).unwrap();
    fs::write(job.join("job.toml"), TOML).unwrap();
    fs::write(
        job.join("all_films.sql"),
        "SELECT id, name, votes FROM films",
    )
    .unwrap();
    let history = "SELECT run, films FROM before UNION ALL SELECT CAST(coalesce((SELECT max(run) \
                   FROM before), 0) + 1 AS INT) AS run, (SELECT count(*) FROM films) AS films";
    fs::write(job.join("history.sql"), history).unwrap();
}

fn run(folder: &Path, films: &str, more: &[&str]) -> Ended {
    fs::write(folder.join("films.csv"), format!("id,name,votes\n{films}")).unwrap();
    let (catalog, output) = (folder.join("catalog"), folder.join("out"));
    let mut arguments = vec![
        "run",
        "films",
        "--catalog",
        text(&catalog),
        "--input",
        text(folder),
        "--output",
        text(&output),
    ];
    arguments.extend(more);
    Cinemill::default().run(&arguments).unwrap()
}

/// The files that a manifest lists, of all tables.
fn files(output: &Path) -> Vec<String> {
    let manifest = fs::read(output.join("_manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let listed = manifest["cinemill"]["files"].as_array().unwrap();
    let paths = listed.iter().map(|file| file["path"].as_str().unwrap());
    paths.map(str::to_owned).collect()
}

fn rows(folder: &Path, table: &str) -> Vec<String> {
    let name = format!("{table}/");
    let files = files(&folder.join("out"));
    let files = files.into_iter().filter(|file| file.starts_with(&name));
    let rows = cinemill_tests::published::Rows::read(&folder.join("out"), files)
        .unwrap()
        .rows;
    let cells = |row: &Vec<Option<String>>| {
        let cells: Vec<&str> = row
            .iter()
            .map(|cell| cell.as_deref().unwrap_or("null"))
            .collect();
        cells.join(" ")
    };
    rows.iter().map(cells).collect()
}

#[test]
fn commit_together() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    catalog(folder);
    assert_code(&run(folder, "1,One,10\n2,Two,20\n", &[]), 0, &[]);
    let ended = run(folder, "2,Two,21\n3,Three,30\n", &[]);
    let told = "films: 3 rows, 1 inserted, 1 updated, 0 deleted, 1 unchanged (merge)";
    assert_code(&ended, 0, &[told, "history: 2 rows"]);
    assert_eq!(
        rows(folder, "films"),
        ["1 One 10", "2 Two 21", "3 Three 30"]
    );
    assert_eq!(rows(folder, "history"), ["1 2", "2 2"]);
    // A repeated key in one table: no table changes.
    assert_fails(
        &run(folder, "4,Four,1\n4,Four,1\n", &[]),
        11,
        &["`films.id is unique` does not hold"],
    );
    assert_eq!(rows(folder, "history").len(), 2);
    assert_eq!(rows(folder, "films").len(), 3);
}

#[test]
fn are_inputs_of_others() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    catalog(folder);
    assert_code(&run(folder, "1,One,10\n", &[]), 0, &[]);
    let job = folder.join("catalog/votes");
    fs::create_dir_all(&job).unwrap();
    let toml = |schema: &str| {
        format!(
            "[inputs.films]\nfile = \"films\"\nformat = \"table\"\nschema = \"{schema}\"\n\
             [output]\nrelation = \"votes\"\n"
        )
    };
    fs::write(
        job.join("votes.sql"),
        "SELECT id, votes + 1 AS votes FROM films",
    )
    .unwrap();
    let (catalog, published) = (folder.join("catalog"), folder.join("out"));
    let output = folder.join("votes");
    let read = |input: &str, schema: &str| {
        fs::write(job.join("job.toml"), toml(schema)).unwrap();
        let arguments = [
            "run",
            "votes",
            "--catalog",
            text(&catalog),
            "--input",
            input,
            "--output",
            text(&output),
        ];
        Cinemill::default().run(&arguments).unwrap()
    };
    let schema = "id INT, votes INT";
    assert_code(&read(text(&published), schema), 0, &["1 rows"]);
    let one = format!("films={}", text(&published.join("films")));
    assert_code(&read(&one, schema), 0, &["1 rows"]);
    // Files that no manifest lists.
    let foreign = folder.join("foreign/films");
    fs::create_dir_all(&foreign).unwrap();
    let file = files(&published)
        .into_iter()
        .find(|file| file.starts_with("films/"));
    fs::copy(
        published.join(file.unwrap()),
        foreign.join("part-0.parquet"),
    )
    .unwrap();
    assert_code(&read(text(&folder.join("foreign")), schema), 0, &["1 rows"]);
    // A schema that lost or changed a column is told; one more does no harm.
    let lost = read(text(&published), "id INT, votes INT, year INT");
    assert_fails(&lost, 12, &["it has no column `year`"]);
    let other = read(text(&published), "id INT, votes BIGINT");
    assert_fails(&other, 12, &["its column `votes` is int, not bigint"]);
    assert_fails(&read(text(&catalog), schema), 12, &["no table films"]);
}

/// At its first run, when the table that it reads itself is not there yet.
#[test]
fn commit_together_on_a_cluster() {
    let cluster = Cluster::start(2).unwrap();
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    catalog(folder);
    fs::write(folder.join("films.csv"), "id,name,votes\n1,One,10\n").unwrap();
    let (catalog, output) = (folder.join("catalog"), folder.join("out"));
    for _ in 0..2 {
        let arguments = [
            "submit",
            "films",
            "--catalog",
            text(&catalog),
            "--input",
            text(folder),
            "--output",
            text(&output),
            "--deadline",
            "60",
        ];
        assert_code(&cluster.cinemill().run(&arguments).unwrap(), 0, &[]);
    }
    assert_eq!(rows(folder, "films"), ["1 One 10"]);
    assert_eq!(rows(folder, "history"), ["1 1", "2 1"]);
}

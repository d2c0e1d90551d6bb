//! The named queries of `imdb_titles` answer what a look at the rows says.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use cinemill_jobs::job::Catalog;
use cinemill_tests::postgres::ADMIN;
use cinemill_tests::processes::{Running, assert_code, command};
use serde_json::Value;

use crate::lake::Lake;

/// What the made-up titles lack.
const MORE: [(&str, &str); 4] = [
    (
        "title.basics.tsv",
        "tt9900001\ttvSeries\tOzark\tOzark\t0\t2017\t2022\t60\tCrime,Drama\n\
         tt9900002\ttvEpisode\tOzark\tOzark\t0\t2018\t\\N\t50\tCrime\n\
         tt9900003\tmovie\tMission Impossible: One\tx\t0\t2019\t\\N\t131\tAction,Thriller\n\
         tt9900004\tmovie\tMission Impossible: Two\tx\t0\t2019\t\\N\t\\N\tThriller\n\
         tt9900005\tmovie\tMission Impossible; Three\tx\t0\t2004\t\\N\t99\tAction\n",
    ),
    (
        "title.crew.tsv",
        "tt9900001\tnm9900001\tnm9900002,nm9900001\n",
    ),
    (
        "name.basics.tsv",
        "nm9900001\tBill\t\\N\t\\N\t\\N\t\\N\nnm9900002\tMark\t\\N\t\\N\t\\N\t\\N\n",
    ),
    (
        "title.ratings.tsv",
        "tt9900003\t9.9\t5000\ntt9900004\t9.9\t999\n",
    ),
];

fn extend(input: &Path) {
    for (name, lines) in MORE {
        let file = OpenOptions::new().append(true).open(input.join(name));
        file.unwrap().write_all(lines.as_bytes()).unwrap();
    }
}

/// A title, with what the queries look at.
#[derive(Clone)]
struct Title {
    key: String,
    title: String,
    kind: String,
    genres: String,
    year: Option<i32>,
    rating: Option<f64>,
    votes: i64,
}

fn titles(lake: &Lake) -> Vec<Title> {
    let rows = lake.postgres.query(
        "SELECT title_key, primary_title, title_type, genres, release_year, average_rating, \
         num_votes FROM imdb_titles",
    );
    let read = |row: Vec<Option<String>>| {
        let text = |index: usize| row[index].clone().unwrap_or_default();
        Title {
            key: text(0),
            title: text(1),
            kind: text(2),
            genres: text(3),
            year: text(4).parse().ok(),
            rating: text(5).parse().ok(),
            votes: text(6).parse().unwrap_or(0),
        }
    };
    rows.unwrap().into_iter().map(read).collect()
}

/// The best first; then those with more votes.
fn by_rating(titles: &[Title], fits: impl Fn(&Title) -> bool) -> Vec<Title> {
    let mut found: Vec<Title> = titles.iter().filter(|title| fits(title)).cloned().collect();
    found.sort_by(|one, other| {
        let rating = other.rating.partial_cmp(&one.rating).unwrap();
        rating
            .then(other.votes.cmp(&one.votes))
            .then(one.key.cmp(&other.key))
    });
    found
}

fn ask(lake: &Lake, name: &str) -> Vec<Vec<String>> {
    let query = Catalog::default()
        .query(&format!("imdb_titles/{name}"))
        .unwrap();
    let target = lake.postgres.url(ADMIN);
    let path = format!("imdb_titles/{name}");
    let arguments = ["query", &path, "--to", &target, "--json"];
    let ended = lake.cinemill(ADMIN, &arguments);
    assert_code(&ended, 0, &[]);
    let answer: Value = serde_json::from_str(&ended.stdout).unwrap();
    let rows = answer.as_array().unwrap().iter();
    let text = |row: &Value, column: &String| row[column].as_str().unwrap_or("null").to_owned();
    rows.map(|row| {
        query
            .columns
            .iter()
            .map(|column| text(row, column))
            .collect()
    })
    .collect()
}

#[test]
fn each_query_answers_what_the_rows_say() {
    let lake = Lake::with_titles(30_000, extend);
    let titles = titles(&lake);
    assert_eq!(titles.len(), 30_005);

    assert_eq!(
        ask(&lake, "mission_impossible"),
        [["Mission Impossible: One", "131"]]
    );
    assert_eq!(
        ask(&lake, "ozark_writers"),
        [["Ozark", "2017", "Mark,Bill"]]
    );

    let is_movie = |title: &Title| title.kind == "movie";
    let of_2004 = titles
        .iter()
        .filter(|t| is_movie(t) && t.year == Some(2004));
    let of_2004 = of_2004.count();
    assert!(of_2004 > 1);
    assert_eq!(ask(&lake, "movies_of_2004"), [[of_2004.to_string()]]);

    let thrillers = by_rating(&titles, |title| {
        is_movie(title) && title.rating > Some(8.0) && title.genres.contains("Thriller")
    });
    let found = ask(&lake, "good_thrillers");
    assert!(!thrillers.is_empty());
    let told = |title: &Title| (title.title.clone(), title.votes.to_string());
    let expected: Vec<_> = thrillers.iter().map(told).collect();
    let found: Vec<_> = found
        .into_iter()
        .map(|row| (row[0].clone(), row[3].clone()))
        .collect();
    assert_eq!(found, expected);

    let best = by_rating(&titles, |title| {
        is_movie(title) && title.year == Some(2019) && title.votes >= 1000 && title.rating.is_some()
    });
    let found = ask(&lake, "best_movies_of_2019");
    assert!(!found.is_empty());
    let expected: Vec<_> = best.iter().take(20).map(told).collect();
    let found: Vec<_> = found
        .into_iter()
        .map(|row| (row[0].clone(), row[2].clone()))
        .collect();
    assert_eq!(found, expected);

    let mut groups: Vec<(i32, String)> = titles
        .iter()
        .filter_map(|title| Some((title.year?, title.kind.clone())))
        .collect();
    groups.sort();
    let expected: Vec<_> = groups
        .chunk_by(|one, other| one == other)
        .map(|group| {
            [
                group[0].0.to_string(),
                group[0].1.clone(),
                group.len().to_string(),
            ]
        })
        .collect();
    assert_eq!(ask(&lake, "titles_by_year_and_type"), expected);

    let fresh = ask(&lake, "freshness");
    assert_eq!(
        (fresh[0][2].as_str(), fresh[0][3].as_str()),
        ("30005", "30005")
    );
}

#[test]
fn queries_are_listed_printed_and_missed() {
    let lake = Lake::with_titles(100, extend);
    let target = lake.postgres.url(ADMIN);
    let query = |path: &str| lake.cinemill(ADMIN, &["query", path, "--to", &target]);
    let listed = lake.cinemill(ADMIN, &["queries", "--job", "imdb_titles"]);
    assert_code(
        &listed,
        0,
        &["imdb_titles/ozark_writers", "Who wrote the series Ozark?"],
    );
    let printed = query("imdb_titles/ozark_writers");
    assert_code(
        &printed,
        0,
        &["| primary_title | release_year | writers", "| Mark,Bill |"],
    );
    assert_code(
        &query("imdb_titles/nothing"),
        10,
        &["no such query", "ozark_writers"],
    );
    assert_code(&query("nothing"), 10, &["<job>/<name>"]);
    lake.postgres
        .execute_batch("DROP TABLE imdb_titles")
        .unwrap();
    assert_code(&query("imdb_titles/ozark_writers"), 40, &["imdb_titles"]);
}

/// The load test: it counts what it asked, and does not hide a failure.
#[test]
fn readers_are_counted_and_their_errors_too() {
    let lake = Lake::with_titles(100, extend);
    let target = lake.postgres.url(ADMIN);
    let readers = |flags: &[&str]| {
        let mut readers = command("readers", &lake.postgres.environment(ADMIN)).unwrap();
        readers.args(["--to", &target, "--readers", "4", "--seconds", "1"]);
        readers.args(flags);
        Running::start(readers).unwrap().wait().unwrap()
    };
    assert_code(
        &readers(&[]),
        0,
        &["| ozark_writers |", "| freshness |", "| all |"],
    );
    let one = readers(&["--query", "freshness"]);
    assert_code(&one, 0, &["| freshness |"]);
    assert!(!one.says("ozark_writers"), "{}", one.stdout);
    lake.postgres
        .execute_batch("DROP TABLE imdb_titles")
        .unwrap();
    assert_code(
        &readers(&["--query", "ozark_writers"]),
        1,
        &["an error:", "imdb_titles"],
    );
}

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::*;
use crate::sample::SampleShape;

fn files(folder: &Path, titles: u64, seed: u64) -> BTreeMap<String, String> {
    let options = SampleOptions {
        shape: SampleShape::Films,
        titles,
        output: folder.to_owned(),
        gzip: false,
        seed,
    };
    let written = crate::sample::write(&options, &|_| {}).unwrap();
    let read = |file: &crate::sample::SampleFile| {
        let name = file
            .path
            .file_name()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        (name, fs::read_to_string(&file.path).unwrap())
    };
    written.files.iter().map(read).collect()
}

fn records(text: &str) -> Vec<csv::StringRecord> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(text.as_bytes());
    reader.records().map(Result::unwrap).collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let first = files(&folder.path().join("a"), 500, 7);
    assert_eq!(first, files(&folder.path().join("b"), 500, 7));
    assert_ne!(first, files(&folder.path().join("c"), 500, 8));
    let names: Vec<_> = first.keys().map(String::as_str).collect();
    let expected = [
        "CUSR0000SS62031.csv",
        "links.csv",
        "movies_metadata.csv",
        "ratings.csv",
    ];
    assert_eq!(names, expected);
    assert!(files(folder.path(), 0, 7)["ratings.csv"].ends_with("timestamp\r\n"));
}

#[test]
fn films_have_the_odd_cases() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path(), 4_000, 1);
    let films = &files["movies_metadata.csv"];
    let records = records(films);
    let shifted: Vec<_> = records.iter().filter(|record| record.len() == 15).collect();
    assert_eq!(shifted.len(), 3);
    assert!(shifted.iter().all(|record| record[5].ends_with("-08-20")));
    let whole: Vec<_> = records.iter().filter(|record| record.len() == 24).collect();
    let ids: BTreeSet<&str> = whole.iter().map(|record| &record[5]).collect();
    assert_eq!(
        (ids.len(), whole.len()),
        (4_000, 4_002),
        "two are told twice"
    );
    let has = |test: &dyn Fn(&csv::StringRecord) -> bool| whole.iter().any(|record| test(record));
    assert!(has(&|record| record[9].contains("\r\n")));
    assert!(has(&|record| record[9].contains('"')));
    assert!(has(
        &|record| record[12].contains("\"") && record[12].contains('\'')
    ));
    assert!(has(&|record| record[12].contains("\\'")));
    assert!(has(&|record| record[12].contains("\\xa0")));
    assert!(has(&|record| record[1].contains("None")));
    assert!(has(&|record| &record[3] == "[]"));
    assert!(has(&|record| record[10].contains("e-06")));
    assert!(has(&|record| record[14].is_empty()) && has(&|record| &record[15] == "0"));
}

#[test]
fn ratings_find_most_films_through_links() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path(), 1_000, 3);
    let links = records(&files["links.csv"]);
    let linked: BTreeSet<&str> = links.iter().map(|link| &link[0]).collect();
    assert!(links.iter().any(|link| link[2].is_empty()));
    let tmdb: Vec<&str> = links.iter().map(|link| &link[2]).collect();
    assert!(tmdb.iter().collect::<BTreeSet<_>>().len() < tmdb.len());
    let ratings = records(&files["ratings.csv"]);
    assert_eq!(ratings.len() as u64, 22_000);
    let found = ratings
        .iter()
        .filter(|rating| linked.contains(&rating[1]))
        .count();
    assert!(found > 21_000 && found < 22_000, "{found}");
    assert!(
        ratings
            .iter()
            .all(|rating| (0.5..=5.0).contains(&rating[2].parse::<f64>().unwrap()))
    );
    let prices = records(&files["CUSR0000SS62031.csv"]);
    assert_eq!(prices.len(), 12 * 23);
    assert_eq!(prices.iter().filter(|month| &month[1] == ".").count(), 1);
}

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::sync::LazyLock;

use super::{FILES, SampleOptions, SampleShape, SampleSummary, write};

const TITLES: u64 = 50_000;

/// The text of each file, by its name.
type Sample = HashMap<&'static str, String>;

/// One sample for the tests that only read.
static SAMPLE: LazyLock<Sample> = LazyLock::new(|| sample(TITLES, 7));

fn sample_in(folder: &Path, titles: u64, seed: u64, gzip: bool) -> SampleSummary {
    let output = folder.join("new/folder");
    write(
        &SampleOptions {
            shape: SampleShape::Imdb,
            titles,
            output,
            gzip,
            seed,
        },
        &|_| {},
    )
    .unwrap()
}

fn sample(titles: u64, seed: u64) -> Sample {
    let folder = tempfile::tempdir().unwrap();
    let summary = sample_in(folder.path(), titles, seed, false);
    let read = |position: usize| fs::read_to_string(&summary.files[position].path).unwrap();
    (0..FILES.len())
        .map(|position| (FILES[position].0, read(position)))
        .collect()
}

fn rows(name: &str) -> impl Iterator<Item = Vec<&'static str>> {
    SAMPLE[name]
        .lines()
        .skip(1)
        .map(|line| line.split('\t').collect())
}

fn share(count: usize, of: usize) -> f64 {
    count as f64 / of as f64
}

#[test]
fn every_line_has_the_columns_of_the_header() {
    for (name, header) in FILES {
        let text = &SAMPLE[name];
        assert!(text.starts_with(header) && text.ends_with('\n') && !text.contains('\r'));
        let columns = header.split('\t').count();
        for line in text.lines() {
            let fields = line.split('\t');
            assert!(
                fields.clone().all(|field| !field.is_empty()),
                "{name}: {line}"
            );
            assert_eq!(fields.count(), columns, "{name}: {line}");
        }
    }
}

#[test]
fn ids_increase_and_have_gaps() {
    for (name, _) in FILES {
        let ids: Vec<u64> = rows(name)
            .map(|row| {
                assert!(row[0].len() >= 9, "{}", row[0]);
                row[0][2..].parse().unwrap()
            })
            .collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{name}");
        assert!(ids.windows(2).any(|pair| pair[0] + 1 < pair[1]), "{name}");
    }
}

#[test]
fn the_crew_file_has_the_titles_of_the_basics_file() {
    assert!(
        rows("title.basics.tsv")
            .map(|row| row[0])
            .eq(rows("title.crew.tsv").map(|row| row[0]))
    );
    assert_eq!(rows("title.basics.tsv").count() as u64, TITLES);
    assert_eq!(rows("name.basics.tsv").count() as u64, TITLES * 6 / 5);
}

#[test]
fn the_shares_are_those_of_the_real_files() {
    let all = TITLES as usize;
    let ratings: Vec<Vec<&str>> = rows("title.ratings.tsv").collect();
    assert!((0.10..=0.16).contains(&share(ratings.len(), all)));
    for row in &ratings {
        let (average, votes): (f64, u32) = (row[1].parse().unwrap(), row[2].parse().unwrap());
        assert!(
            (1.0..=10.0).contains(&average) && row[1].contains('.') && votes >= 5,
            "{row:?}"
        );
    }
    let episodes = rows("title.basics.tsv")
        .filter(|row| row[1] == "tvEpisode")
        .count();
    assert!((0.75..0.79).contains(&share(episodes, all)));
    let nulls = |column: usize| {
        rows("title.crew.tsv")
            .filter(|row| row[column] == "\\N")
            .count()
    };
    assert!((0.41..0.45).contains(&share(nulls(1), all)));
    assert!((0.47..0.51).contains(&share(nulls(2), all)));
}

#[test]
fn the_odd_cases_are_there() {
    let some = |name: &'static str, odd: &dyn Fn(&[&str]) -> bool| rows(name).any(|row| odd(&row));
    let basics = "title.basics.tsv";
    assert!(some(basics, &|row| row[2].starts_with('"')
        && row[2][1..].ends_with('"')));
    assert!(some(basics, &|row| row[2].starts_with('"')
        && row[2].matches('"').count() == 1));
    assert!(some(basics, &|row| !row[2].starts_with('"')
        && row[2].matches('"').count() == 2));
    assert!(some(basics, &|row| row[2].contains('\'')));
    assert!(some(basics, &|row| row[2].len() > 200));
    assert!(some(basics, &|row| row[2].contains('🎬')));
    assert!(some(basics, &|row| row[2] != row[3] && !row[3].is_ascii()));
    assert!(some(basics, &|row| row[1] == "tvSeries" && row[6] != "\\N"));
    assert!(!some(basics, &|row| row[1] == "tvEpisode" && row[6] != "\\N"));
    for genres in rows(basics).map(|row| row[8]) {
        let genres: Vec<&str> = genres.split(',').collect();
        assert!(
            genres.is_sorted() && (1..=3).contains(&genres.len()),
            "{genres:?}"
        );
    }
    assert!(some("name.basics.tsv", &|row| row[1].contains(", ")));
    assert!(some("name.basics.tsv", &|row| row[1] == "\\N"));

    let people: HashSet<&str> = rows("name.basics.tsv").map(|row| row[0]).collect();
    let lists: Vec<Vec<&str>> = rows("title.crew.tsv")
        .flat_map(|row| [row[1], row[2]])
        .filter(|list| *list != "\\N")
        .map(|list| list.split(',').collect())
        .collect();
    let longest = lists.iter().map(Vec::len).max().unwrap();
    assert!(longest >= 100, "{longest}");
    assert!(
        lists
            .iter()
            .any(|list| list.iter().collect::<HashSet<_>>().len() < list.len())
    );
    let mut credits: HashMap<&str, usize> = HashMap::new();
    lists
        .iter()
        .flatten()
        .for_each(|person| *credits.entry(person).or_default() += 1);
    let dangling = credits
        .iter()
        .filter(|(person, _)| !people.contains(*person))
        .map(|(_, count)| count)
        .sum();
    assert!((0.003..0.007).contains(&share(dangling, credits.values().sum())));
    assert!(*credits.values().max().unwrap() > 100);
}

#[test]
fn a_seed_gives_the_same_bytes_each_time() {
    assert_eq!(sample(25_000, 1), sample(25_000, 1));
    assert_ne!(sample(1_000, 1), sample(1_000, 2));
    // Sizes around nothing have nobody to credit.
    for titles in 0..4 {
        assert_eq!(
            sample(titles, 1)["title.crew.tsv"].lines().count() as u64,
            1 + titles
        );
    }
    // A change of these numbers is a change of everybody's samples.
    let sizes = FILES.map(|(name, _)| SAMPLE[name].len());
    let sums = FILES.map(|(name, _)| {
        SAMPLE[name]
            .bytes()
            .fold(0u32, |sum, byte| sum.rotate_left(5) ^ u32::from(byte))
    });
    assert_eq!(sizes, [4_183_700, 1_431_239, 109_171, 4_019_420]);
    assert_eq!(
        sums,
        [868_642_416, 3_542_212_201, 4_136_162_425, 464_488_577]
    );
}

#[test]
fn compressed_files_hold_what_plain_ones_do() {
    let folder = tempfile::tempdir().unwrap();
    let summary = sample_in(folder.path(), TITLES, 7, true);
    for ((name, _), file) in FILES.iter().zip(&summary.files) {
        assert!(file.path.ends_with(format!("{name}.gz")));
        assert_eq!(fs::metadata(&file.path).unwrap().len(), file.bytes);
        let mut text = String::new();
        flate2::read::GzDecoder::new(fs::File::open(&file.path).unwrap())
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, SAMPLE[name]);
        assert_eq!(text.lines().count() as u64, 1 + file.rows);
    }
    assert_eq!(
        fs::read_dir(folder.path().join("new/folder"))
            .unwrap()
            .count(),
        FILES.len()
    );
}

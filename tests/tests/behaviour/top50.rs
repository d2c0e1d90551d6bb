//! `imdb_top50` over lists that change at random: what a second run of the same list adds.

use std::fs;
use std::path::Path;

use cinemill_tests::processes::{Cinemill, assert_code, text};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use tempfile::TempDir;

const HEADER: &str = "imdb_movie_id,title,release_year,certificate,run_time_min,imdb_rating,\
    metascore,description,num_voted_users,gross,genre,ranked_genre,ranking_by_genre,director,cast";

/// Two lists of three of five films, whose titles and votes change now and then.
fn scraped(random: &mut ChaCha8Rng) -> String {
    let mut text = HEADER.to_owned();
    let mut films = [1, 2, 3, 4, 5].map(|film| {
        let (title, votes) = (random.random_range(0..3), random.random_range(1..4));
        format!("tt{film},Film {title},1999,NULL,90,8.0,-1,A.,{votes},-1,\"Action,War\"")
    });
    for genre in ["Action", "War"] {
        let shift = random.random_range(0..films.len());
        films.rotate_left(shift);
        for (place, film) in films.iter().take(3).enumerate() {
            let place = place + 1;
            text += &format!("\r\n{film},{genre},{place},Ann@nm1,NULL");
        }
    }
    text
}

/// The number of rows of each table, by its name.
fn rows(output: &Path) -> Vec<(String, u64)> {
    let manifest = fs::read(output.join("_manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let tables = manifest["cinemill"]["tables"].as_array().unwrap().iter();
    let rows = |table: &Value| {
        let name = table["name"].as_str().unwrap().to_owned();
        (name, table["rows"].as_u64().unwrap())
    };
    tables.map(rows).collect()
}

/// Both on the same day: a change is kept, and the same list again adds nothing to any table.
#[test]
fn a_list_that_did_not_change_adds_nothing() {
    let folder = TempDir::new().unwrap();
    let output = folder.path().join("top");
    let run = || {
        let (input, output) = (text(folder.path()).unwrap(), text(&output).unwrap());
        let arguments = ["run", "imdb_top50", "--input", &input, "--output", &output];
        let ended = Cinemill::default().run(&arguments).unwrap();
        assert_code(&ended, 0, &[]);
        rows(Path::new(&output))
    };
    let mut random = ChaCha8Rng::seed_from_u64(50);
    let mut before = Vec::new();
    for _ in 0..2 {
        let list = scraped(&mut random);
        fs::write(folder.path().join("movie_output.csv"), list).unwrap();
        let after = run();
        assert_ne!(after, before);
        before = run();
        assert_eq!(after, before);
    }
}

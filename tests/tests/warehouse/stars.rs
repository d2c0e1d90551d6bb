//! A job with three tables that refer to each other: films in versions, days, places.

use std::fs;
use std::path::Path;

pub const JOB: &str = "stars";
pub const TABLES: [&str; 3] = ["day_dim", "film_dim", "place_fact"];

const JOB_TOML: &str = r#"
description = "Places of films"
[inputs.films]
file = "films.csv"
format = "csv"
schema = "film_key INT, film STRING, title STRING, ended INT"
[inputs.places]
file = "places.csv"
format = "csv"
schema = "day_key INT, film_key INT, place INT"
[outputs.day_dim]
key = ["day_key"]
[outputs.film_dim]
key = ["film_key"]
[outputs.place_fact]
key = ["day_key", "film_key"]
[[expect]]
table = "place_fact"
references = { columns = ["film_key"], table = "film_dim" }
[[expect]]
table = "place_fact"
range = { place = { min = 1, max = 50 } }
[load.tables.day_dim]
mode = "append_new"
[load.tables.film_dim]
mode = "merge"
comment = "One row per version of a film"
[load.tables.place_fact]
mode = "append_new"
sort_key = ["day_key"]
"#;

const RELATIONS: [(&str, &str); 3] = [
    ("day_dim", "SELECT DISTINCT day_key FROM places"),
    (
        "film_dim",
        "SELECT film_key, film, title, ended, ended IS NULL AS is_current FROM films",
    ),
    ("place_fact", "SELECT day_key, film_key, place FROM places"),
];

/// Films, and their places on days.
pub struct Stars {
    pub films: &'static [&'static str],
    pub places: &'static [&'static str],
}

pub const OLD: Stars = Stars {
    films: &["1,f1,Metropolis,", "2,f2,Nosferatu,"],
    places: &["20261121,1,1", "20261121,2,2"],
};

/// The next day: a film has a second version, and only its place has changed.
pub const NEW: Stars = Stars {
    films: &[
        "1,f1,Metropolis,20261122",
        "2,f2,Nosferatu,",
        "3,f1,Metropolis!,",
    ],
    places: &["20261121,1,1", "20261121,2,2", "20261122,3,2"],
};

/// Writes the catalogue.
pub fn write_job(catalog: &Path) {
    let folder = catalog.join(JOB);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("job.toml"), JOB_TOML).unwrap();
    for (name, sql) in RELATIONS {
        fs::write(folder.join(format!("{name}.sql")), sql).unwrap();
    }
}

/// Writes the input.
pub fn write_rows(folder: &Path, stars: &Stars) {
    fs::create_dir_all(folder).unwrap();
    for (file, header, rows) in [
        ("films.csv", "film_key,film,title,ended", stars.films),
        ("places.csv", "day_key,film_key,place", stars.places),
    ] {
        let text = format!("{header}\n{}\n", rows.join("\n"));
        fs::write(folder.join(file), text).unwrap();
    }
}

//! `movies_metadata.csv`: films, with genres and companies as Python literals.

use cinemill_engine::error::Result;

use super::Lines;
use super::literal::{field, list, text};
use crate::sample::random::{Dice, Ids, Purpose};
use crate::sample::text::push_phrase;
use crate::sample::words::LATIN;

const HEADER: &str = "adult,belongs_to_collection,budget,genres,homepage,id,imdb_id,\
original_language,original_title,overview,popularity,poster_path,production_companies,\
production_countries,release_date,revenue,runtime,spoken_languages,status,tagline,title,video,\
vote_average,vote_count\r\n";

/// A genre with its id, how often a film has it (of 100,000), and how well it earns, in percent.
const GENRES: [(u64, &str, u32, u64); 20] = [
    (18, "Drama", 20_000, 80),
    (35, "Comedy", 15_000, 105),
    (53, "Thriller", 9_000, 110),
    (10749, "Romance", 8_000, 85),
    (28, "Action", 7_500, 170),
    (27, "Horror", 6_000, 75),
    (80, "Crime", 5_000, 100),
    (99, "Documentary", 5_000, 15),
    (12, "Adventure", 4_000, 210),
    (878, "Science Fiction", 4_000, 165),
    (10751, "Family", 3_000, 180),
    (9648, "Mystery", 2_700, 95),
    (14, "Fantasy", 2_500, 190),
    (16, "Animation", 2_300, 220),
    (10769, "Foreign", 1_700, 20),
    (10402, "Music", 1_500, 70),
    (36, "History", 1_200, 90),
    (10752, "War", 1_100, 95),
    (37, "Western", 900, 60),
    (10770, "TV Movie", 600, 5),
];

/// What films of a month earn, in percent: summer and the end of the year are good.
const MONTHS: [u64; 12] = [55, 65, 80, 85, 140, 175, 160, 90, 60, 75, 120, 165];
const LANGUAGES: [(&str, &str); 5] = [
    ("en", "English"),
    ("fr", "Français"),
    ("de", "Deutsch"),
    ("ja", "日本語"),
    ("it", "Italiano"),
];
const COUNTRIES: [(&str, &str); 4] = [
    ("US", "United States of America"),
    ("GB", "United Kingdom"),
    ("FR", "France"),
    ("JP", "Japan"),
];

/// One in so many records is told twice, with other votes.
const REPEATED: u64 = 1_500;
/// Where broken records stand, in parts of the file, if it is long enough.
const BROKEN_PARTS: u64 = 4;
const BROKEN_FILMS_MIN: u64 = 400;
const FIRST_YEAR: u32 = 1930;
const LAST_YEAR: u32 = 2017;

/// What the files agree on.
pub(super) struct Catalogue {
    seed: u64,
    ids: Ids,
    pub films: u64,
    companies: Vec<String>,
}

impl Catalogue {
    pub fn new(seed: u64, films: u64) -> Self {
        let mut dice = Dice::new(seed, super::BLOCK + 1, Purpose::Names);
        let count = (films / 3).max(12);
        Self {
            seed,
            ids: Ids::new(seed),
            films,
            companies: (0..count).map(|_| company(&mut dice)).collect(),
        }
    }

    /// TMDB's number of a film.
    pub fn film_id(&self, position: u64) -> u64 {
        self.ids.title(position)
    }

    /// How well a film is liked, in tenths from 20 to 90; the same wherever it is asked for.
    pub fn quality(&self, position: u64) -> u32 {
        let mut dice = Dice::new(self.seed, super::BLOCK + 2 + position, Purpose::Ratings);
        (0..4).map(|_| dice.below(18)).sum::<u32>() + 20
    }
}

fn company(dice: &mut Dice) -> String {
    const ENDINGS: [&str; 6] = [
        " Pictures",
        " Films",
        " Productions",
        " Studio",
        "'s Company",
        "",
    ];
    let mut name = word(dice);
    if dice.chance(300) {
        // What the original has as an escape.
        name.push('\u{a0}');
    }
    if dice.chance(200) {
        name = format!("\"{name}\" d'Art");
    }
    name + dice.pick(&ENDINGS)
}

fn word(dice: &mut Dice) -> String {
    let mut bytes = Vec::new();
    LATIN.push_word(&mut bytes, dice);
    String::from_utf8(bytes).unwrap_or_default()
}

fn phrase(dice: &mut Dice) -> String {
    let mut bytes = Vec::new();
    push_phrase(&mut bytes, dice);
    String::from_utf8(bytes).unwrap_or_default()
}

pub(super) fn write(lines: &mut Lines, catalogue: &Catalogue, dice: &mut Dice) -> Result<()> {
    lines.header(HEADER);
    for position in 0..catalogue.films {
        let film = Film::draw(catalogue, dice, position);
        lines.row(&film.record())?;
        if position % REPEATED == REPEATED - 1 {
            let mut again = film;
            again.votes += dice.below(20);
            lines.row(&again.record())?;
        }
        let part = catalogue.films / BROKEN_PARTS;
        if catalogue.films >= BROKEN_FILMS_MIN && position > 0 && position % part == 0 {
            broken(lines, catalogue, dice)?;
        }
    }
    Ok(())
}

struct Film {
    id: u64,
    title: String,
    original_title: String,
    overview: String,
    tagline: String,
    collection: String,
    genres: String,
    companies: String,
    language: usize,
    country: usize,
    /// `YYYY-MM-DD`, or nothing.
    released: String,
    budget: String,
    revenue: String,
    runtime: String,
    popularity: String,
    quality: u32,
    votes: u32,
    is_adult: bool,
}

impl Film {
    fn draw(catalogue: &Catalogue, dice: &mut Dice, position: u64) -> Self {
        let title = phrase(dice);
        let (genres, earns) = genres(dice);
        let released = (!dice.chance(100)).then(|| release(dice));
        let quality = catalogue.quality(position);
        // A long tail: each doubling is a little less likely than the one before it.
        let mut doublings = 0;
        while doublings < 12 && dice.chance(62_000) {
            doublings += 1;
        }
        let votes = dice.below(8 << doublings);
        let month = released.map_or(1, |(_, month, _)| month);
        let size = 1 + dice.below_u64(4_000 << (doublings / 2));
        let budget = 200_000 + size * 150;
        let earned = size * 3 * earns * MONTHS[month as usize - 1] * u64::from(quality) / 2_000;
        let language = if dice.chance(72_000) {
            0
        } else {
            dice.below(5) as usize
        };
        Self {
            id: catalogue.film_id(position),
            original_title: if dice.chance(8_000) {
                phrase(dice)
            } else {
                title.clone()
            },
            title,
            overview: overview(dice),
            tagline: if dice.chance(45_000) {
                phrase(dice)
            } else {
                String::new()
            },
            collection: collection(dice),
            genres,
            companies: companies(catalogue, dice),
            language,
            country: dice.below(4) as usize,
            released: released.map_or_else(String::new, |(year, month, day)| {
                format!("{year}-{month:02}-{day:02}")
            }),
            // 0 means unknown.
            budget: if dice.chance(45_000) {
                budget.to_string()
            } else {
                "0".to_owned()
            },
            revenue: match dice.below(1_000) {
                0..480 => earned.to_string(),
                480..483 => format!("{earned}.0"),
                _ => "0".to_owned(),
            },
            runtime: if dice.chance(600) {
                String::new()
            } else {
                format!("{}.0", dice.between(60, 170))
            },
            popularity: popularity(dice, doublings),
            quality,
            votes,
            is_adult: dice.chance(20),
        }
    }

    fn record(&self) -> String {
        let (code, language) = LANGUAGES[self.language];
        let (country_code, country) = COUNTRIES[self.country];
        let countries = format!("[{{'iso_3166_1': '{country_code}', 'name': '{country}'}}]");
        let languages = format!("[{{'iso_639_1': '{code}', 'name': '{language}'}}]");
        let adult = if self.is_adult { "True" } else { "False" };
        let fields = [
            adult.to_owned(),
            self.collection.clone(),
            self.budget.clone(),
            self.genres.clone(),
            String::new(),
            self.id.to_string(),
            format!("tt{:07}", self.id),
            code.to_owned(),
            self.original_title.clone(),
            self.overview.clone(),
            self.popularity.clone(),
            format!("/{:x}.jpg", self.id * 0x9e37_79b9),
            self.companies.clone(),
            countries,
            self.released.clone(),
            self.revenue.clone(),
            self.runtime.clone(),
            languages,
            "Released".to_owned(),
            self.tagline.clone(),
            self.title.clone(),
            "False".to_owned(),
            format!("{}.{}", self.quality / 10, self.quality % 10),
            self.votes.to_string(),
        ];
        fields.map(|value| field(&value)).join(",") + "\r\n"
    }
}

/// One to four genres, none now and then, and what such a film earns, in percent.
fn genres(dice: &mut Dice) -> (String, u64) {
    if dice.chance(2_500) {
        return ("[]".to_owned(), 40);
    }
    let mut chosen: Vec<(u64, &str)> = Vec::new();
    let mut earns = 0;
    for _ in 0..dice.between(1, 4) {
        let &(id, name, _, percent) = dice.weighted(&GENRES, |genre| genre.2);
        if !chosen.iter().any(|(own, _)| *own == id) {
            chosen.push((id, name));
            earns += percent;
        }
    }
    let count = chosen.len() as u64;
    (list(chosen.into_iter(), false), earns / count)
}

fn companies(catalogue: &Catalogue, dice: &mut Dice) -> String {
    let count = [0, 1, 1, 1, 2, 2, 3, 5][dice.below(8) as usize];
    let known = catalogue.companies.len() as u64;
    let drawn: Vec<u64> = (0..count).map(|_| dice.rank(known)).collect();
    let entries = drawn
        .iter()
        .map(|&rank| (2 * rank + 3, catalogue.companies[rank as usize].as_str()));
    list(entries, true)
}

fn collection(dice: &mut Dice) -> String {
    if !dice.chance(10_000) {
        return String::new();
    }
    let name = format!("{} Collection", word(dice));
    let id = dice.between(1_000, 400_000);
    format!(
        "{{'id': {id}, 'name': {}, 'poster_path': None, 'backdrop_path': None}}",
        text(&name)
    )
}

/// Some sentences, among them quotes, and line breaks within the field.
fn overview(dice: &mut Dice) -> String {
    let mut overview = format!(
        "{} meets {}, and nothing stays as it was.",
        word(dice),
        word(dice)
    );
    if dice.chance(20_000) {
        overview += &format!(" \"{}\", they say.", phrase(dice));
    }
    if dice.chance(500) {
        overview += "\r\nBased on a true story.";
    }
    overview
}

/// Mostly recent years; the first of January stands for an unknown day.
fn release(dice: &mut Dice) -> (u32, u32, u32) {
    let span = LAST_YEAR - FIRST_YEAR + 1;
    let year = LAST_YEAR - dice.below(span) * dice.below(span) / span;
    match dice.chance(3_000) {
        true => (year, 1, 1),
        false => (year, dice.between(1, 12), dice.between(1, 28)),
    }
}

fn popularity(dice: &mut Dice, doublings: u32) -> String {
    let millionths = u64::from(dice.below(400_000)) * (1 << doublings) / 4;
    match dice.chance(60) {
        true => format!("{}e-06", dice.between(1, 9)),
        false => format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000),
    }
}

/// As in the original three times: a record that ends with its overview, and the rest of it as a
/// record of its own, in which a date stands for the id and companies for the genres.
fn broken(lines: &mut Lines, catalogue: &Catalogue, dice: &mut Dice) -> Result<()> {
    let id = catalogue.film_id(catalogue.films + dice.below_u64(1_000));
    let (title, year) = (phrase(dice), dice.between(1990, 2014));
    let head = [
        "False",
        "",
        "0",
        "[]",
        "",
        &id.to_string(),
        "tt0999999",
        "en",
        &title,
        " - ",
    ];
    lines.row(&(head.map(field).join(",") + "\r\n"))?;
    let companies = companies(catalogue, dice);
    let released = format!("{year}-08-20");
    let rest = [
        " - Written by hand",
        "0.065736",
        "/broken.jpg",
        &companies,
        "[{'iso_3166_1': 'US', 'name': 'United States of America'}]",
        &released,
        "0",
        "104.0",
        "[{'iso_639_1': 'en', 'name': 'English'}]",
        "Released",
        "",
        &title,
        "False",
        "6.0",
        "1",
    ];
    lines.row(&(rest.map(field).join(",") + "\r\n"))
}

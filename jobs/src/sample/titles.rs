//! Rows of `title.basics` and `title.ratings`.

use super::random::{Dice, push_null, push_number, push_title_id};
use super::text;
use super::words::{COMMON_GENRES, GENRES};

const FIRST_YEAR: u32 = 1890;
const LAST_YEAR: u32 = 2026;

/// What the titles of one type are like; shares are out of 100,000.
pub(super) struct TitleType {
    name: &'static str,
    share: u32,
    rated: u32,
    runtime_known: u32,
    runtime_min: u32,
    runtime_max: u32,
    pub is_episode: bool,
    /// Only these can have an end year.
    is_series: bool,
}

const fn title_type(
    name: &'static str,
    share: u32,
    rated: u32,
    runtime: (u32, u32, u32),
) -> TitleType {
    TitleType {
        name,
        share,
        rated,
        runtime_known: runtime.0,
        runtime_min: runtime.1,
        runtime_max: runtime.2,
        is_episode: false,
        is_series: false,
    }
}

/// The shares are those of IMDb's files, and the ratings come to about 13 %.
const TYPES: &[TitleType] = &[
    TitleType {
        is_episode: true,
        ..title_type("tvEpisode", 77_000, 8_500, (22_000, 10, 62))
    },
    title_type("short", 9_000, 15_000, (65_000, 1, 40)),
    title_type("movie", 6_500, 45_000, (68_000, 55, 185)),
    title_type("video", 2_600, 18_000, (60_000, 15, 140)),
    TitleType {
        is_series: true,
        ..title_type("tvSeries", 2_400, 42_000, (40_000, 10, 90))
    },
    title_type("tvMovie", 1_260, 38_000, (65_000, 45, 125)),
    TitleType {
        is_series: true,
        ..title_type("tvMiniSeries", 560, 35_000, (45_000, 20, 420))
    },
    title_type("tvSpecial", 400, 25_000, (60_000, 20, 180)),
    title_type("videoGame", 200, 40_000, (2_000, 30, 600)),
    title_type("tvShort", 75, 20_000, (70_000, 2, 30)),
    title_type("tvPilot", 5, 20_000, (50_000, 20, 60)),
];

const SHORT: u32 = 22;
const ADULT: u32 = 1;

/// Appends one line of `title.basics` and says what type the title got.
pub(super) fn push_basics(out: &mut Vec<u8>, dice: &mut Dice, id: u64) -> &'static TitleType {
    let kind = dice.weighted(TYPES, |kind| kind.share);
    push_title_id(out, id);
    out.push(b'\t');
    out.extend_from_slice(kind.name.as_bytes());
    out.push(b'\t');
    text::push_titles(out, dice, kind.is_episode);
    let is_adult = !kind.is_episode && dice.chance(3_000) || kind.is_episode && dice.chance(800);
    out.extend_from_slice(if is_adult { b"\t1\t" } else { b"\t0\t" });
    push_years(out, dice, kind);
    out.push(b'\t');
    push_runtime(out, dice, kind);
    out.push(b'\t');
    push_genres(out, dice, kind, is_adult);
    out.push(b'\n');
    kind
}

fn push_years(out: &mut Vec<u8>, dice: &mut Dice, kind: &TitleType) {
    if dice.chance(11_000) {
        out.extend_from_slice(b"\\N\t\\N");
        return;
    }
    // The product of two draws lies near 0 most of the time: mostly recent years.
    let span = LAST_YEAR - FIRST_YEAR + 1;
    let start = LAST_YEAR - dice.below(span) * dice.below(span) / span;
    push_number(out, u64::from(start), 4);
    out.push(b'\t');
    if kind.is_series && dice.chance(45_000) {
        let end = (start + dice.below(6) * dice.below(5)).min(LAST_YEAR);
        push_number(out, u64::from(end), 4);
    } else {
        push_null(out);
    }
}

fn push_runtime(out: &mut Vec<u8>, dice: &mut Dice, kind: &TitleType) {
    if !dice.chance(kind.runtime_known) {
        push_null(out);
    } else if dice.chance(20) {
        // Some run for days.
        push_number(out, u64::from(dice.between(600, 52_000)), 1);
    } else {
        push_number(
            out,
            u64::from(dice.between(kind.runtime_min, kind.runtime_max)),
            1,
        );
    }
}

/// One to three genres. They are gathered as bits, which puts them in alphabetical order.
fn push_genres(out: &mut Vec<u8>, dice: &mut Dice, kind: &TitleType, is_adult: bool) {
    if dice.chance(4_500) {
        push_null(out);
        return;
    }
    let mut genres = 0u32;
    if kind.name == "short" || kind.name == "tvShort" {
        genres |= 1 << SHORT;
    }
    if is_adult {
        genres |= 1 << ADULT;
    }
    let wanted = [1, 1, 1, 2, 2, 3][dice.below(6) as usize].max(genres.count_ones());
    while genres.count_ones() < wanted {
        genres |= 1 << COMMON_GENRES[dice.below(COMMON_GENRES.len() as u32) as usize];
    }
    let first = out.len();
    for (position, genre) in GENRES.iter().enumerate() {
        if genres & (1 << position) != 0 {
            if out.len() > first {
                out.push(b',');
            }
            out.extend_from_slice(genre.as_bytes());
        }
    }
}

/// Appends one line of `title.ratings`, or none for a title without enough votes.
pub(super) fn push_rating(out: &mut Vec<u8>, dice: &mut Dice, id: u64, kind: &TitleType) -> bool {
    if !dice.chance(kind.rated) {
        return false;
    }
    // Four dice make a bell around 7.0; a few ratings lie anywhere.
    let tenths = if dice.chance(1_000) {
        dice.between(10, 100)
    } else {
        let sum: u32 = (0..4).map(|_| dice.below(28)).sum();
        (16 + sum).clamp(10, 100)
    };
    // Each doubling is a little less likely than the one before it: a long tail.
    let mut doublings = 0;
    while doublings < 18 && dice.chance(60_000) {
        doublings += 1;
    }
    let votes = 5 + dice.below(8 << doublings);
    push_title_id(out, id);
    out.push(b'\t');
    push_number(out, u64::from(tenths / 10), 1);
    out.push(b'.');
    push_number(out, u64::from(tenths % 10), 1);
    out.push(b'\t');
    push_number(out, u64::from(votes), 1);
    out.push(b'\n');
    true
}

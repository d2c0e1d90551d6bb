//! `ratings.csv` and `links.csv`: what MovieLens' users say, and which film each of its numbers is.

use cinemill_engine::error::Result;

use super::Lines;
use super::metadata::Catalogue;
use crate::sample::random::Dice;

/// Ratings per film, on the average.
const PER_FILM: u64 = 22;
/// Films whose number links.csv lacks.
const UNLINKED: u32 = 300;
/// Films that stand there without TMDB's number.
const WITHOUT_TMDB: u32 = 500;
/// Films that have two numbers.
const DOUBLED: u32 = 100;
const FIRST_SECOND: u64 = 789_652_009;
const SECONDS: u64 = 712_000_000;

/// MovieLens' number of a film: never TMDB's.
fn number(position: u64) -> u64 {
    position + 1
}

/// The second number of some films.
fn second_number(catalogue: &Catalogue, position: u64) -> u64 {
    2 * catalogue.films + position
}

pub(super) fn write_ratings(
    lines: &mut Lines,
    catalogue: &Catalogue,
    dice: &mut Dice,
) -> Result<()> {
    lines.header("userId,movieId,rating,timestamp\r\n");
    let films = catalogue.films;
    if films == 0 {
        return Ok(());
    }
    let mut left = films * PER_FILM;
    let mut user = 0;
    while left > 0 {
        user += 1;
        let count = u64::from(dice.between(10, 30)) << dice.below(4);
        let mut moment = FIRST_SECOND + dice.below_u64(SECONDS);
        for _ in 0..count.min(left) {
            moment += u64::from(dice.below(400));
            let position = dice.rank(films);
            let movie = match dice.chance(20) {
                true => second_number(catalogue, position),
                false => number(position),
            };
            let (whole, tenth) = stars(catalogue.quality(position), dice);
            lines.row(&format!("{user},{movie},{whole}.{tenth},{moment}\r\n"))?;
        }
        left -= count.min(left);
    }
    Ok(())
}

/// From 0.5 to 5.0 in halves, around what the film is worth.
fn stars(quality: u32, dice: &mut Dice) -> (u32, u32) {
    let noise: u32 = (0..3).map(|_| dice.below(5)).sum();
    let halves = (quality / 10 + noise).saturating_sub(6).clamp(1, 10);
    (halves / 2, halves % 2 * 5)
}

pub(super) fn write_links(lines: &mut Lines, catalogue: &Catalogue, dice: &mut Dice) -> Result<()> {
    lines.header("movieId,imdbId,tmdbId\r\n");
    for position in 0..catalogue.films {
        let id = catalogue.film_id(position);
        if dice.chance(UNLINKED) {
            continue;
        }
        let tmdb = match dice.chance(WITHOUT_TMDB) {
            true => String::new(),
            false => id.to_string(),
        };
        lines.row(&format!("{},{id:07},{tmdb}\r\n", number(position)))?;
        if dice.chance(DOUBLED) {
            lines.row(&format!(
                "{},{id:07},{id}\r\n",
                second_number(catalogue, position)
            ))?;
        }
    }
    Ok(())
}

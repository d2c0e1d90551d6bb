//! Rows of `name.basics`, and who gets the credits of `title.crew`.

use super::random::{ALWAYS, Dice, Ids, push_null, push_number, push_person_id, push_title_id};
use super::words::SCRIPTS;

const PROFESSIONS: &[&str] = &[
    "actor",
    "actress",
    "producer",
    "writer",
    "director",
    "miscellaneous",
    "camera_department",
    "editor",
    "cinematographer",
    "composer",
    "art_department",
    "sound_department",
    "music_department",
    "visual_effects",
    "assistant_director",
    "make_up_department",
    "animation_department",
    "archive_footage",
    "soundtrack",
    "stunts",
];

/// How many there are to refer to.
#[derive(Clone, Copy)]
pub(super) struct Cast {
    pub ids: Ids,
    pub titles: u64,
    pub people: u64,
}

/// Appends one line of `name.basics`.
pub(super) fn push_person(out: &mut Vec<u8>, dice: &mut Dice, cast: Cast, position: u64) {
    push_person_id(out, cast.ids.person(position));
    out.push(b'\t');
    push_name(out, dice);
    out.push(b'\t');
    let birth = if dice.chance(5_000) {
        Some(dice.between(1850, 2010))
    } else {
        None
    };
    match birth {
        Some(year) => push_number(out, u64::from(year), 4),
        None => push_null(out),
    }
    out.push(b'\t');
    match birth {
        Some(year) if dice.chance(35_000) => {
            push_number(out, u64::from((year + dice.between(20, 95)).min(2026)), 4)
        }
        None if dice.chance(200) => push_number(out, u64::from(dice.between(1900, 2026)), 4),
        _ => push_null(out),
    }
    out.push(b'\t');
    push_professions(out, dice);
    out.push(b'\t');
    push_known_for(out, dice, cast);
    out.push(b'\n');
}

fn push_name(out: &mut Vec<u8>, dice: &mut Dice) {
    if dice.chance(20) {
        push_null(out);
        return;
    }
    let script = dice.weighted(SCRIPTS, |script| script.share);
    script.push_word(out, dice);
    if dice.chance(6_000) && !script.gap.is_empty() {
        out.extend_from_slice(script.gap.as_bytes());
        script.push_word(out, dice);
    }
    if !dice.chance(1_500) || script.gap.is_empty() {
        out.extend_from_slice(script.gap.as_bytes());
        script.push_word(out, dice);
    }
    if dice.chance(150) {
        out.extend_from_slice(
            dice.pick(&[", Jr.", ", Sr.", ", III", ", Ph.D."])
                .as_bytes(),
        );
    }
}

fn push_professions(out: &mut Vec<u8>, dice: &mut Dice) {
    if dice.chance(19_000) {
        push_null(out);
        return;
    }
    let wanted = [1, 1, 1, 1, 2, 3][dice.below(6) as usize];
    let first = dice.below(PROFESSIONS.len() as u32) as usize;
    for step in 0..wanted {
        if step > 0 {
            out.push(b',');
        }
        // A step that shares no factor with the length meets no profession twice.
        out.extend_from_slice(PROFESSIONS[(first + step * 7) % PROFESSIONS.len()].as_bytes());
    }
}

fn push_known_for(out: &mut Vec<u8>, dice: &mut Dice, cast: Cast) {
    if dice.chance(11_000) {
        push_null(out);
        return;
    }
    let wanted = [1, 1, 1, 1, 2, 3, 4][dice.below(7) as usize].min(cast.titles);
    let first = dice.below_u64(cast.titles);
    let step = 1 + dice.below_u64((cast.titles / 4).max(1));
    for turn in 0..wanted {
        if turn > 0 {
            out.push(b',');
        }
        push_title_id(out, cast.ids.title((first + turn * step) % cast.titles));
    }
}

/// What one list of `title.crew` is like.
struct ListShape {
    /// Out of 100,000 titles that are episodes, and of the others.
    null_for_episodes: u32,
    null_for_others: u32,
    /// Out of 100,000 lists: one entry, two entries, three to five.
    one: u32,
    two: u32,
    few: u32,
    has_repeats: bool,
}

/// The shares of nulls come to about 43 %.
const DIRECTORS: ListShape = ListShape {
    null_for_episodes: 47_000,
    null_for_others: 29_500,
    one: 90_000,
    two: 7_000,
    few: 2_500,
    has_repeats: false,
};

/// The shares of nulls come to about 49 %.
const WRITERS: ListShape = ListShape {
    null_for_episodes: 50_000,
    null_for_others: 45_700,
    one: 64_000,
    two: 22_000,
    few: 13_500,
    has_repeats: true,
};

/// The share of credits that point at nobody.
const DANGLING: u32 = 500;

/// Fills `title.crew`. It remembers who worked lately, since neighbouring titles are mostly
/// episodes of one series.
pub(super) struct Crew {
    cast: Cast,
    regulars: [u64; 4],
    directors: Vec<u64>,
    writers: Vec<u64>,
}

impl Crew {
    pub fn new(cast: Cast, dice: &mut Dice) -> Self {
        Self {
            cast,
            regulars: std::array::from_fn(|_| dice.below_u64(cast.people)),
            directors: Vec::new(),
            writers: Vec::new(),
        }
    }

    /// Appends one line of `title.crew`.
    pub fn push_title(&mut self, out: &mut Vec<u8>, dice: &mut Dice, id: u64, is_episode: bool) {
        if dice.chance(25_000) {
            self.regulars[dice.below(4) as usize] = self.draw_anyone(dice);
        }
        let mut directors = std::mem::take(&mut self.directors);
        let mut writers = std::mem::take(&mut self.writers);
        self.draw_list(&mut directors, dice, &DIRECTORS, is_episode);
        self.draw_list(&mut writers, dice, &WRITERS, is_episode);
        // Many write what they direct.
        if let (Some(director), Some(writer)) = (directors.first(), writers.first_mut())
            && dice.chance(30_000)
        {
            *writer = *director;
        }
        push_title_id(out, id);
        for list in [&directors, &writers] {
            out.push(b'\t');
            if list.is_empty() {
                push_null(out);
            }
            for (position, person) in list.iter().enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                push_person_id(out, *person);
            }
        }
        out.push(b'\n');
        self.directors = directors;
        self.writers = writers;
    }

    fn draw_list(&self, list: &mut Vec<u64>, dice: &mut Dice, shape: &ListShape, is_episode: bool) {
        list.clear();
        if dice.chance(if is_episode {
            shape.null_for_episodes
        } else {
            shape.null_for_others
        }) {
            return;
        }
        let wanted = draw_length(dice, shape);
        let has_repeats = shape.has_repeats && dice.chance(3_000);
        // In a tiny data set there may be too few people for the list: give up on those left.
        for _ in 0..wanted * 2 {
            if list.len() == wanted {
                break;
            }
            let person = if has_repeats && !list.is_empty() && dice.chance(50_000) {
                list[dice.below(list.len() as u32) as usize]
            } else {
                let position = self.draw(dice, is_episode);
                let is_dangling = dice.chance(DANGLING);
                let person = if is_dangling {
                    self.cast.ids.stranger(position)
                } else {
                    self.cast.ids.person(position)
                };
                if list.contains(&person) {
                    continue;
                }
                person
            };
            list.push(person);
        }
    }

    fn draw(&self, dice: &mut Dice, is_episode: bool) -> u64 {
        if dice.chance(if is_episode { 50_000 } else { 3_000 }) {
            self.regulars[dice.below(4) as usize]
        } else {
            self.draw_anyone(dice)
        }
    }

    /// One in four credits goes by rank, where few have most; the others to anyone.
    fn draw_anyone(&self, dice: &mut Dice) -> u64 {
        // A prime, so that the ranks spread over all ids instead of gathering at the first.
        const SPREAD: u64 = 2_654_435_761;
        let people = self.cast.people;
        if dice.chance(25_000) {
            dice.rank(people) * SPREAD % people
        } else {
            dice.below_u64(people)
        }
    }
}

fn draw_length(dice: &mut Dice, shape: &ListShape) -> usize {
    let draw = dice.below(ALWAYS);
    let length = if draw < shape.one {
        1
    } else if draw < shape.one + shape.two {
        2
    } else if draw < shape.one + shape.two + shape.few {
        3 + dice.below(3)
    } else if dice.chance(75_000) {
        dice.between(6, 12)
    } else if dice.chance(90_000) {
        dice.between(13, 80)
    } else {
        dice.between(100, 600)
    };
    length as usize
}

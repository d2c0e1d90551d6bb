//! Made-up title texts, among them those that trip readers: quotes, commas, long ones, scripts.

use super::random::{ALWAYS, Dice, push_number};
use super::words::{ADJECTIVES, EMOJI, LATIN, MONTHS, NOUNS, SCRIPTS};

/// Shares out of 100,000 of the titles. They add up to less than that; the rest are plain.
const QUOTED_WHOLE: u32 = 300;
const QUOTED_HALF: u32 = 60;
const QUOTED_WITHIN: u32 = 200;
const LONG: u32 = 60;
const WITH_EMOJI: u32 = 60;
const FOREIGN: u32 = 4_000;
const RENAMED: u32 = 1_200;

/// Appends primaryTitle, a tab and originalTitle.
pub(super) fn push_titles(out: &mut Vec<u8>, dice: &mut Dice, is_episode: bool) {
    let start = out.len();
    let mut draw = dice.below(ALWAYS);
    let mut is = |share: u32| {
        let hit = draw < share;
        draw = draw.wrapping_sub(share);
        hit
    };
    if is(FOREIGN) {
        push_foreign(out, dice);
        return;
    } else if is(RENAMED) {
        push_phrase(out, dice);
        out.push(b'\t');
        push_phrase(out, dice);
        return;
    } else if is(QUOTED_WHOLE) {
        out.push(b'"');
        push_phrase(out, dice);
        out.push(b'"');
    } else if is(QUOTED_HALF) {
        out.push(b'"');
        push_phrase(out, dice);
    } else if is(QUOTED_WITHIN) {
        LATIN.push_word(out, dice);
        out.extend_from_slice(b" Said \"");
        out.extend_from_slice(dice.pick(NOUNS).as_bytes());
        out.push(b'"');
    } else if is(LONG) {
        while out.len() < start + 230 {
            push_phrase(out, dice);
            out.extend_from_slice(b", or, ");
        }
        push_phrase(out, dice);
    } else if is(WITH_EMOJI) {
        push_phrase(out, dice);
        out.push(b' ');
        out.extend_from_slice(dice.pick(EMOJI).as_bytes());
    } else if is_episode {
        push_episode(out, dice);
    } else {
        push_phrase(out, dice);
    }
    let end = out.len();
    out.push(b'\t');
    out.extend_from_within(start..end);
}

/// A title from elsewhere: in its own script, or put into English with the original beside it.
fn push_foreign(out: &mut Vec<u8>, dice: &mut Dice) {
    let script = &SCRIPTS[dice.between(1, SCRIPTS.len() as u32 - 1) as usize];
    let is_translated = dice.chance(35_000);
    if is_translated {
        push_phrase(out, dice);
        out.push(b'\t');
    }
    let start = out.len();
    for position in 0..dice.between(1, 4) {
        if position > 0 {
            out.extend_from_slice(script.gap.as_bytes());
        }
        script.push_word(out, dice);
    }
    if !is_translated {
        let end = out.len();
        out.push(b'\t');
        out.extend_from_within(start..end);
    }
}

fn push_episode(out: &mut Vec<u8>, dice: &mut Dice) {
    match dice.below(100) {
        0..38 => {
            out.extend_from_slice(b"Episode #");
            push_number(out, u64::from(dice.between(1, 30)), 1);
            out.push(b'.');
            push_number(out, u64::from(dice.between(1, 400)), 1);
        }
        38..46 => {
            out.extend_from_slice(b"Episode dated ");
            push_number(out, u64::from(dice.between(1, 28)), 1);
            out.push(b' ');
            out.extend_from_slice(dice.pick(MONTHS).as_bytes());
            out.push(b' ');
            push_number(out, u64::from(dice.between(1960, 2026)), 4);
        }
        _ => push_phrase(out, dice),
    }
}

/// A piece of a made-up phrase.
enum Part {
    Text(&'static str),
    Adjective,
    Noun,
    Name,
    Number,
}

const PATTERNS: &[&[Part]] = &[
    &[
        Part::Text("The "),
        Part::Adjective,
        Part::Text(" "),
        Part::Noun,
    ],
    &[Part::Adjective, Part::Text(" "), Part::Noun],
    &[Part::Noun, Part::Text(" of "), Part::Name],
    &[Part::Noun, Part::Text(" & "), Part::Noun],
    &[Part::Name, Part::Text("'s "), Part::Noun],
    &[
        Part::Name,
        Part::Text(": The "),
        Part::Noun,
        Part::Text(" Years"),
    ],
    &[Part::Text("Don't Wake the "), Part::Noun],
    &[
        Part::Noun,
        Part::Text(", "),
        Part::Noun,
        Part::Text(" and a "),
        Part::Adjective,
        Part::Text(" "),
        Part::Noun,
    ],
    &[Part::Text("A "), Part::Noun, Part::Text(" in "), Part::Name],
    &[Part::Name, Part::Text(" vs. "), Part::Name],
    &[
        Part::Adjective,
        Part::Text(" "),
        Part::Noun,
        Part::Text(" "),
        Part::Number,
    ],
    &[Part::Name],
    &[
        Part::Text("The "),
        Part::Noun,
        Part::Text(" (Part "),
        Part::Number,
        Part::Text(")"),
    ],
    &[Part::Text("Who Took the "), Part::Noun, Part::Text("?")],
];

pub(super) fn push_phrase(out: &mut Vec<u8>, dice: &mut Dice) {
    for part in PATTERNS[dice.below(PATTERNS.len() as u32) as usize] {
        match part {
            Part::Text(text) => out.extend_from_slice(text.as_bytes()),
            Part::Adjective => out.extend_from_slice(dice.pick(ADJECTIVES).as_bytes()),
            Part::Noun => out.extend_from_slice(dice.pick(NOUNS).as_bytes()),
            Part::Name => LATIN.push_word(out, dice),
            Part::Number => push_number(out, u64::from(dice.between(2, 99)), 1),
        }
    }
}

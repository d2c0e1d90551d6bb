//! Java's regular expressions on Rust's engine.
//!
//! Both write most things alike. Where a pattern means something else in Java it is translated;
//! where Rust's engine cannot do it (look-around, back references, possessive quantifiers) it is
//! an error.

use datafusion::common::{Result, exec_err};
use memchr::memmem::Finder;
use regex::Regex;

/// Characters that mean something in a pattern.
const SPECIAL: &str = r".$|()[{^?*+\";

/// A compiled pattern.
pub(super) enum Pattern {
    /// The empty pattern, which splits between characters.
    Empty,
    /// A pattern that is the text it matches.
    Literal(Box<Finder<'static>>, usize),
    Regex(Regex),
}

impl Pattern {
    /// Compiles a Java regex.
    ///
    /// # Errors
    /// When it is malformed or needs what Rust's engine lacks.
    pub(super) fn new(java: &str) -> Result<Self> {
        if java.is_empty() {
            return Ok(Self::Empty);
        }
        if let Some(literal) = literal(java) {
            let finder = Finder::new(&literal).into_owned();
            return Ok(Self::Literal(Box::new(finder), literal.len()));
        }
        let translated = match translate(java) {
            Some(translated) => translated,
            None => return exec_err!("the regular expression '{java}' is not supported yet"),
        };
        match Regex::new(&translated) {
            Ok(regex) => Ok(Self::Regex(regex)),
            Err(_) => exec_err!("the regular expression '{java}' is malformed or not supported"),
        }
    }

    /// Hands the pieces of `text` to `emit`, as Spark's `split` makes them: at most `limit` if
    /// that is positive, and always at least one.
    pub(super) fn split(&self, text: &str, limit: i32, mut emit: impl FnMut(&str)) {
        let most = usize::try_from(limit).ok().filter(|limit| *limit > 0);
        let most = most.unwrap_or(usize::MAX);
        match self {
            Self::Empty => split_characters(text, most, emit),
            Self::Literal(finder, width) => {
                let mut start = 0;
                for at in finder.find_iter(text.as_bytes()).take(most - 1) {
                    emit(&text[start..at]);
                    start = at + width;
                }
                emit(&text[start..]);
            }
            Self::Regex(regex) => split_regex(regex, text, most, emit),
        }
    }
}

/// Without a pattern every character is a piece, and the last piece takes the rest.
fn split_characters(text: &str, most: usize, mut emit: impl FnMut(&str)) {
    let mut made = 1;
    let mut rest = text;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if made == most || characters.as_str().is_empty() {
            break;
        }
        emit(&rest[..character.len_utf8()]);
        rest = characters.as_str();
        made += 1;
    }
    emit(rest);
}

/// Java finds empty matches right after a match too, which Rust's iterators skip; and an empty
/// match at the very start makes no piece.
fn split_regex(regex: &Regex, text: &str, most: usize, mut emit: impl FnMut(&str)) {
    let mut start = 0;
    let mut made = 1;
    let mut from = 0;
    while made < most && from <= text.len() {
        let Some(found) = regex.find_at(text, from) else {
            break;
        };
        from = if found.is_empty() {
            let next = text[found.end()..].chars().next();
            found.end() + next.map_or(1, char::len_utf8)
        } else {
            found.end()
        };
        if found.end() == 0 {
            continue;
        }
        emit(&text[start..found.start()]);
        start = found.end();
        made += 1;
    }
    emit(&text[start..]);
}

/// The text that a pattern without special characters matches.
fn literal(java: &str) -> Option<String> {
    let mut text = String::with_capacity(java.len());
    let mut characters = java.chars();
    while let Some(character) = characters.next() {
        if character == '\\' {
            // `\.` is a point; `\d` is not a d.
            let escaped = characters.next()?;
            if escaped.is_ascii_alphanumeric() || !escaped.is_ascii() {
                return None;
            }
            text.push(escaped);
        } else if SPECIAL.contains(character) {
            return None;
        } else {
            text.push(character);
        }
    }
    Some(text)
}

/// The same pattern for Rust's engine, none if it has no such thing.
fn translate(java: &str) -> Option<String> {
    let mut rust = String::with_capacity(java.len() + 16);
    let mut characters = java.chars().peekable();
    // How many brackets of character classes are open.
    let mut class = 0_usize;
    let mut class_start = false;
    while let Some(character) = characters.next() {
        let at_class_start = std::mem::take(&mut class_start);
        match character {
            '\\' => translate_escape(characters.next()?, class > 0, &mut characters, &mut rust)?,
            '[' => {
                class += 1;
                rust.push('[');
                if characters.next_if_eq(&'^').is_some() {
                    rust.push('^');
                }
                class_start = true;
            }
            // Java takes a bracket at the start of a class as an error, not as a member.
            ']' if at_class_start => return None,
            ']' if class > 0 => {
                class -= 1;
                rust.push(']');
            }
            // Rust has the operators `--` and `~~` in classes, Java only `&&`.
            '-' | '~' if class > 0 && characters.peek() == Some(&character) => return None,
            '.' if class == 0 => rust.push_str(r"[^\n\r\u{85}\u{2028}\u{2029}]"),
            // Before a last line break too, which needs look-ahead.
            '$' if class == 0 => return None,
            // Flags and look-around; only plain groups mean the same.
            '(' if class == 0 && characters.peek() == Some(&'?') => {
                characters.next();
                characters.next_if_eq(&':')?;
                rust.push_str("(?:");
            }
            '*' | '+' | '?' | '}' if class == 0 => {
                rust.push(character);
                match characters.peek() {
                    Some('+') => return None,
                    Some('?') => rust.extend(characters.next()),
                    _ => {}
                }
            }
            other => rust.push(other),
        }
    }
    Some(rust)
}

fn translate_escape(
    escaped: char,
    in_class: bool,
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
    rust: &mut String,
) -> Option<()> {
    // Java's classes are ASCII, Rust's are not.
    let members = match escaped {
        'd' => "0-9",
        'w' => "a-zA-Z0-9_",
        's' => r" \t\n\x0B\f\r",
        'D' => "^0-9",
        'W' => "^a-zA-Z0-9_",
        'S' => r"^ \t\n\x0B\f\r",
        't' | 'n' | 'r' | 'f' | 'a' => {
            rust.extend(['\\', escaped]);
            return Some(());
        }
        'Q' => {
            let quoted: String = rest.by_ref().collect();
            let (literal, after) = quoted.split_once(r"\E").unwrap_or((&quoted, ""));
            rust.push_str(&regex::escape(literal));
            rust.push_str(&translate(after)?);
            return Some(());
        }
        other if other.is_ascii() && !other.is_ascii_alphanumeric() => {
            rust.push_str(&regex::escape(other.encode_utf8(&mut [0; 4])));
            return Some(());
        }
        _ => return None,
    };
    if in_class && !members.starts_with('^') {
        rust.push_str(members);
    } else {
        rust.extend(["[", members, "]"]);
    }
    Some(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn split(text: &str, java: &str, limit: i32) -> Vec<String> {
        let mut pieces = vec![];
        Pattern::new(java)
            .unwrap()
            .split(text, limit, |piece| pieces.push(piece.to_owned()));
        pieces
    }

    #[test]
    fn splits_like_java() {
        assert_eq!(
            split("oneAtwoBthreeC", "[ABC]", -1),
            ["one", "two", "three", ""]
        );
        assert_eq!(split("oneAtwoBthreeC", "[ABC]", 2), ["one", "twoBthreeC"]);
        assert_eq!(split("", ",", -1), [""]);
        assert_eq!(split("a,,b,", ",", -1), ["a", "", "b", ""]);
        assert_eq!(split("a,,b,", ",", 0), ["a", "", "b", ""]);
        assert_eq!(split("a,b,c", ",", 2), ["a", "b,c"]);
        assert_eq!(split("a.b|c", r"\.", -1), ["a", "b|c"]);
        assert_eq!(split("a.b|c", r"\Q.b|\E", -1), ["a", "c"]);
        assert_eq!(split("a1b22c", r"\d+", -1), ["a", "b", "c"]);
        assert_eq!(split("a١b", r"\d", -1), ["a١b"]);
        assert_eq!(split("axb", "x*", -1), ["a", "", "b", ""]);
        assert_eq!(split("äb", "", -1), ["ä", "b"]);
        assert_eq!(split("äbc", "", 2), ["ä", "bc"]);
        assert_eq!(split("", "", -1), [""]);
    }

    #[test]
    fn what_rust_lacks_is_an_error() {
        for java in ["(?=a)", "a$", r"(a)\1", "a++", "(", r"\p{L}", "(?i)a"] {
            assert!(Pattern::new(java).is_err(), "{java}");
        }
    }
}

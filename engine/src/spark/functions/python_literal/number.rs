//! Numbers as Python writes them.

use super::Value;

/// CPython reads no longer decimal integers.
const DIGITS_MAX: usize = 4300;

/// Whether a character can stand in a name, and hence not right behind a number.
pub(super) fn is_name_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii()
}

/// The number that `text` begins with, and what follows. A complex one is [`Value::Other`].
pub(super) fn parse(text: &str) -> Option<(Value, &str)> {
    let radix = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => Some(16),
        [b'0', b'o' | b'O', ..] => Some(8),
        [b'0', b'b' | b'B', ..] => Some(2),
        _ => None,
    };
    let (value, rest) = match radix {
        Some(radix) => with_radix(&text[2..], radix)?,
        None => decimal(text)?,
    };
    let next = rest.chars().next();
    next.is_none_or(|next| !is_name_part(next))
        .then_some((value, rest))
}

/// Splits off digits, with single underscores between them (or before the first, if `leading`).
fn digits(text: &str, radix: u32, leading: bool) -> Option<(String, &str)> {
    let mut found = String::new();
    let mut may_separate = leading;
    let mut end = 0;
    for c in text.chars() {
        if c.is_digit(radix) {
            found.push(c);
            may_separate = true;
        } else if c == '_' {
            std::mem::replace(&mut may_separate, false).then_some(())?;
        } else {
            break;
        }
        end += c.len_utf8();
    }
    let complete = found.is_empty() && end == 0 || may_separate && !found.is_empty();
    complete.then(|| (found, &text[end..]))
}

fn with_radix(text: &str, radix: u32) -> Option<(Value, &str)> {
    let (digits, rest) = digits(text, radix, true)?;
    if digits.is_empty() {
        return None;
    }
    let value = i128::from_str_radix(&digits, radix);
    Some((value.map_or(Value::HugeInteger, Value::Integer), rest))
}

fn decimal(text: &str) -> Option<(Value, &str)> {
    let (whole, mut rest) = digits(text, 10, false)?;
    let mut float = whole.clone();
    if let Some(after) = rest.strip_prefix('.') {
        let (fraction, after) = digits(after, 10, false)?;
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        float = format!("{whole}.{fraction}");
        rest = after;
    }
    if let Some(after) = rest.strip_prefix(['e', 'E']) {
        let sign = if after.starts_with('-') { "-" } else { "" };
        let (exponent, after) = digits(after.strip_prefix(['+', '-']).unwrap_or(after), 10, false)?;
        if exponent.is_empty() {
            return None;
        }
        float = format!("{float}e{sign}{exponent}");
        rest = after;
    }
    if let Some(after) = rest.strip_prefix(['j', 'J']) {
        return Some((Value::Other, after));
    }
    if float != whole {
        return Some((Value::Float(float.parse().ok()?), rest));
    }
    // `007` would be an octal number in Python 2, hence is none in Python 3.
    let octal = whole.starts_with('0') && whole.bytes().any(|digit| digit != b'0');
    if octal || whole.len() > DIGITS_MAX {
        return None;
    }
    let value = whole.parse().map_or(Value::HugeInteger, Value::Integer);
    Some((value, rest))
}

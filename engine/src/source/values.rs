//! From the bytes of a field to a value, as Spark's casts read them.

use super::spec::ColumnType;

/// A value of a typed column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell {
    Null,
    Int(i32),
    Bigint(i64),
    Double(f64),
    Boolean(bool),
    /// Days since 1970-01-01.
    Date(i32),
}

/// The value that `bytes` stand for; `None` where they are no such value.
pub(super) fn parse(kind: ColumnType, bytes: &[u8]) -> Option<Cell> {
    match kind {
        ColumnType::String => Some(Cell::Null),
        ColumnType::Int => {
            let value = parse_integer(bytes)?;
            i32::try_from(value).ok().map(Cell::Int)
        }
        ColumnType::Bigint => parse_integer(bytes).map(Cell::Bigint),
        ColumnType::Double => parse_double(bytes).map(Cell::Double),
        ColumnType::Boolean => parse_boolean(bytes).map(Cell::Boolean),
        ColumnType::Date => parse_date(bytes).map(Cell::Date),
    }
}

/// Takes off what Spark takes off around numbers: blanks and ASCII control characters.
fn trim(mut bytes: &[u8]) -> &[u8] {
    let blank = |byte: u8| byte <= b' ' || byte == 0x7f;
    while let [first, rest @ ..] = bytes
        && blank(*first)
    {
        bytes = rest;
    }
    while let [rest @ .., last] = bytes
        && blank(*last)
    {
        bytes = rest;
    }
    bytes
}

fn sign_of(bytes: &[u8]) -> (bool, &[u8]) {
    match bytes {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, bytes),
    }
}

fn parse_integer(bytes: &[u8]) -> Option<i64> {
    let (negative, digits) = sign_of(trim(bytes));
    if digits.is_empty() {
        return None;
    }
    // Counting down reaches i64::MIN, which has no positive counterpart.
    let mut value = 0i64;
    let short = digits.len() <= 18;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = if short {
            value * 10 - i64::from(digit)
        } else {
            value.checked_mul(10)?.checked_sub(i64::from(digit))?
        };
    }
    if negative {
        Some(value)
    } else {
        value.checked_neg()
    }
}

/// What Java's `Double.parseDouble` takes (but for hexadecimal floats), and the names of infinity
/// and of not-a-number in any case.
fn parse_double(bytes: &[u8]) -> Option<f64> {
    let mut bytes = trim(bytes);
    if let [rest @ .., before, b'd' | b'D' | b'f' | b'F'] = bytes
        && (before.is_ascii_digit() || *before == b'.')
    {
        bytes = &bytes[..=rest.len()];
    }
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

fn parse_boolean(bytes: &[u8]) -> Option<bool> {
    let text = trim(bytes);
    let is = |word: &&str| text.eq_ignore_ascii_case(word.as_bytes());
    if ["t", "true", "y", "yes", "1"].iter().any(is) {
        Some(true)
    } else if ["f", "false", "n", "no", "0"].iter().any(is) {
        Some(false)
    } else {
        None
    }
}

/// The date that a text stands for, in days since 1970-01-01.
pub(crate) fn date_of(text: &str) -> Option<i32> {
    parse_date(text.as_bytes())
}

/// Spark's `stringToDate`: `[+-]y{4,7}`, `y-[m]m`, `y-[m]m-[d]d`, and after the last of them a
/// blank or a `T` with anything behind it.
fn parse_date(bytes: &[u8]) -> Option<i32> {
    let (negative, bytes) = sign_of(trim(bytes));
    let mut parts = [1u32, 1, 1];
    let mut part = 0;
    let mut rest = bytes;
    loop {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let wanted = if part == 0 { 4..=7 } else { 1..=2 };
        if !wanted.contains(&digits) {
            return None;
        }
        parts[part] = rest[..digits]
            .iter()
            .fold(0, |value, b| value * 10 + u32::from(b - b'0'));
        rest = &rest[digits..];
        match rest {
            [] => break,
            [b'-', tail @ ..] if part < 2 => {
                rest = tail;
                part += 1;
            }
            [b' ' | b'T', ..] if part == 2 => break,
            _ => return None,
        }
    }
    let year = i64::from(parts[0]);
    days_from_civil(if negative { -year } else { year }, parts[1], parts[2])
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar, where the date exists.
fn days_from_civil(year: i64, month: u32, day: u32) -> Option<i32> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days).contains(&day) {
        return None;
    }
    // Years that begin in March put the leap day last; eras are 400 years (146,097 days).
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let day_of_year = (153 * ((i64::from(month) + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    i32::try_from(era * 146_097 + day_of_era - 719_468).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn int(text: &str) -> Option<Cell> {
        parse(ColumnType::Int, text.as_bytes())
    }

    #[test]
    fn integers() {
        for (text, value) in [
            ("7", 7),
            ("+2001", 2001),
            (" -5\t", -5),
            ("007", 7),
            ("\u{7f}1\0", 1),
        ] {
            assert_eq!(int(text), Some(Cell::Int(value)), "{text:?}");
        }
        assert_eq!(int("-2147483648"), Some(Cell::Int(i32::MIN)));
        for text in [
            "",
            " ",
            "+",
            "1999.5",
            "12.0",
            "19xx",
            "2147483648",
            "1 2",
            "--1",
            "1e1",
            "٣",
        ] {
            assert_eq!(int(text), None, "{text:?}");
        }
        let big = |text: &str| parse(ColumnType::Bigint, text.as_bytes());
        assert_eq!(big("-9223372036854775808"), Some(Cell::Bigint(i64::MIN)));
        assert_eq!(big("9223372036854775807"), Some(Cell::Bigint(i64::MAX)));
        assert_eq!(big("0000000000000000000000012"), Some(Cell::Bigint(12)));
        assert_eq!(big("9223372036854775808"), None);
    }

    #[test]
    fn doubles() {
        let double = |text: &str| match parse(ColumnType::Double, text.as_bytes()) {
            Some(Cell::Double(value)) => Some(value),
            _ => None,
        };
        for (text, value) in [
            ("1e1", 10.0),
            (".5", 0.5),
            ("7.", 7.0),
            ("7", 7.0),
            (" +2 ", 2.0),
            ("1.5d", 1.5),
            ("1.F", 1.0),
            ("1e2D", 100.0),
            ("-inf", f64::NEG_INFINITY),
            ("+Infinity", f64::INFINITY),
        ] {
            assert_eq!(double(text), Some(value), "{text:?}");
        }
        assert!(double("NaN").unwrap().is_nan());
        for text in [
            "", ".", "d", "1e", "1_0", "0x1p3", "nand", "infd", "1ff", "1,5", "e5",
        ] {
            assert_eq!(double(text), None, "{text:?}");
        }
    }

    #[test]
    fn booleans() {
        for text in ["t", "TRUE", " y", "Yes", "1"] {
            assert_eq!(
                parse(ColumnType::Boolean, text.as_bytes()),
                Some(Cell::Boolean(true))
            );
        }
        for text in ["f", "False", "N", "no ", "0"] {
            assert_eq!(
                parse(ColumnType::Boolean, text.as_bytes()),
                Some(Cell::Boolean(false))
            );
        }
        assert_eq!(parse(ColumnType::Boolean, b"2"), None);
    }

    #[test]
    fn dates() {
        let date = |text: &str| match parse(ColumnType::Date, text.as_bytes()) {
            Some(Cell::Date(days)) => Some(days),
            _ => None,
        };
        for (text, days) in [
            ("1970-01-01", 0),
            ("1970", 0),
            ("1970-2", 31),
            ("2000-2-29", 11_016),
            (" 1969-12-31 ", -1),
            ("1970-01-02T99:99", 1),
            ("1970-01-02 anything", 1),
            ("0000-03-01", -719_468),
            ("-0001-01-01", -719_893),
            ("9999-12-31", 2_932_896),
        ] {
            assert_eq!(date(text), Some(days), "{text:?}");
        }
        for text in [
            "",
            "70",
            "1970-",
            "1970-13",
            "1970-00-01",
            "1999-02-29",
            "1970-1-1x",
            "1970T",
            "1970-01 ab",
            "12345678",
            "1970-001-01",
            "9999999-01-01",
            "1970/01/01",
        ] {
            assert_eq!(date(text), None, "{text:?}");
        }
    }
}

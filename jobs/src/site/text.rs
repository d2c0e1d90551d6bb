//! Texts for people, and for places in HTML that no template escapes.

use std::fmt::Write as _;

/// Text as HTML, also fit for an attribute in quotes.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A job's name as the name of a file that links need not escape. Two names never become one.
pub fn file_name(name: &str) -> String {
    let mut file = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => file.push(char::from(byte)),
            // Writing to a string cannot fail.
            other => drop(write!(file, "~{other:02x}")),
        }
    }
    file
}

/// `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..10 => format!("{seconds:.1} s"),
        10..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_made_safe_and_readable() {
        assert_eq!(
            escape("<a b='c' & \"d\">"),
            "&lt;a b=&#39;c&#39; &amp; &quot;d&quot;&gt;"
        );
        assert_eq!(file_name("imdb_titles"), "imdb_titles");
        assert_eq!(file_name("a/é ~"), "a~2f~c3~a9~20~7e");
        let numbers = [0, 999, 1000, 1_234_567].map(grouped);
        assert_eq!(numbers, ["0", "999", "1,000", "1,234,567"]);
        let times = [0.04, 9.4, 61.0, 7500.0].map(duration);
        assert_eq!(times, ["0.0 s", "9.4 s", "1 min 1 s", "2 h 5 min"]);
    }
}

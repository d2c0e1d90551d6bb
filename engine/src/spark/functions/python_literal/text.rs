//! Texts and bytes as Python writes them: prefixes, four kinds of quotes, escapes.

/// The code points of a text. Python's texts may hold surrogates, which ours cannot.
#[derive(Default)]
pub(super) struct Text(Vec<u32>);

impl Text {
    /// Two surrogates that belong together become their character, others U+FFFD.
    pub(super) fn finish(self) -> String {
        let mut text = String::with_capacity(self.0.len());
        let mut points = self.0.into_iter().peekable();
        while let Some(point) = points.next() {
            let low = points.peek().copied();
            let character = match (point, low) {
                (0xd800..=0xdbff, Some(low @ 0xdc00..=0xdfff)) => {
                    points.next();
                    char::from_u32(0x1_0000 + ((point - 0xd800) << 10) + (low - 0xdc00))
                }
                _ => char::from_u32(point),
            };
            text.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        text
    }
}

/// What follows a line's end, if `text` begins with one.
pub(super) fn strip_newline(text: &str) -> Option<&str> {
    text.strip_prefix("\r\n")
        .or_else(|| text.strip_prefix(['\n', '\r']))
}

/// Whether a text or bytes begin here.
pub(super) fn starts(text: &str) -> bool {
    Prefix::read(text).is_some()
}

#[derive(Clone, Copy)]
struct Prefix {
    raw: bool,
    bytes: bool,
    /// Formatted texts are no literals.
    formatted: bool,
    length: usize,
}

impl Prefix {
    fn read(text: &str) -> Option<Self> {
        let length = text
            .bytes()
            .take(3)
            .position(|b| matches!(b, b'\'' | b'"'))?;
        let letters = text[..length].to_ascii_lowercase();
        let known = ["", "r", "u", "b", "f", "br", "rb", "fr", "rf"];
        known.contains(&letters.as_str()).then(|| Self {
            raw: letters.contains('r'),
            bytes: letters.contains('b'),
            formatted: letters.contains('f'),
            length,
        })
    }
}

/// Reads one text or bytes into `whole`; returns whether it is bytes, and what follows.
pub(super) fn read<'a>(text: &'a str, whole: &mut Text) -> Option<(bool, &'a str)> {
    let prefix = Prefix::read(text).filter(|prefix| !prefix.formatted)?;
    let text = &text[prefix.length..];
    let long = text.starts_with("'''") || text.starts_with("\"\"\"");
    let quotes = &text[..if long { 3 } else { 1 }];
    let mut rest = &text[quotes.len()..];
    loop {
        if let Some(rest) = rest.strip_prefix(quotes) {
            return Some((prefix.bytes, rest));
        }
        if let Some(after) = strip_newline(rest) {
            // A line's end in the source is a line feed, however it is written.
            long.then(|| whole.0.push(u32::from('\n')))?;
            rest = after;
            continue;
        }
        let c = rest.chars().next()?;
        if prefix.bytes && !c.is_ascii() {
            return None;
        }
        rest = &rest[c.len_utf8()..];
        match c {
            '\\' if prefix.raw => rest = raw_escape(rest, prefix.bytes, whole)?,
            '\\' => rest = escape(rest, prefix.bytes, whole)?,
            c => whole.0.push(u32::from(c)),
        }
    }
}

/// In a raw text, a backslash keeps a quote from ending it, and both stay.
fn raw_escape<'a>(rest: &'a str, bytes: bool, whole: &mut Text) -> Option<&'a str> {
    whole.0.push(u32::from('\\'));
    if let Some(after) = strip_newline(rest) {
        whole.0.push(u32::from('\n'));
        return Some(after);
    }
    let c = rest.chars().next().filter(|c| !bytes || c.is_ascii())?;
    whole.0.push(u32::from(c));
    Some(&rest[c.len_utf8()..])
}

/// Reads what follows a backslash.
fn escape<'a>(rest: &'a str, bytes: bool, whole: &mut Text) -> Option<&'a str> {
    if let Some(after) = strip_newline(rest) {
        return Some(after);
    }
    let c = rest.chars().next().filter(|c| !bytes || c.is_ascii())?;
    let after = &rest[c.len_utf8()..];
    let simple = match c {
        '\\' | '\'' | '"' => c,
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        '0'..='7' => return octal(rest, whole),
        'x' => return hexadecimal(after, 2, whole),
        'u' if !bytes => return hexadecimal(after, 4, whole),
        'U' if !bytes => return hexadecimal(after, 8, whole),
        'N' if !bytes => return None,
        _ => {
            // An escape that means nothing stands for itself.
            whole.0.push(u32::from('\\'));
            c
        }
    };
    whole.0.push(u32::from(simple));
    Some(after)
}

fn octal<'a>(text: &'a str, whole: &mut Text) -> Option<&'a str> {
    let digits = text
        .bytes()
        .take(3)
        .take_while(|b| matches!(b, b'0'..=b'7'));
    let length = digits.count();
    whole.0.push(u32::from_str_radix(&text[..length], 8).ok()?);
    Some(&text[length..])
}

fn hexadecimal<'a>(text: &'a str, length: usize, whole: &mut Text) -> Option<&'a str> {
    let digits = text.get(..length)?;
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let point = u32::from_str_radix(digits, 16).ok()?;
    (point <= u32::from(char::MAX)).then(|| whole.0.push(point))?;
    Some(&text[length..])
}

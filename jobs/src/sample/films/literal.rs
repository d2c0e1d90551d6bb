//! Python's way of writing texts, lists and dictionaries.

/// A text as `repr` writes it: in apostrophes, but in quotes where it has only apostrophes.
pub(super) fn text(value: &str) -> String {
    let quote = match value.contains('\'') && !value.contains('"') {
        true => '"',
        false => '\'',
    };
    let mut literal = String::from(quote);
    for character in value.chars() {
        match character {
            '\\' => literal.push_str("\\\\"),
            '\u{a0}' => literal.push_str("\\xa0"),
            '\n' => literal.push_str("\\n"),
            c if c == quote => literal.extend(['\\', c]),
            c => literal.push(c),
        }
    }
    literal.push(quote);
    literal
}

/// `[{'id': 16, 'name': 'Animation'}, …]`; companies are written with the name first.
pub(super) fn list<'a>(entries: impl Iterator<Item = (u64, &'a str)>, name_first: bool) -> String {
    let entries = entries.map(|(id, name)| match name_first {
        true => format!("{{'name': {}, 'id': {id}}}", text(name)),
        false => format!("{{'id': {id}, 'name': {}}}", text(name)),
    });
    format!("[{}]", entries.collect::<Vec<_>>().join(", "))
}

/// A field of a CSV file, in quotes where it needs them.
pub(super) fn field(value: &str) -> String {
    match value.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", value.replace('"', "\"\"")),
        false => value.to_owned(),
    }
}

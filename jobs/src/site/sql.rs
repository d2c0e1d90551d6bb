//! SQL with light colours: comments, texts, numbers, keywords.

use super::text::escape;

const KEYWORDS: &[&str] = &[
    "ALL",
    "AND",
    "ANY",
    "AS",
    "ASC",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "CROSS",
    "CURRENT",
    "DESC",
    "DISTINCT",
    "ELSE",
    "END",
    "EXCEPT",
    "EXISTS",
    "FALSE",
    "FILTER",
    "FIRST",
    "FOLLOWING",
    "FROM",
    "FULL",
    "GROUP",
    "HAVING",
    "IN",
    "INNER",
    "INTERSECT",
    "INTERVAL",
    "IS",
    "JOIN",
    "LAST",
    "LATERAL",
    "LEFT",
    "LIKE",
    "LIMIT",
    "NOT",
    "NULL",
    "NULLS",
    "ON",
    "OR",
    "ORDER",
    "OUTER",
    "OVER",
    "PARTITION",
    "PRECEDING",
    "QUALIFY",
    "RANGE",
    "RIGHT",
    "ROW",
    "ROWS",
    "SELECT",
    "SEMI",
    "ANTI",
    "THEN",
    "TRUE",
    "UNBOUNDED",
    "UNION",
    "USING",
    "VALUES",
    "VIEW",
    "WHEN",
    "WHERE",
    "WITH",
    "WITHIN",
];

/// SQL as HTML for a `<pre>`.
pub fn highlight(sql: &str) -> String {
    let mut html = String::with_capacity(sql.len() * 2);
    let mut rest = sql;
    while !rest.is_empty() {
        let (length, class) = token(rest);
        let (token, after) = rest.split_at(length);
        match class {
            Some(class) => html += &format!("<span class=\"{class}\">{}</span>", escape(token)),
            None => html += &escape(token),
        }
        rest = after;
    }
    html
}

/// The length in bytes of the token at the beginning, and its class.
fn token(text: &str) -> (usize, Option<&'static str>) {
    let first = text.chars().next().unwrap_or_default();
    match first {
        '-' if text.starts_with("--") => (text.find('\n').unwrap_or(text.len()), Some("comment")),
        '/' if text.starts_with("/*") => {
            let end = text.find("*/").map_or(text.len(), |end| end + 2);
            (end, Some("comment"))
        }
        '\'' | '"' | '`' => {
            let class = (first != '`').then_some("literal");
            (quoted(text, first), class)
        }
        '0'..='9' => {
            let is_part = |c: char| c.is_ascii_alphanumeric() || c == '.';
            (run(text, is_part), Some("literal"))
        }
        ':' if text[1..].starts_with(|c: char| c.is_alphabetic() || c == '_') => {
            (1 + run(&text[1..], is_word), Some("parameter"))
        }
        c if is_word(c) => {
            let length = run(text, is_word);
            let word = text[..length].to_ascii_uppercase();
            (
                length,
                KEYWORDS.contains(&word.as_str()).then_some("keyword"),
            )
        }
        other => (other.len_utf8(), None),
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn run(text: &str, is_part: impl Fn(char) -> bool) -> usize {
    text.find(|c| !is_part(c)).unwrap_or(text.len())
}

/// To the closing quote; `\` takes away the meaning of what follows it.
fn quoted(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (index, character) in text.char_indices().skip(1) {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            end if end == quote => return index + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_coloured_and_texts_escaped() {
        let html = highlight("SELECT a<1 FROM `t` -- <b>\nWHERE x = 'it\\'s <i>' AND y = :from_x");
        assert_eq!(
            html,
            "<span class=\"keyword\">SELECT</span> a&lt;<span class=\"literal\">1</span> \
             <span class=\"keyword\">FROM</span> `t` <span class=\"comment\">-- &lt;b&gt;</span>\n\
             <span class=\"keyword\">WHERE</span> x = <span class=\"literal\">&#39;it\\&#39;s \
             &lt;i&gt;&#39;</span> <span class=\"keyword\">AND</span> y = \
             <span class=\"parameter\">:from_x</span>"
        );
        for odd in ["'open", "/* open", "é 'ü", "::int", ":", "-"] {
            highlight(odd);
        }
    }
}

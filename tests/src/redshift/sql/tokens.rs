//! SQL text as tokens. Together they are the whole text, so that a change to some of them leaves
//! the others as they were written.

use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A keyword or an unquoted name.
    Word,
    /// A name in double quotes.
    Quoted,
    /// A text in single quotes.
    Text,
    Number,
    Symbol,
}

/// A token, with the space and the comments before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub kind: Kind,
    pub before: String,
    pub text: String,
}

impl Token {
    pub fn is(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    pub fn is_symbol(&self, symbol: &str) -> bool {
        self.kind == Kind::Symbol && self.text == symbol
    }

    pub fn is_name(&self) -> bool {
        matches!(self.kind, Kind::Word | Kind::Quoted)
    }

    /// The name as the catalog has it.
    pub fn name(&self) -> String {
        match self.kind {
            Kind::Quoted => self.text.trim_matches('"').replace("\"\"", "\""),
            _ => self.text.to_lowercase(),
        }
    }

    /// What a text in single quotes says.
    pub fn content(&self) -> Option<String> {
        let inner = self.text.strip_prefix('\'')?.strip_suffix('\'')?;
        Some(inner.replace("''", "'"))
    }

    /// A word to be put in, after a space.
    pub fn word(text: impl Into<String>) -> Self {
        Self {
            kind: Kind::Word,
            before: " ".to_owned(),
            text: text.into(),
        }
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.before, self.text)
    }
}

/// The tokens as text again.
pub fn join(tokens: &[Token]) -> String {
    tokens.iter().map(Token::to_string).collect()
}

/// Splits a text at its semicolons; empty statements are left out.
pub fn statements(sql: &str) -> Vec<Vec<Token>> {
    let tokens = tokens(sql);
    let parts = tokens.split(|token| token.is_symbol(";"));
    parts
        .filter(|part| !part.is_empty())
        .map(<[Token]>::to_vec)
        .collect()
}

/// Splits at the commas that are in no brackets.
pub fn split_at_commas(tokens: &[Token]) -> Vec<&[Token]> {
    let mut depth = 0_usize;
    let parts = tokens.split(|token| {
        match token.text.as_str() {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && token.is_symbol(",")
    });
    parts.filter(|part| !part.is_empty()).collect()
}

/// Where the bracket closes that opens at `open`.
pub fn closing(tokens: &[Token], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.checked_sub(1)?;
            if depth == 0 {
                return Some(at);
            }
        }
    }
    None
}

fn tokens(sql: &str) -> Vec<Token> {
    let (mut tokens, mut rest) = (Vec::new(), sql);
    loop {
        let (before, from_token) = rest.split_at(length_of_space(rest));
        if from_token.is_empty() {
            return tokens;
        }
        let (kind, length) = first(from_token);
        let (text, after) = from_token.split_at(length);
        tokens.push(Token {
            kind,
            before: before.to_owned(),
            text: text.to_owned(),
        });
        rest = after;
    }
}

/// Spaces and comments.
fn length_of_space(text: &str) -> usize {
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        if rest.starts_with("--") {
            rest = rest.split_once('\n').map_or("", |(_, after)| after);
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, after)| after);
        } else {
            return text.len() - rest.len();
        }
    }
}

/// The kind and the length of the token that a text begins with.
fn first(text: &str) -> (Kind, usize) {
    let Some(character) = text.chars().next() else {
        return (Kind::Symbol, 0);
    };
    let run = |belongs: fn(char) -> bool| text.find(|c| !belongs(c)).unwrap_or(text.len());
    match character {
        '\'' => (Kind::Text, length_of_quoted(text, '\'')),
        '"' => (Kind::Quoted, length_of_quoted(text, '"')),
        '0'..='9' => (Kind::Number, run(|c| c.is_ascii_digit() || c == '.')),
        c if is_of_word(c) => (Kind::Word, run(|c| is_of_word(c) || c == '$')),
        ':' if text.starts_with("::") => (Kind::Symbol, 2),
        c => (Kind::Symbol, c.len_utf8()),
    }
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '#'
}

/// A quote within is doubled; in texts, a backslash keeps the next character from ending it.
fn length_of_quoted(text: &str, quote: char) -> usize {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        if c == '\\' && quote == '\'' {
            characters.next();
        } else if c == quote && characters.next_if(|(_, next)| *next == quote).is_none() {
            return at + c.len_utf8();
        }
    }
    text.len()
}

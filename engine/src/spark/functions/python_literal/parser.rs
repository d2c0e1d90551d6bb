//! The grammar of literals, as Python's `ast.literal_eval` takes it.
//!
//! Everything between brackets may be broken into lines, and comments stand where Python allows
//! them. Not read: named characters (`\N{…}`).

use super::{Value, number, text};

/// How deep brackets may nest. CPython gives up at 100 to 200, by version.
const NESTING_MAX: usize = 100;

/// The value that `text` denotes; `None` where it is no literal.
pub(super) fn parse(text: &str) -> Option<Value> {
    if text.contains('\0') {
        return None;
    }
    let mut parser = Parser {
        // As `literal_eval` does, for texts cut out of indented code.
        rest: text.trim_start_matches([' ', '\t']),
        depth: 0,
    };
    parser.blank_lines()?;
    let first = parser.expression()?;
    let value = match parser.peek_after_blanks()? {
        Some(',') => Value::Tuple(parser.items_after(first, None)?),
        _ => first,
    };
    parser.end()?;
    Some(value)
}

/// What is left of the text, and how many brackets are open.
struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

/// A value, and what the signs around numbers must know about it.
struct Term {
    value: Value,
    /// Whether it is a number without and with a sign, and whether it is a complex one.
    number: Option<Number>,
}

#[derive(Clone, Copy)]
struct Number {
    signed: bool,
    complex: bool,
}

impl From<Value> for Term {
    fn from(value: Value) -> Self {
        Self {
            value,
            number: None,
        }
    }
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn take(&mut self, wanted: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(wanted)?;
        Some(())
    }

    /// Skips what separates tokens. Lines and comments end nothing between brackets.
    fn blanks(&mut self) -> Option<()> {
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\u{c}']);
            if let Some(rest) = self.rest.strip_prefix('\\') {
                // The line goes on, so there must be another one.
                self.rest = text::strip_newline(rest).filter(|rest| !rest.is_empty())?;
            } else if self.depth > 0 && self.rest.starts_with(['\n', '\r']) {
                self.rest = self.rest.trim_start_matches(['\n', '\r']);
            } else if self.depth > 0 && self.rest.starts_with('#') {
                self.comment();
            } else {
                return Some(());
            }
        }
    }

    fn peek_after_blanks(&mut self) -> Option<Option<char>> {
        self.blanks()?;
        Some(self.peek())
    }

    fn comment(&mut self) {
        if self.rest.starts_with('#') {
            let end = self.rest.find(['\n', '\r']).unwrap_or(self.rest.len());
            self.rest = &self.rest[end..];
        }
    }

    /// Lines of blanks and comments before the value. Its own line must not be indented.
    fn blank_lines(&mut self) -> Option<()> {
        loop {
            let line = self.rest.trim_start_matches([' ', '\t', '\u{c}']);
            let indent = &self.rest[..self.rest.len() - line.len()];
            self.rest = line;
            self.comment();
            match text::strip_newline(self.rest) {
                Some(rest) => self.rest = rest,
                // A form feed begins the line anew.
                None => return (indent.is_empty() || indent.ends_with('\u{c}')).then_some(()),
            }
        }
    }

    /// Nothing but blanks and comments may follow.
    fn end(&mut self) -> Option<()> {
        self.blanks()?;
        self.comment();
        while let Some(rest) = text::strip_newline(self.rest) {
            self.rest = rest.trim_start_matches([' ', '\t', '\u{c}']);
            self.comment();
        }
        self.rest.is_empty().then_some(())
    }

    fn expression(&mut self) -> Option<Value> {
        self.sum().map(|term| term.value)
    }

    /// A term, or a complex number such as `1+2j`: the only sum that is a literal.
    fn sum(&mut self) -> Option<Term> {
        let left = self.signed()?;
        if !matches!(self.peek_after_blanks()?, Some('+' | '-')) {
            return Some(left);
        }
        self.rest = &self.rest[1..];
        let right = self.term()?;
        let real = left.number.is_some_and(|number| !number.complex);
        let imaginary = right.number.is_some_and(|n| n.complex && !n.signed);
        (real && imaginary).then(|| Value::Other.into())
    }

    fn signed(&mut self) -> Option<Term> {
        let sign = match self.peek_after_blanks()? {
            Some(sign @ ('+' | '-')) => sign,
            _ => return self.term(),
        };
        self.rest = &self.rest[1..];
        let operand = self.term()?;
        let number = operand.number.filter(|number| !number.signed)?;
        let value = match operand.value {
            Value::Integer(value) if sign == '-' => Value::Integer(-value),
            Value::Float(value) if sign == '-' => Value::Float(-value),
            value => value,
        };
        Some(Term {
            value,
            number: Some(Number {
                signed: true,
                ..number
            }),
        })
    }

    fn term(&mut self) -> Option<Term> {
        match self.peek_after_blanks()?? {
            '(' => self.bracketed(Self::parenthesized),
            '[' => self.bracketed(|parser| Some(Value::List(parser.items(']')?).into())),
            '{' => self.bracketed(|parser| parser.braced().map(Term::from)),
            '.' if self.rest.starts_with("...") => {
                self.rest = &self.rest[3..];
                Some(Value::Other.into())
            }
            '0'..='9' | '.' => {
                let (number, rest) = number::parse(self.rest)?;
                self.rest = rest;
                let complex = number == Value::Other;
                Some(Term {
                    value: number,
                    number: Some(Number {
                        signed: false,
                        complex,
                    }),
                })
            }
            _ if text::starts(self.rest) => self.texts().map(Term::from),
            _ => self.name().map(Term::from),
        }
    }

    /// Texts in a row are one text.
    fn texts(&mut self) -> Option<Value> {
        let mut whole = text::Text::default();
        let mut bytes = None;
        while text::starts(self.rest) {
            let (is_bytes, rest) = text::read(self.rest, &mut whole)?;
            self.rest = rest;
            if *bytes.get_or_insert(is_bytes) != is_bytes {
                return None;
            }
            self.blanks()?;
        }
        Some(match bytes? {
            true => Value::Other,
            false => Value::Text(whole.finish()),
        })
    }

    fn name(&mut self) -> Option<Value> {
        let end = self.rest.find(|c: char| !number::is_name_part(c));
        let (name, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        match name {
            "None" => Some(Value::None),
            "True" => Some(Value::Boolean(true)),
            "False" => Some(Value::Boolean(false)),
            // How Python prints the set that `{}` cannot be.
            "set" => {
                self.blanks()?;
                self.peek().filter(|next| *next == '(')?;
                let set = self.bracketed(|parser| {
                    parser.blanks()?;
                    Some(Value::Set.into())
                });
                set.map(|term| term.value)
            }
            _ => None,
        }
    }

    /// Reads from after an opening bracket to after its closing one.
    fn bracketed(&mut self, inner: impl FnOnce(&mut Self) -> Option<Term>) -> Option<Term> {
        self.rest = self.rest.strip_prefix(['(', '[', '{'])?;
        self.depth += 1;
        if self.depth > NESTING_MAX {
            return None;
        }
        let term = inner(self)?;
        self.rest = self.rest.strip_prefix([')', ']', '}'])?;
        self.depth -= 1;
        Some(term)
    }

    /// A tuple, or a value in parentheses, which is the value itself.
    fn parenthesized(&mut self) -> Option<Term> {
        if self.peek_after_blanks()? == Some(')') {
            return Some(Value::Tuple(vec![]).into());
        }
        let first = self.sum()?;
        match self.peek_after_blanks()?? {
            ')' => Some(first),
            _ => {
                let items = self.items_after(first.value, Some(')'))?;
                Some(Value::Tuple(items).into())
            }
        }
    }

    /// Values with commas between them, up to `close`; a comma may follow the last one.
    fn items(&mut self, close: char) -> Option<Vec<Value>> {
        if self.peek_after_blanks()? == Some(close) {
            return Some(vec![]);
        }
        let first = self.expression()?;
        self.items_after(first, Some(close))
    }

    /// The values after the first one; without a `close`, up to the end of the line.
    fn items_after(&mut self, first: Value, close: Option<char>) -> Option<Vec<Value>> {
        let mut items = vec![first];
        loop {
            if self.at_end(close)? {
                return Some(items);
            }
            self.take(',')?;
            if self.at_end(close)? {
                return Some(items);
            }
            items.push(self.expression()?);
        }
    }

    fn at_end(&mut self, close: Option<char>) -> Option<bool> {
        let next = self.peek_after_blanks()?;
        Some(match close {
            Some(_) => next == close,
            None => matches!(next, None | Some('#' | '\n' | '\r')),
        })
    }

    /// A dictionary or a set.
    fn braced(&mut self) -> Option<Value> {
        if self.peek_after_blanks()? == Some('}') {
            return Some(Value::Dictionary(vec![]));
        }
        let first = self.expression()?;
        if self.peek_after_blanks()?? != ':' {
            let items = self.items_after(first, Some('}'))?;
            return items.iter().all(Value::is_hashable).then_some(Value::Set);
        }
        self.dictionary(first)
    }

    fn dictionary(&mut self, first: Value) -> Option<Value> {
        let mut entries = vec![];
        let mut key = first;
        loop {
            if !key.is_hashable() {
                return None;
            }
            self.blanks()?;
            self.take(':')?;
            let value = self.expression()?;
            entries.push((key, value));
            if self.peek_after_blanks()? == Some(',') {
                self.take(',')?;
            } else if self.peek() != Some('}') {
                return None;
            }
            if self.peek_after_blanks()? == Some('}') {
                return Some(Value::Dictionary(entries));
            }
            key = self.expression()?;
        }
    }
}

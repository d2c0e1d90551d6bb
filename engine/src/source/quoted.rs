//! The dialect of RFC 4180: fields may be quoted, and a quoted field may hold line breaks.

use std::io::Read;
use std::ops::ControlFlow;

use super::records::{FieldRange, Record, ScanError, Window, after_line};

/// Calls `on_record` for each record from the window's position on.
pub(super) fn scan<R: Read, E: From<ScanError>>(
    window: &mut Window<R>,
    delimiter: u8,
    quote: u8,
    on_record: &mut impl FnMut(&Record<'_>) -> Result<ControlFlow<()>, E>,
) -> Result<(), E> {
    let mut parser = Parser {
        delimiter,
        quote,
        ..Parser::default()
    };
    loop {
        let parsed = parser.parse(window.bytes(), window.eof());
        let offset = window.offset();
        match parsed {
            Parsed::Incomplete => window.fill()?,
            Parsed::End => return Ok(()),
            Parsed::Blank { next } => window.consume(next),
            Parsed::Record { raw, next } => {
                if offset >= window.end() {
                    return Ok(());
                }
                if window.too_long(raw) {
                    return Err(ScanError::TooLong(offset).into());
                }
                let bytes = &window.bytes()[..raw];
                let next_offset = offset + next as u64;
                if on_record(&parser.record(bytes, offset, next_offset))?.is_break() {
                    return Ok(());
                }
                window.consume(next);
            }
        }
    }
}

enum Parsed {
    /// The bytes end before the record does.
    Incomplete,
    /// There is no record any more.
    End,
    Blank {
        next: usize,
    },
    /// A record of `raw` bytes; its terminator ends at `next`.
    Record {
        raw: usize,
        next: usize,
    },
}

/// What a parsed field consists of, in bytes of the window.
#[derive(Clone, Copy)]
struct Part {
    start: usize,
    end: usize,
    quoted: bool,
    /// It holds doubled quotes.
    doubled: bool,
}

#[derive(Default)]
struct Parser {
    delimiter: u8,
    quote: u8,
    parts: Vec<Part>,
    bad_quote: bool,
    /// The fields of the record, without doubled quotes, if it has any.
    copy: Vec<u8>,
    fields: Vec<FieldRange>,
}

fn ends_line(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

impl Parser {
    /// Parses the record at the beginning of `bytes`; `last` says that nothing follows them.
    fn parse(&mut self, bytes: &[u8], last: bool) -> Parsed {
        self.parts.clear();
        self.bad_quote = false;
        let blanks = bytes
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t'))
            .count();
        match bytes.get(blanks) {
            None if last => return Parsed::End,
            None => return Parsed::Incomplete,
            Some(byte) if ends_line(*byte) => return Parsed::Blank { next: blanks + 1 },
            Some(_) => {}
        }
        let mut at = 0;
        loop {
            let end = if bytes.get(at) == Some(&self.quote) {
                self.quoted_field(bytes, at, last)
            } else {
                self.plain_field(bytes, at, last)
            };
            let Some(end) = end else {
                return Parsed::Incomplete;
            };
            match bytes.get(end) {
                Some(byte) if !ends_line(*byte) => at = end + 1,
                _ => {
                    return Parsed::Record {
                        raw: end,
                        next: after_line(bytes, end),
                    };
                }
            }
        }
    }

    /// The end of the field that is not quoted and begins at `start`.
    fn plain_field(&mut self, bytes: &[u8], start: usize, last: bool) -> Option<usize> {
        let end = self.field_end(bytes, start, last)?;
        self.parts.push(Part {
            start,
            end,
            quoted: false,
            doubled: false,
        });
        Some(end)
    }

    fn field_end(&self, bytes: &[u8], from: usize, last: bool) -> Option<usize> {
        match memchr::memchr3(self.delimiter, b'\n', b'\r', &bytes[from..]) {
            Some(length) => Some(from + length),
            None if last => Some(bytes.len()),
            None => None,
        }
    }

    /// The end of the field whose opening quote is at `start`.
    fn quoted_field(&mut self, bytes: &[u8], start: usize, last: bool) -> Option<usize> {
        let mut doubled = false;
        let mut from = start + 1;
        loop {
            let Some(length) = memchr::memchr(self.quote, &bytes[from..]) else {
                return last.then(|| self.verbatim(start, bytes.len()));
            };
            let quote = from + length;
            match bytes.get(quote + 1) {
                None if !last => return None,
                Some(byte) if *byte == self.quote => {
                    doubled = true;
                    from = quote + 2;
                }
                Some(byte) if *byte != self.delimiter && !ends_line(*byte) => {
                    let end = self.field_end(bytes, quote + 1, last)?;
                    return Some(self.verbatim(start, end));
                }
                _ => {
                    self.parts.push(Part {
                        start: start + 1,
                        end: quote,
                        quoted: true,
                        doubled,
                    });
                    return Some(quote + 1);
                }
            }
        }
    }

    /// A field whose quotes are wrong is kept as it stands, quotes and all.
    fn verbatim(&mut self, start: usize, end: usize) -> usize {
        self.bad_quote = true;
        self.parts.push(Part {
            start,
            end,
            quoted: false,
            doubled: false,
        });
        end
    }

    /// The record that was parsed last; `raw` are its bytes.
    fn record<'a>(&'a mut self, raw: &'a [u8], offset: u64, next: u64) -> Record<'a> {
        self.fields.clear();
        let copied = self.parts.iter().any(|part| part.doubled);
        if copied {
            self.copy_fields(raw);
        } else {
            let field = |part: &Part| FieldRange::new(part.start, part.end, part.quoted);
            self.fields.extend(self.parts.iter().map(field));
        }
        let data = if copied { self.copy.as_slice() } else { raw };
        let text = simdutf8::basic::from_utf8(data).ok();
        let fields = &self.fields;
        Record {
            offset,
            next,
            raw,
            data,
            text,
            fields,
            bad_quote: self.bad_quote,
        }
    }

    fn copy_fields(&mut self, raw: &[u8]) {
        self.copy.clear();
        for part in &self.parts {
            let start = self.copy.len();
            let mut rest = &raw[part.start..part.end];
            while part.doubled
                && let Some(at) = memchr::memchr(self.quote, rest)
            {
                self.copy.extend_from_slice(&rest[..=at]);
                rest = &rest[(at + 2).min(rest.len())..];
            }
            self.copy.extend_from_slice(rest);
            self.fields
                .push(FieldRange::new(start, self.copy.len(), part.quoted));
            // Else two halves of a character, from two fields, could meet.
            self.copy.push(self.delimiter);
        }
    }
}

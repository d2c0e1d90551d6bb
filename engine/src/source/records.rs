//! From bytes to records: the window over a file that both dialects share, and the dialect
//! without quoting.

use std::io::{self, Read};
use std::ops::ControlFlow;

use super::quoted;
use super::spec::TextFormat;

/// One record, borrowed from the window.
pub(super) struct Record<'a> {
    /// Where it begins in the (uncompressed) file.
    pub offset: u64,
    /// The offset after it and its terminator; a `\n` after a `\r` may be left over, which makes
    /// an empty line.
    pub next: u64,
    /// The record as it stands in the file, without terminator.
    pub raw: &'a [u8],
    /// What the fields refer to: the record, or a copy in which quotes are resolved.
    pub data: &'a [u8],
    /// `data` as text, where it is UTF-8.
    pub text: Option<&'a str>,
    pub fields: &'a [FieldRange],
    /// A quote is not closed, or text follows it.
    pub bad_quote: bool,
}

/// Where a field lies within [`Record::data`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FieldRange {
    pub start: u32,
    pub end: u32,
    pub quoted: bool,
}

impl FieldRange {
    /// Positions fit because records are limited to [`super::spec::HIGHEST_MAX_RECORD_BYTES`].
    #[allow(clippy::cast_possible_truncation)]
    pub(super) fn new(start: usize, end: usize, quoted: bool) -> Self {
        Self {
            start: start as u32,
            end: end as u32,
            quoted,
        }
    }
}

impl Record<'_> {
    /// The bytes of a field and whether it was quoted; `None` behind the last one.
    #[inline]
    pub(super) fn field(&self, index: usize) -> Option<(&[u8], bool)> {
        let field = self.fields.get(index)?;
        Some((
            &self.data[field.start as usize..field.end as usize],
            field.quoted,
        ))
    }
}

/// Why reading ended early.
#[derive(Debug)]
pub(super) enum ScanError {
    Io(io::Error),
    /// The record at this offset is longer than allowed.
    TooLong(u64),
}

impl From<io::Error> for ScanError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What is to be read of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// The offset of the reader's first byte.
    pub base: u64,
    /// The reader begins within a record that is not ours: skip to the end of that one.
    pub skip_first: bool,
    /// Records that begin here or later are not ours; `u64::MAX` reads to the end of the file.
    pub end: u64,
    pub max_record_bytes: u64,
    /// How many bytes are asked of the reader at a time.
    pub window_bytes: usize,
}

/// Calls `on_record` for each record of `extent`, in order, until it breaks.
pub(super) fn scan<R: Read, E: From<ScanError>>(
    reader: R,
    format: &TextFormat,
    extent: Extent,
    on_record: &mut impl FnMut(&Record<'_>) -> Result<ControlFlow<()>, E>,
) -> Result<(), E> {
    let mut window = Window::new(reader, extent);
    if extent.base == 0 {
        window.skip_byte_order_mark()?;
    }
    if extent.skip_first && !window.skip_line()? {
        return Ok(());
    }
    match format.quote {
        None => scan_lines(&mut window, format.delimiter, on_record),
        Some(quote) => quoted::scan(&mut window, format.delimiter, quote, on_record),
    }
}

/// The part of a file that is in memory: it moves forward, and grows when a record needs it.
pub(super) struct Window<R> {
    reader: R,
    buffer: Vec<u8>,
    /// The first byte that has not been consumed.
    from: usize,
    /// The end of what has been read.
    to: usize,
    /// The file offset of `buffer[0]`.
    base: u64,
    eof: bool,
    extent: Extent,
}

impl<R: Read> Window<R> {
    fn new(reader: R, extent: Extent) -> Self {
        Self {
            reader,
            buffer: Vec::new(),
            from: 0,
            to: 0,
            base: extent.base,
            eof: false,
            extent,
        }
    }

    pub(super) fn eof(&self) -> bool {
        self.eof
    }

    /// What has been read and not consumed.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.from..self.to]
    }

    /// The file offset of the first byte of [`Window::bytes`].
    pub(super) fn offset(&self) -> u64 {
        self.base + self.from as u64
    }

    pub(super) fn end(&self) -> u64 {
        self.extent.end
    }

    pub(super) fn consume(&mut self, bytes: usize) {
        self.from += bytes;
    }

    pub(super) fn too_long(&self, record_bytes: usize) -> bool {
        record_bytes as u64 > self.extent.max_record_bytes
    }

    /// Reads on behind the bytes that are there; after it, there are more or [`Window::eof`] holds.
    ///
    /// What is read at least doubles a window that held no whole record, so that the bytes of a
    /// long record are looked at a constant number of times.
    pub(super) fn fill(&mut self) -> Result<(), ScanError> {
        let kept = self.to - self.from;
        if self.too_long(kept) {
            return Err(ScanError::TooLong(self.offset()));
        }
        self.buffer.copy_within(self.from..self.to, 0);
        self.base += self.from as u64;
        self.from = 0;
        self.to = kept;
        // One byte above the limit is enough to know that a record is too long.
        let room = usize::try_from(self.extent.max_record_bytes).unwrap_or(usize::MAX) - kept;
        let wanted = kept
            + self
                .extent
                .window_bytes
                .max(1)
                .max(kept.min(room.saturating_add(1)));
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
        while self.to < wanted && !self.eof {
            match self.reader.read(&mut self.buffer[self.to..wanted]) {
                Ok(0) => self.eof = true,
                Ok(read) => self.to += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn skip_byte_order_mark(&mut self) -> Result<(), ScanError> {
        while self.bytes().len() < 3 && !self.eof {
            self.fill()?;
        }
        if self.bytes().starts_with(b"\xef\xbb\xbf") {
            self.consume(3);
        }
        Ok(())
    }

    /// Skips to the first line that begins behind the first byte; false if none does before the
    /// end of the extent.
    fn skip_line(&mut self) -> Result<bool, ScanError> {
        loop {
            let bytes = self.bytes();
            if let Some(at) = memchr::memchr2(b'\n', b'\r', bytes) {
                self.consume(at + 1);
                return Ok(self.offset() < self.extent.end);
            }
            self.consume(bytes.len());
            if self.eof || self.offset() >= self.extent.end {
                return Ok(false);
            }
            self.fill()?;
        }
    }
}

/// A line of nothing but blanks and tabs is no record.
///
/// That makes `\r\n` easy as well: it is the end of a record and then an empty line, so nobody
/// needs to know whether a `\r` at the end of a window or range has its `\n` in the next one.
#[inline]
pub(super) fn is_blank(line: &[u8]) -> bool {
    match line.first() {
        None => true,
        Some(b' ' | b'\t') => line.iter().all(|byte| matches!(byte, b' ' | b'\t')),
        Some(_) => false,
    }
}

/// The position after the terminator at `end`, as far as it is there.
#[inline]
pub(super) fn after_line(bytes: &[u8], end: usize) -> usize {
    match bytes.get(end..) {
        Some([b'\r', b'\n', ..]) => end + 2,
        Some([_, ..]) => end + 1,
        _ => end,
    }
}

/// The dialect without quoting: a record is a line.
fn scan_lines<R: Read, E: From<ScanError>>(
    window: &mut Window<R>,
    delimiter: u8,
    on_record: &mut impl FnMut(&Record<'_>) -> Result<ControlFlow<()>, E>,
) -> Result<(), E> {
    let mut fields = Vec::new();
    while window.offset() < window.end() {
        let whole = match memchr::memrchr2(b'\n', b'\r', window.bytes()) {
            Some(last) => last + 1,
            None if window.eof() => window.bytes().len(),
            None => {
                window.fill()?;
                continue;
            }
        };
        let lines = Lines {
            window,
            delimiter,
            whole,
        };
        if lines.each(&mut fields, on_record)?.is_break() {
            return Ok(());
        }
        window.consume(whole);
        if window.bytes().is_empty() && window.eof() {
            break;
        }
    }
    Ok(())
}

/// The whole lines at the beginning of a window.
struct Lines<'w, R> {
    window: &'w Window<R>,
    delimiter: u8,
    whole: usize,
}

impl<R: Read> Lines<'_, R> {
    fn each<E: From<ScanError>>(
        &self,
        fields: &mut Vec<FieldRange>,
        on_record: &mut impl FnMut(&Record<'_>) -> Result<ControlFlow<()>, E>,
    ) -> Result<ControlFlow<()>, E> {
        let bytes = &self.window.bytes()[..self.whole];
        // Once for all lines; only where something is wrong is each looked at by itself.
        let text = simdutf8::basic::from_utf8(bytes).ok();
        let mut line = 0;
        let mut field = 0;
        fields.clear();
        for at in memchr::memchr3_iter(self.delimiter, b'\n', b'\r', bytes) {
            fields.push(FieldRange::new(field - line, at - line, false));
            field = at + 1;
            if bytes[at] == self.delimiter {
                continue;
            }
            if self.one(text, (line, at), fields, on_record)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            fields.clear();
            line = field;
        }
        // Only the last line of a file can be without terminator.
        if line < bytes.len() {
            fields.push(FieldRange::new(field - line, bytes.len() - line, false));
            return self.one(text, (line, bytes.len()), fields, on_record);
        }
        Ok(ControlFlow::Continue(()))
    }

    #[inline]
    fn one<E: From<ScanError>>(
        &self,
        text: Option<&str>,
        (start, end): (usize, usize),
        fields: &[FieldRange],
        on_record: &mut impl FnMut(&Record<'_>) -> Result<ControlFlow<()>, E>,
    ) -> Result<ControlFlow<()>, E> {
        let raw = &self.window.bytes()[start..end];
        if is_blank(raw) {
            return Ok(ControlFlow::Continue(()));
        }
        let offset = self.window.offset() + start as u64;
        if offset >= self.window.end() {
            return Ok(ControlFlow::Break(()));
        }
        if self.window.too_long(raw.len()) {
            return Err(ScanError::TooLong(offset).into());
        }
        let text = match text {
            Some(text) => text.get(start..end),
            None => std::str::from_utf8(raw).ok(),
        };
        let next = self.window.offset() + after_line(self.window.bytes(), end) as u64;
        on_record(&Record {
            offset,
            next,
            raw,
            data: raw,
            text,
            fields,
            bad_quote: false,
        })
    }
}

//! Any cut and any chunk size give the same records: against splitters that see all at once.

use std::io::{self, Read};
use std::ops::ControlFlow;

use proptest::prelude::*;

use super::super::records::{Extent, ScanError, scan};
use super::super::spec::TextFormat;

/// Hands out at most `size` bytes at a time.
struct Chunks<'a> {
    bytes: &'a [u8],
    size: usize,
}

impl Read for Chunks<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.size.min(buffer.len()).min(self.bytes.len());
        buffer[..length].copy_from_slice(&self.bytes[..length]);
        self.bytes = &self.bytes[length..];
        Ok(length)
    }
}

#[derive(Debug, PartialEq, Clone)]
struct Found {
    offset: u64,
    raw: Vec<u8>,
    fields: Vec<(Vec<u8>, bool)>,
    text: bool,
    bad_quote: bool,
}

/// The records of the range `start..end`, as a scan of a plain file reads them.
fn found(
    bytes: &[u8],
    format: &TextFormat,
    (start, end): (usize, u64),
    (chunk, window_bytes): (usize, usize),
) -> Result<Vec<Found>, ScanError> {
    let skip_first = start > 0;
    let base = if skip_first { start - 1 } else { 0 };
    let max_record_bytes = 1000;
    let extent = Extent {
        base: base as u64,
        skip_first,
        end,
        max_record_bytes,
        window_bytes,
    };
    let mut records = Vec::new();
    scan(
        Chunks {
            bytes: &bytes[base..],
            size: chunk,
        },
        format,
        extent,
        &mut |record| {
            let field = |index| {
                record
                    .field(index)
                    .map(|(bytes, quoted)| (bytes.to_vec(), quoted))
            };
            let fields = (0..record.fields.len())
                .map(|index| field(index).unwrap())
                .collect();
            let text = record.text.is_some();
            let (offset, raw) = (record.offset, record.raw.to_vec());
            records.push(Found {
                offset,
                raw,
                fields,
                text,
                bad_quote: record.bad_quote,
            });
            Ok::<_, ScanError>(ControlFlow::Continue(()))
        },
    )?;
    Ok(records)
}

/// Lines end at each `\r` and each `\n`, and blank ones do not count.
fn naive_lines(bytes: &[u8]) -> Vec<Found> {
    let mut offset = 0;
    let mut records = Vec::new();
    for line in bytes.split(|byte| matches!(byte, b'\n' | b'\r')) {
        if !line.iter().all(|byte| matches!(byte, b' ' | b'\t')) {
            records.push(Found {
                offset,
                raw: line.to_vec(),
                fields: line
                    .split(|byte| *byte == b'\t')
                    .map(|f| (f.to_vec(), false))
                    .collect(),
                text: std::str::from_utf8(line).is_ok(),
                bad_quote: false,
            });
        }
        offset += line.len() as u64 + 1;
    }
    records
}

/// RFC 4180 byte by byte.
fn naive_quoted(bytes: &[u8]) -> Vec<Found> {
    let ends_line = |at: usize| {
        bytes
            .get(at)
            .is_none_or(|byte| matches!(byte, b'\n' | b'\r'))
    };
    let mut at = 0;
    let mut records = Vec::new();
    while at < bytes.len() {
        let start = at;
        let mut blank = at;
        while matches!(bytes.get(blank), Some(b' ' | b'\t')) {
            blank += 1;
        }
        if ends_line(blank) {
            at = blank + 1;
            continue;
        }
        let (mut fields, mut bad_quote) = (Vec::new(), false);
        loop {
            let begin = at;
            let mut value = Vec::new();
            let mut quoted = bytes.get(at) == Some(&b'"');
            if quoted {
                at += 1;
                while at < bytes.len() && (bytes[at] != b'"' || bytes.get(at + 1) == Some(&b'"')) {
                    at += if bytes[at] == b'"' { 2 } else { 1 };
                    value.push(bytes[at - 1]);
                }
                let closed = at < bytes.len();
                at = (at + 1).min(bytes.len());
                if !closed || !(ends_line(at) || bytes[at] == b',') {
                    (bad_quote, quoted) = (true, false);
                }
            }
            if !quoted {
                while !ends_line(at) && bytes[at] != b',' {
                    at += 1;
                }
                value = bytes[begin..at].to_vec();
            }
            fields.push((value, quoted));
            if ends_line(at) {
                break;
            }
            at += 1;
        }
        let raw = bytes[start..at].to_vec();
        let text = std::str::from_utf8(&raw).is_ok();
        records.push(Found {
            offset: start as u64,
            raw,
            fields,
            text,
            bad_quote,
        });
        at += 1;
    }
    records
}

/// Text that is rich in what matters here; its last byte can be anything.
fn content(pieces: &'static [&'static [u8]]) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(pieces), 0..60).prop_map(|parts| parts.concat())
}

const LINES: &[&[u8]] = &[
    b"\r",
    b"\n",
    b"\r\n",
    b"\t",
    b"\t",
    b" ",
    b"ab",
    b"c",
    b"\\N",
    "é".as_bytes(),
    b"\xff",
    b"\"",
];
const QUOTED: &[&[u8]] = &[
    b"\r",
    b"\n",
    b"\r\n",
    b",",
    b",",
    b" ",
    b"\t",
    b"ab",
    b"\"",
    b"\"",
    b"\"\"",
    b",\"",
    b"\",",
    "é".as_bytes(),
    b"\xc3",
    b"\xa9",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_of_lines_gives_the_same_records(
        bytes in content(LINES),
        cuts in prop::collection::vec(0usize..140, 0..6),
        chunk in 1usize..8,
        window in 1usize..8,
    ) {
        let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut < bytes.len()).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut records = Vec::new();
        for range in cuts.windows(2) {
            let range = (range[0], range[1] as u64);
            records.extend(found(&bytes, &TextFormat::imdb_tsv(), range, (chunk, window)).unwrap());
        }
        prop_assert_eq!(records, naive_lines(&bytes));
    }

    #[test]
    fn any_chunks_of_quoted_text_give_the_same_records(
        bytes in content(QUOTED),
        chunk in 1usize..8,
        window in 1usize..8,
    ) {
        let records =
            found(&bytes, &TextFormat::csv(), (0, u64::MAX), (chunk, window)).unwrap();
        prop_assert_eq!(records, naive_quoted(&bytes));
    }
}

#[test]
fn halves_of_a_character_in_two_fields_do_not_meet() {
    let bytes = b"\"a\"\"\xc3\",\"\xa9\"\n";
    let records = found(bytes, &TextFormat::csv(), (0, u64::MAX), (4, 4)).unwrap();
    assert!(!records[0].text);
    assert_eq!(records[0].fields[1], (b"\xa9".to_vec(), true));
}

#[test]
fn a_long_record_is_found_with_little_read() {
    struct Endless(u64);
    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            buffer.fill(b'x');
            self.0 += buffer.len() as u64;
            Ok(buffer.len())
        }
    }
    for format in [TextFormat::imdb_tsv(), TextFormat::csv()] {
        let mut endless = Endless(0);
        let max_record_bytes = 1 << 20;
        let extent = Extent {
            base: 7,
            skip_first: false,
            end: 8,
            max_record_bytes,
            window_bytes: 4096,
        };
        let outcome = scan(&mut endless, &format, extent, &mut |_| {
            Ok::<_, ScanError>(ControlFlow::Break(()))
        });
        assert!(matches!(outcome, Err(ScanError::TooLong(7))), "{outcome:?}");
        assert!(
            endless.0 < (1 << 20) + 8192,
            "{} bytes were read",
            endless.0
        );
    }
}

#[test]
fn a_record_of_exactly_the_limit_is_read() {
    for format in [TextFormat::imdb_tsv(), TextFormat::csv()] {
        for (length, fits) in [(1000, true), (1001, false)] {
            let mut bytes = vec![b'x'; length];
            bytes.push(b'\n');
            let outcome = found(&bytes, &format, (0, u64::MAX), (3, 64));
            assert_eq!(outcome.is_ok(), fits);
        }
    }
}

//! Cuts a gzip file into parts, so that several tasks can read it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;

const BUFFER_BYTES: usize = 1 << 20;
/// No header is as long as this.
const HEADER_BYTES_MAX: u64 = 1 << 20;

/// Whether a file may be cut at every line end: fields of CSV may hold some.
pub fn can_be_split(name: &str) -> bool {
    name.ends_with(".tsv.gz")
}

/// Writes parts of about `part_bytes` of text each into a folder; each has the header. Nothing of a
/// file is lost or moved, so that the parts in their order, less headers, are the file.
pub fn split(packed: &Path, folder: &Path, part_bytes: u64) -> io::Result<Vec<PathBuf>> {
    let packed = BufReader::with_capacity(BUFFER_BYTES, File::open(packed)?);
    let mut text = BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(packed));
    let mut header = Vec::new();
    text.by_ref()
        .take(HEADER_BYTES_MAX)
        .read_until(b'\n', &mut header)?;
    if header.len() as u64 == HEADER_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "no line ends"));
    }
    let mut parts = Vec::new();
    while !text.fill_buf()?.is_empty() {
        let path = folder.join(format!("part-{:05}", parts.len()));
        let mut part = GzEncoder::new(File::create(&path)?, Compression::default());
        part.write_all(&header)?;
        copy_lines(&mut text, &mut part, part_bytes)?;
        part.finish()?;
        parts.push(path);
    }
    Ok(parts)
}

/// Copies up to the first line end behind so many bytes.
fn copy_lines(text: &mut impl BufRead, part: &mut impl Write, bytes: u64) -> io::Result<()> {
    let mut room = bytes;
    loop {
        let buffer = text.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        let skipped = usize::try_from(room)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let end = buffer[skipped..].iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(buffer.len(), |end| skipped + end + 1);
        part.write_all(&buffer[..taken])?;
        text.consume(taken);
        if end.is_some() {
            return Ok(());
        }
        room -= skipped as u64;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn texts(text: &str, part_bytes: u64) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let packed = folder.path().join("whole");
        let mut encoder = GzEncoder::new(File::create(&packed).unwrap(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap();
        let parts = split(&packed, folder.path(), part_bytes).unwrap();
        let read = |path: &PathBuf| {
            let mut text = String::new();
            let file = BufReader::new(File::open(path).unwrap());
            MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
            text
        };
        parts.iter().map(read).collect()
    }

    #[test]
    fn cuts_are_at_line_ends() {
        assert_eq!(texts("h\na1\nb2\nc3", 1), ["h\na1\n", "h\nb2\n", "h\nc3"]);
        assert_eq!(texts("h\na1\nb2\nc3\n", 3), ["h\na1\nb2\n", "h\nc3\n"]);
        assert_eq!(texts("h\na1\n\n", 1), ["h\na1\n", "h\n\n"]);
        assert_eq!(texts("h\n", 1), Vec::<String>::new());
        assert_eq!(texts("", 1), Vec::<String>::new());
    }

    #[test]
    fn long_texts_stay_whole() {
        let lines: Vec<String> = (0..400_000).map(|n| format!("{n}\tsome title\n")).collect();
        let text = format!("h\n{}", lines.concat());
        for part_bytes in [1 << 20, 1_000_003, u64::MAX] {
            let parts = texts(&text, part_bytes);
            let bodies = parts.iter().map(|part| part.strip_prefix("h\n").unwrap());
            assert!(bodies.collect::<String>() == lines.concat());
            assert!(parts.iter().all(|part| part.ends_with('\n')));
            assert_eq!(parts.len() > 5, part_bytes < u64::MAX);
        }
    }
}

//! Reads a file that arrived once through: its hash, and whether a packed one is whole.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};

const BUFFER_BYTES: usize = 1 << 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    pub bytes: u64,
    pub sha256: String,
}

/// Reads a file; one whose `name` says that it is gzip must be, to its end and with the right
/// checksums.
///
/// # Errors
/// `InvalidData` and the like where it is damaged.
pub fn check(path: &Path, name: &str) -> io::Result<Checked> {
    let mut hashed = Hashed {
        file: File::open(path)?,
        hasher: Sha256::new(),
        bytes: 0,
    };
    if is_gzip(name) {
        let packed = BufReader::with_capacity(BUFFER_BYTES, &mut hashed);
        io::copy(&mut MultiGzDecoder::new(packed), &mut io::sink())?;
    }
    // Of a packed file nothing is left by now.
    let mut rest = BufReader::with_capacity(BUFFER_BYTES, &mut hashed);
    io::copy(&mut rest, &mut io::sink())?;
    let mut sha256 = String::new();
    for byte in hashed.hasher.finalize() {
        // Writing to a text does not fail.
        let _ = write!(sha256, "{byte:02x}");
    }
    Ok(Checked {
        bytes: hashed.bytes,
        sha256,
    })
}

pub fn is_gzip(name: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("gz"))
}

/// Whether an error of [`check`] is about the content.
pub fn is_damage(cause: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(cause.kind(), InvalidData | InvalidInput | UnexpectedEof)
}

struct Hashed {
    file: File,
    hasher: Sha256,
    bytes: u64,
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn damage_is_found_and_whole_files_are_hashed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let checked = |bytes: &[u8], name: &str| {
            std::fs::write(&path, bytes).unwrap();
            check(&path, name)
        };
        let plain = checked(b"abc", "a.csv").unwrap();
        assert_eq!(plain.bytes, 3);
        assert!(plain.sha256.starts_with("ba7816bf8f01cfea"), "{plain:?}");
        let whole = gzip(b"some text, and some more text");
        let two = [whole.clone(), whole.clone()].concat();
        assert_eq!(checked(&two, "a.tsv.gz").unwrap().bytes, two.len() as u64);
        let mut wrong = whole.clone();
        let place = wrong.len() - 6;
        wrong[place] ^= 1;
        for bad in [&wrong[..], &whole[..whole.len() - 3], b"", b"<html>"] {
            assert!(is_damage(&checked(bad, "a.tsv.gz").unwrap_err()));
        }
    }
}

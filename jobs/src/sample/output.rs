//! The files being written: plain or compressed, under a temporary name until they are whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use cinemill_engine::error::{Error, Kind, Result};
use flate2::Compression;
use flate2::write::GzEncoder;

/// A file that takes its name only in [`Output::finish`], and is removed if that never comes.
pub(super) struct Output {
    path: PathBuf,
    temporary: PathBuf,
    sink: Option<Sink>,
    rows: u64,
}

enum Sink {
    Plain(File),
    Gzip(Box<GzEncoder<File>>),
}

/// A file of a written sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleFile {
    pub path: PathBuf,
    /// Without the header line.
    pub rows: u64,
    /// As on the disk: compressed, where it is.
    pub bytes: u64,
}

impl Output {
    pub fn create(folder: &Path, name: &str, gzip: bool) -> Result<Self> {
        let name = if gzip {
            format!("{name}.gz")
        } else {
            name.to_owned()
        };
        let path = folder.join(&name);
        let temporary = folder.join(format!(".{name}.tmp"));
        let file = File::create(&temporary).map_err(|cause| failed(&temporary, &cause))?;
        let sink = if gzip {
            Sink::Gzip(Box::new(GzEncoder::new(file, Compression::default())))
        } else {
            Sink::Plain(file)
        };
        Ok(Self {
            path,
            temporary,
            sink: Some(sink),
            rows: 0,
        })
    }

    /// Appends whole lines. They come in blocks of a megabyte or so and need no further buffer.
    pub fn append(&mut self, lines: &[u8], rows: u64) -> Result<()> {
        let result = match &mut self.sink {
            Some(Sink::Plain(file)) => file.write_all(lines),
            Some(Sink::Gzip(encoder)) => encoder.write_all(lines),
            None => Err(io::Error::other("the file is finished")),
        };
        self.rows += rows;
        result.map_err(|cause| failed(&self.temporary, &cause))
    }

    pub fn finish(mut self) -> Result<SampleFile> {
        let bytes = self.close().map_err(|cause| failed(&self.path, &cause))?;
        Ok(SampleFile {
            path: self.path.clone(),
            rows: self.rows,
            bytes,
        })
    }

    fn close(&mut self) -> io::Result<u64> {
        let file = match self.sink.take() {
            Some(Sink::Plain(file)) => file,
            Some(Sink::Gzip(encoder)) => encoder.finish()?,
            None => return Err(io::Error::other("the file is finished")),
        };
        let bytes = file.metadata()?.len();
        fs::rename(&self.temporary, &self.path)?;
        Ok(bytes)
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // After the rename there is nothing left under this name, and nothing to do about it.
        let _ = fs::remove_file(&self.temporary);
    }
}

pub(super) fn failed(path: &Path, cause: &io::Error) -> Error {
    Error::new(Kind::Final, "write", path.display(), cause)
}

//! Takes files out of a zip archive.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use zip::ZipArchive;
use zip::result::ZipError;

/// Writes the wanted files into a folder, in the order of `names`.
///
/// # Errors
/// `InvalidData` where the archive is damaged or lacks one.
pub fn extract(archive: &Path, names: &[String], folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut archive = ZipArchive::new(File::open(archive)?).map_err(damaged)?;
    let mut extracted = Vec::with_capacity(names.len());
    for (number, name) in names.iter().enumerate() {
        let path = folder.join(format!("member-{number}"));
        let index = find(&archive, name)?;
        let mut member = archive.by_index(index).map_err(damaged)?;
        // At its end the member's checksum is compared.
        io::copy(&mut member, &mut File::create(&path)?)?;
        extracted.push(path);
    }
    Ok(extracted)
}

/// The one file of that name, in whatever folder of the archive it is.
fn find(archive: &ZipArchive<File>, name: &str) -> io::Result<usize> {
    let wanted = |index: &usize| {
        let path = archive.name_for_index(*index);
        matches!(path, Some(Ok(path)) if path.rsplit('/').next() == Some(name))
    };
    let found: Vec<usize> = (0..archive.len()).filter(wanted).collect();
    match found.as_slice() {
        [index] => Ok(*index),
        [] => Err(invalid(format!("it holds no {name}"))),
        _ => Err(invalid(format!("it holds more than one {name}"))),
    }
}

fn damaged(cause: ZipError) -> io::Error {
    match cause {
        ZipError::Io(cause) => cause,
        cause => invalid(cause.to_string()),
    }
}

fn invalid(cause: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, cause)
}

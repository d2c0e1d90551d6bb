//! Made-up data, and what one process makes of it.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::processes::{Cinemill, Result, text};
use crate::published::{Published, whole};

pub const JOB: &str = "imdb_titles";

/// Writes the files of a data set; the same seed gives the same.
pub fn make(titles: u64, seed: u64, folder: &Path) -> Result<()> {
    let (titles, seed) = (titles.to_string(), seed.to_string());
    let output = text(folder)?;
    let arguments = [
        "sample", "--titles", &titles, "--seed", &seed, "--output", &output,
    ];
    let ended = Cinemill::default().run(&arguments)?;
    match ended.code() {
        Some(0) => Ok(()),
        _ => Err(format!("no sample: {}", ended.stderr).into()),
    }
}

/// The table that one process makes of a data set.
pub fn embedded(input: &Path) -> Result<Published> {
    let output = TempDir::new()?;
    let (input, output_text) = (text(input)?, text(output.path())?);
    let arguments = ["run", JOB, "--input", &input, "--output", &output_text];
    let ended = Cinemill::default().run(&arguments)?;
    match ended.code() {
        Some(0) => whole(output.path()),
        _ => Err(format!("the embedded run failed: {}", ended.stderr).into()),
    }
}

/// Copies the files of a folder, not those of folders in it, into another one, such as a bucket's.
pub fn copy(folder: &Path, target: &Path) -> Result<()> {
    fs::create_dir_all(target)?;
    let entries = fs::read_dir(folder)?.flatten();
    for file in entries.filter(|entry| entry.path().is_file()) {
        fs::copy(file.path(), target.join(file.file_name()))?;
    }
    Ok(())
}

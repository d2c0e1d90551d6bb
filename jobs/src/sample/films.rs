//! Made-up files in the shape of Kaggle's films, MovieLens' ratings and links, and FRED's price
//! index: what `movies_model` reads. Their odd cases are among them.

mod literal;
mod metadata;
mod prices;
mod ratings;

use std::fs;

use cinemill_engine::error::Result;

use self::metadata::Catalogue;
use super::output::{self, Output};
use super::random::{Dice, Purpose};
use super::{SampleOptions, SampleSummary};

/// The streams of random numbers here are none of those that IMDb's shape draws from.
const BLOCK: u64 = 1 << 40;
/// How much is gathered before it goes to a file.
const BUFFER_BYTES: usize = 1 << 20;

/// Writes the four files; `titles` is the number of films.
pub(super) fn write(options: &SampleOptions) -> Result<SampleSummary> {
    fs::create_dir_all(&options.output).map_err(|cause| output::failed(&options.output, &cause))?;
    let dice = |purpose| Dice::new(options.seed, BLOCK, purpose);
    let catalogue = Catalogue::new(options.seed, options.titles);
    let mut files = Vec::new();
    let mut file = |name: &str, make: &mut dyn FnMut(&mut Lines) -> Result<()>| -> Result<()> {
        let mut lines = Lines {
            file: Output::create(&options.output, name, options.gzip)?,
            buffer: Vec::with_capacity(BUFFER_BYTES + (BUFFER_BYTES >> 4)),
            rows: 0,
        };
        make(&mut lines)?;
        lines.flush()?;
        files.push(lines.file.finish()?);
        Ok(())
    };
    let mut for_films = dice(Purpose::Titles);
    file("movies_metadata.csv", &mut |lines| {
        metadata::write(lines, &catalogue, &mut for_films)
    })?;
    let mut for_ratings = dice(Purpose::Ratings);
    file("ratings.csv", &mut |lines| {
        ratings::write_ratings(lines, &catalogue, &mut for_ratings)
    })?;
    let mut for_links = dice(Purpose::Crew);
    file("links.csv", &mut |lines| {
        ratings::write_links(lines, &catalogue, &mut for_links)
    })?;
    let mut for_prices = dice(Purpose::Names);
    file("CUSR0000SS62031.csv", &mut |lines| {
        prices::write(lines, &mut for_prices)
    })?;
    Ok(SampleSummary { files })
}

/// A file that is written in large pieces.
struct Lines {
    file: Output,
    buffer: Vec<u8>,
    rows: u64,
}

impl Lines {
    /// A header, which is no row.
    fn header(&mut self, text: &str) {
        self.buffer.extend_from_slice(text.as_bytes());
    }

    /// A row with its line end.
    fn row(&mut self, text: &str) -> Result<()> {
        self.buffer.extend_from_slice(text.as_bytes());
        self.rows += 1;
        match self.buffer.len() < BUFFER_BYTES {
            true => Ok(()),
            false => self.flush(),
        }
    }

    fn flush(&mut self) -> Result<()> {
        self.file.append(&self.buffer, self.rows)?;
        self.buffer.clear();
        self.rows = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests;

//! Made-up data sets in the shape of IMDb's files, or of Kaggle's films with ratings and prices, for
//! trying things out without theirs.
//!
//! Nothing in it is real. What it keeps of the real files is the dialect, the columns, the skew and
//! the odd cases. The same seed and size give the same bytes, whatever the machine.

mod films;
mod output;
mod people;
mod random;
#[cfg(test)]
mod tests;
mod text;
mod titles;
mod words;

use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use cinemill_engine::error::{Error, Kind, Result};

use self::output::Output;
pub use self::output::SampleFile;
use self::people::{Cast, Crew};
use self::random::{Dice, Ids, Purpose};

/// Whose files the made-up ones are like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SampleShape {
    /// Titles, crew, ratings, names.
    #[default]
    Imdb,
    /// Films, ratings, links, prices.
    Films,
}

/// What to write, and where.
#[derive(Debug, Clone)]
pub struct SampleOptions {
    pub shape: SampleShape,
    pub titles: u64,
    /// Created if it is not there. Files of an earlier sample in it are replaced.
    pub output: PathBuf,
    /// Compress the files and add `.gz` to their names.
    pub gzip: bool,
    pub seed: u64,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleSummary {
    pub files: Vec<SampleFile>,
}

/// The files in the order of [`Block`]'s buffers.
const FILES: [(&str, &str); 4] = [
    (
        "title.basics.tsv",
        "tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\truntimeMinutes\tgenres\n",
    ),
    ("title.crew.tsv", "tconst\tdirectors\twriters\n"),
    ("title.ratings.tsv", "tconst\taverageRating\tnumVotes\n"),
    (
        "name.basics.tsv",
        "nconst\tprimaryName\tbirthYear\tdeathYear\tprimaryProfession\tknownForTitles\n",
    ),
];

/// Titles that are made together. Changing it changes the bytes of every sample.
const BLOCK_TITLES: u64 = 10_000;
const THREADS_MAX: usize = 8;
/// Blocks that a thread may be ahead of the files: each takes some megabytes.
const BLOCKS_AHEAD: usize = 2;

/// Writes a sample; `progress` hears of the titles done so far.
pub fn write(options: &SampleOptions, progress: &dyn Fn(u64)) -> Result<SampleSummary> {
    match options.shape {
        SampleShape::Imdb => write_imdb(options, progress),
        SampleShape::Films => films::write(options),
    }
}

fn write_imdb(options: &SampleOptions, progress: &dyn Fn(u64)) -> Result<SampleSummary> {
    fs::create_dir_all(&options.output).map_err(|cause| output::failed(&options.output, &cause))?;
    let mut files = Vec::with_capacity(FILES.len());
    for (name, header) in FILES {
        let mut file = Output::create(&options.output, name, options.gzip)?;
        file.append(header.as_bytes(), 0)?;
        files.push(file);
    }
    let plan = Plan::new(options);
    let threads = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(THREADS_MAX);
    thread::scope(|scope| {
        // Thread n makes the blocks n, n + threads, and so on, so taking from them in turn gives
        // the blocks in order. When this loop ends early, the receivers go and the threads stop.
        let sources: Vec<Receiver<Block>> = (0..threads)
            .map(|first| {
                let (sender, receiver) = sync_channel(BLOCKS_AHEAD);
                scope.spawn(move || plan.make_blocks(first as u64, threads, &sender));
                receiver
            })
            .collect();
        for (number, source) in (0..plan.blocks()).zip(sources.iter().cycle()) {
            let block = source.recv().map_err(|_| {
                Error::new(
                    Kind::Final,
                    "write",
                    options.output.display(),
                    "a thread that makes rows has died",
                )
            })?;
            for ((file, buffer), rows) in files.iter_mut().zip(&block.buffers).zip(block.rows) {
                file.append(buffer, rows)?;
            }
            progress(plan.cast.titles.min((number + 1) * BLOCK_TITLES));
        }
        Ok(())
    })?;
    let files = files
        .into_iter()
        .map(Output::finish)
        .collect::<Result<_>>()?;
    Ok(SampleSummary { files })
}

/// The rows that one block adds to each file.
#[derive(Default)]
struct Block {
    buffers: [Vec<u8>; FILES.len()],
    rows: [u64; FILES.len()],
}

/// What every thread needs to know.
#[derive(Clone, Copy)]
struct Plan {
    seed: u64,
    cast: Cast,
}

impl Plan {
    fn new(options: &SampleOptions) -> Self {
        let cast = Cast {
            ids: Ids::new(options.seed),
            titles: options.titles,
            people: people_before(options.titles),
        };
        Self {
            seed: options.seed,
            cast,
        }
    }

    fn blocks(self) -> u64 {
        self.cast.titles.div_ceil(BLOCK_TITLES)
    }

    fn make_blocks(self, first: u64, step: usize, sender: &SyncSender<Block>) {
        for number in (first..self.blocks()).step_by(step) {
            if sender.send(self.make_block(number)).is_err() {
                return;
            }
        }
    }

    fn make_block(self, number: u64) -> Block {
        let cast = self.cast;
        let titles = number * BLOCK_TITLES..cast.titles.min((number + 1) * BLOCK_TITLES);
        let people = people_before(titles.start)..people_before(titles.end);
        let dice = |purpose| Dice::new(self.seed, number, purpose);
        let mut block = Block::default();
        let [basics, crew, ratings, names] = &mut block.buffers;
        block.rows = [
            titles.end - titles.start,
            titles.end - titles.start,
            0,
            people.end - people.start,
        ];

        let mut for_titles = dice(Purpose::Titles);
        let mut for_ratings = dice(Purpose::Ratings);
        let mut for_crew = dice(Purpose::Crew);
        let mut credits = Crew::new(cast, &mut for_crew);
        for position in titles {
            let id = cast.ids.title(position);
            let kind = titles::push_basics(basics, &mut for_titles, id);
            credits.push_title(crew, &mut for_crew, id, kind.is_episode);
            block.rows[2] += u64::from(titles::push_rating(ratings, &mut for_ratings, id, kind));
        }
        let mut for_names = dice(Purpose::Names);
        for position in people {
            people::push_person(names, &mut for_names, cast, position);
        }
        block
    }
}

/// There are six people for five titles; this is how many come before a title.
fn people_before(title: u64) -> u64 {
    title + title / 5
}

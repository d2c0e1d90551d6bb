//! `cinemill sample`: a made-up data set.

use std::path::PathBuf;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_jobs::sample::{SampleOptions, SampleShape, write};
use clap::{Args, ValueEnum};
use indicatif::HumanBytes;

use super::output;

#[derive(Debug, Args)]
pub struct SampleArguments {
    /// Whose files: IMDb's four, which imdb_titles reads, or films, ratings, links and prices as
    /// Kaggle, MovieLens and FRED have them, which movies_model reads.
    #[arg(long, value_enum, default_value_t = Shape::Imdb)]
    shape: Shape,

    /// How many titles or films; the other files follow.
    #[arg(long, default_value_t = 100_000)]
    titles: u64,

    /// Folder for the four files.
    #[arg(long, value_name = "DIR")]
    output: PathBuf,

    /// Compress the files, and add .gz to their names.
    #[arg(long)]
    gzip: bool,

    /// The same seed gives the same bytes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shape {
    Imdb,
    Films,
}

pub async fn sample(arguments: SampleArguments) -> Result<()> {
    let SampleArguments {
        shape,
        titles,
        output,
        gzip,
        seed,
    } = arguments;
    if output.to_string_lossy().contains("://") {
        let cause = "it is not on this machine";
        return Err(
            Error::new(Kind::Usage, "write sample to", output.display(), cause)
                .hint("write it to a folder, and bring it there with `cinemill stage imdb --from`"),
        );
    }
    let options = SampleOptions {
        shape: match shape {
            Shape::Imdb => SampleShape::Imdb,
            Shape::Films => SampleShape::Films,
        },
        titles,
        output,
        gzip,
        seed,
    };
    let written = tokio::task::spawn_blocking(move || write(&options, &|_| {}));
    let summary = written
        .await
        .map_err(|cause| Error::new(Kind::Final, "write", "the sample", cause))??;
    for file in summary.files {
        let path = file.path.display();
        output::line(format!(
            "{path}: {} rows, {}",
            file.rows,
            HumanBytes(file.bytes)
        ));
    }
    Ok(())
}

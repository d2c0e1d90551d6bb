//! `cinemill sample`: a made-up data set.

use std::path::PathBuf;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_jobs::sample::{SampleOptions, write};
use clap::Args;
use indicatif::HumanBytes;

use super::output;

#[derive(Debug, Args)]
pub struct SampleArguments {
    /// How many titles; the other files follow.
    #[arg(long, default_value_t = 100_000)]
    titles: u64,

    /// Folder for the four files.
    #[arg(long, value_name = "DIR")]
    output: PathBuf,

    /// Write .tsv.gz files.
    #[arg(long)]
    gzip: bool,

    /// The same seed gives the same bytes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub async fn sample(arguments: SampleArguments) -> Result<()> {
    let SampleArguments {
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

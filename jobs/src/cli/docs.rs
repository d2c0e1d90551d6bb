//! `cinemill docs`: what people read about the catalogue.

use std::path::PathBuf;

use cinemill_engine::error::Result;
use cinemill_engine::store::Location;
use cinemill_jobs::answers::{self, AnswerOptions};
use cinemill_jobs::site::{self, SiteOptions};
use clap::{Args, Subcommand};

use super::output::line;
use super::request::CatalogArguments;

#[derive(Debug, Args)]
pub struct DocsArguments {
    #[command(subcommand)]
    verb: DocsVerb,
}

#[derive(Debug, Subcommand)]
enum DocsVerb {
    /// Write a static site about the jobs: their tables and columns, where each column comes from,
    /// what is expected, the last runs.
    Build(BuildArguments),
    /// Write questions.md: the named queries with their answers over published tables, and charts.
    Questions(QuestionsArguments),
}

#[derive(Debug, Args)]
struct BuildArguments {
    #[command(flatten)]
    catalog: CatalogArguments,

    /// Folder for the pages; begin reading at its index.html.
    #[arg(long, value_name = "DIR", default_value = "site")]
    output: PathBuf,

    /// Folder of a published table, whose runs are shown; may be given several times.
    #[arg(long = "runs", value_name = "DIR", num_args = 1..)]
    runs: Vec<String>,
}

#[derive(Debug, Args)]
struct QuestionsArguments {
    /// Folders of published tables, one per job, in the order of the document.
    #[arg(required = true, value_name = "TABLES")]
    tables: Vec<String>,

    #[command(flatten)]
    catalog: CatalogArguments,

    /// Folder for questions.md and, below it, answers/*.svg.
    #[arg(long, value_name = "DIR", default_value = "docs")]
    output: PathBuf,
}

pub async fn docs(arguments: DocsArguments) -> Result<()> {
    match arguments.verb {
        DocsVerb::Build(arguments) => build(arguments).await,
        DocsVerb::Questions(arguments) => questions(arguments).await,
    }
}

async fn build(arguments: BuildArguments) -> Result<()> {
    let runs = arguments.runs.iter().map(|folder| Location::parse(folder));
    let options = SiteOptions {
        output: arguments.output,
        runs: runs.collect::<Result<_>>()?,
    };
    let built = site::build(&arguments.catalog.catalog(), &options).await?;
    let (index, pages) = (built.index.display(), built.pages);
    line(format!("{index}: {pages} pages, {} jobs", built.jobs));
    Ok(())
}

async fn questions(arguments: QuestionsArguments) -> Result<()> {
    let tables = arguments
        .tables
        .iter()
        .map(|folder| Location::parse(folder));
    let options = AnswerOptions {
        tables: tables.collect::<Result<_>>()?,
        output: arguments.output,
    };
    let count = answers::write(&arguments.catalog.catalog(), &options).await?;
    let document = options.output.join("questions.md");
    line(format!("{}: {count} answers", document.display()));
    Ok(())
}

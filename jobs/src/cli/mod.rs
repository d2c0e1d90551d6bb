//! The command line: arguments, and one file per verb.

mod autoscale;
mod catalog;
mod cluster;
mod diff;
mod docs;
mod drain;
mod duration;
mod executors;
mod explain;
mod gc;
mod grants;
mod load;
mod loads;
mod new;
mod output;
mod params;
mod plan;
mod progress;
mod queries;
mod report;
mod request;
mod run;
mod runs;
mod sample;
mod scale;
mod show;
mod signals;
mod stage;
mod stage_progress;
mod statistics;
mod submit;
mod target;
mod test;
mod warehouse;

use std::process::ExitCode;

use cinemill_engine::error::Result;
use cinemill_jobs::exit;
use clap::{Parser, Subcommand};

/// Runs Spark SQL jobs over text files and publishes Parquet tables, here or on a cluster.
#[derive(Debug, Parser)]
#[command(name = "cinemill", version, after_help = exit::HELP, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run a job in this process, on all cores.
    Run(run::RunArguments),
    /// Run a job on a cluster, and wait for it.
    Submit(submit::SubmitArguments),
    /// List the runs of a scheduler.
    Runs(runs::RunsArguments),
    /// Show one run.
    Status(runs::StatusArguments),
    /// Wait for a run to end.
    Wait(runs::WaitArguments),
    /// Cancel a run.
    Cancel(runs::OneRunArguments),
    /// List the executors of a scheduler.
    Executors(executors::ExecutorsArguments),
    /// Make an executor leave when nothing that it has is needed any more.
    Drain(drain::DrainArguments),
    /// Change the number of executors of a cluster.
    Scale(scale::ScaleArguments),
    /// Let the number of executors follow the slots that runs want.
    Autoscale(autoscale::AutoscaleArguments),
    /// Create, look at, resize and end clusters: here, on EMR, on ECS.
    Cluster(cluster::ClusterArguments),
    /// List the jobs of the catalogue.
    Jobs(catalog::JobsArguments),
    /// What people read about the catalogue: a static site.
    Docs(docs::DocsArguments),
    /// Print the logical, physical and distributed plans of a job.
    Explain(explain::ExplainArguments),
    /// Dry run: what a run would read and write; writes nothing.
    Plan(plan::PlanArguments),
    /// Make the folder of a new job, with a test that fails at first.
    New(new::NewArguments),
    /// Run the given/expect cases of the catalogue's jobs.
    Test(test::TestArguments),
    /// Show a published table: its first rows, or the answer to a query.
    Show(show::ShowArguments),
    /// Show what a run changed in its tables: rows, columns, cells.
    Diff(diff::DiffArguments),
    /// Remove what crashed runs left in the folder of a table; safe at any time.
    Gc(gc::GcArguments),
    /// Load a published table into PostgreSQL or Redshift: all of it, or nothing, and once.
    Load(load::LoadArguments),
    /// List what was loaded into a warehouse.
    Loads(loads::LoadsArguments),
    /// Check a table of a warehouse: that it is as its last load left it, and as its job expects.
    Validate(loads::ValidateArguments),
    /// List the named queries of the catalogue's jobs.
    Queries(queries::QueriesArguments),
    /// Run a named query in a warehouse.
    Query(queries::QueryArguments),
    /// Give groups the rights that a file says, or show what differs.
    Grants(grants::GrantsArguments),
    /// Bring raw files from the web, an archive or a folder to where jobs read them.
    Stage(stage::StageArguments),
    /// Write a made-up data set in the shape of IMDb's files, or of films with ratings and prices.
    Sample(sample::SampleArguments),
}

/// Runs the command line and tells how it ended.
pub async fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let quiet = "warn,aws_config=error,ballista=error,datafusion=error,cinemill_engine::sink=warn";
    cinemill_engine::logging::init_with(quiet);
    let done: Result<()> = match arguments.verb {
        Verb::Run(arguments) => run::run(arguments).await,
        Verb::Submit(arguments) => submit::submit(arguments).await,
        Verb::Runs(arguments) => runs::list(arguments).await,
        Verb::Status(arguments) => runs::status(arguments).await,
        Verb::Wait(arguments) => runs::wait(arguments).await,
        Verb::Cancel(arguments) => runs::cancel(arguments).await,
        Verb::Executors(arguments) => executors::list(arguments).await,
        Verb::Drain(arguments) => drain::drain(arguments).await,
        Verb::Scale(arguments) => scale::scale(arguments).await,
        Verb::Autoscale(arguments) => autoscale::autoscale(arguments).await,
        Verb::Cluster(arguments) => cluster::cluster(arguments).await,
        Verb::Jobs(arguments) => catalog::list(arguments),
        Verb::Docs(arguments) => docs::docs(arguments).await,
        Verb::Explain(arguments) => explain::explain(arguments).await,
        Verb::Plan(arguments) => plan::plan(arguments).await,
        Verb::New(arguments) => new::new(&arguments),
        Verb::Test(arguments) => test::test(arguments).await,
        Verb::Show(arguments) => show::show(arguments).await,
        Verb::Diff(arguments) => diff::diff(arguments).await,
        Verb::Gc(arguments) => gc::gc(arguments).await,
        Verb::Load(arguments) => load::load(arguments).await,
        Verb::Loads(arguments) => loads::list(arguments).await,
        Verb::Validate(arguments) => loads::validate(arguments).await,
        Verb::Queries(arguments) => queries::list(&arguments),
        Verb::Query(arguments) => queries::query(arguments).await,
        Verb::Grants(arguments) => grants::grants(arguments).await,
        Verb::Stage(arguments) => stage::stage(arguments).await,
        Verb::Sample(arguments) => sample::sample(arguments).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error);
            exit::code(error.kind)
        }
    }
}

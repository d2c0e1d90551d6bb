//! `cinemill cluster`: clusters to run on.

mod cost;
mod create;
mod describe;
mod local;
mod logs;
mod terminate;

use cinemill_engine::error::Result;
use clap::{Args, Subcommand};

use super::scale::{self, ScaleArguments};

#[derive(Debug, Args)]
pub struct ClusterArguments {
    #[command(subcommand)]
    verb: ClusterVerb,
}

#[derive(Debug, Subcommand)]
enum ClusterVerb {
    /// Start a scheduler and executors as processes on this machine.
    Local(local::LocalArguments),
    /// Stop the cluster that `cluster local` started.
    Stop(local::StopArguments),
    /// Create a cluster on EMR or ECS as a file describes it; one of that name is taken as it is.
    Create(create::CreateArguments),
    /// Show a cluster, its nodes, and what their executors do.
    Describe(describe::DescribeArguments),
    /// Change the number of executors; the same as `cinemill scale`.
    Scale(ScaleArguments),
    /// End a cluster on EMR or ECS.
    Terminate(terminate::TerminateArguments),
    /// Show the ends of a cluster's logs.
    Logs(logs::LogsArguments),
    /// Show what runs used, and about what they cost.
    Cost(cost::CostArguments),
}

pub async fn cluster(arguments: ClusterArguments) -> Result<()> {
    match arguments.verb {
        ClusterVerb::Local(arguments) => local::local(arguments).await,
        ClusterVerb::Stop(arguments) => local::stop(arguments).await,
        ClusterVerb::Create(arguments) => create::create(arguments).await,
        ClusterVerb::Describe(arguments) => describe::describe(arguments).await,
        ClusterVerb::Scale(arguments) => scale::scale(arguments).await,
        ClusterVerb::Terminate(arguments) => terminate::terminate(arguments).await,
        ClusterVerb::Logs(arguments) => logs::logs(arguments).await,
        ClusterVerb::Cost(arguments) => cost::cost(arguments).await,
    }
}

//! `cinemill cluster cost`.

use std::path::PathBuf;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::table::Table;
use cinemill_engine::store::Location;
use cinemill_jobs::client::Client;
use cinemill_jobs::cluster::{Description, Shape};
use cinemill_jobs::cost::{NodePrice, Prices, RunCost};
use cinemill_jobs::run::Verdict;
use clap::Args;
use serde_json::json;

use crate::cli::output;
use crate::cli::runs::print_json;
use crate::cli::target::{ItsSchedulerArguments, Platform, TargetArguments};

/// Of runs that succeeded, their share of the executors' time and their requests. What executors
/// cost while they wait, the scheduler, storage and traffic are not in it.
#[derive(Debug, Args)]
pub struct CostArguments {
    /// File with prices; docs/examples/prices.toml shows the form.
    #[arg(long, value_name = "FILE")]
    prices: PathBuf,

    /// Only this run.
    #[arg(long, value_name = "ID")]
    run: Option<String>,

    /// Folder of a table, local or s3://…, whose runs are looked at; those that the scheduler knows
    /// where not given. It tells of runs on clusters that are gone, too.
    #[arg(long, value_name = "DIR")]
    output: Option<String>,

    /// Reckon with executors on instances of this type of the price file.
    #[arg(long, value_name = "TYPE")]
    instance: Option<String>,

    #[command(flatten)]
    target: TargetArguments,

    #[command(flatten)]
    scheduler: ItsSchedulerArguments,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub async fn cost(arguments: CostArguments) -> Result<()> {
    let prices = Prices::read(&arguments.prices)?;
    let cluster = arguments.cluster().await?;
    let node = arguments.node(cluster.as_ref(), &prices)?;
    let mut verdicts = arguments.verdicts(cluster.as_ref()).await?;
    if let Some(run) = &arguments.run {
        verdicts.retain(|verdict| verdict.run_id == *run);
        if verdicts.is_empty() {
            let cause = "no run of that id succeeded";
            return Err(Error::new(Kind::Usage, "find run", run, cause)
                .hint("name the folder of its table with --output"));
        }
    }
    let costs = verdicts
        .iter()
        .map(|verdict| RunCost::new(verdict, node, &prices));
    let costs: Vec<RunCost> = costs.collect();
    let now = cluster
        .as_ref()
        .map(|cluster| per_hour(cluster, &prices))
        .transpose()?;
    if arguments.json {
        return print_json(&json!({
            "currency": prices.currency, "runs": costs, "cluster_per_hour": now,
        }));
    }
    print(&costs, now, &prices.currency);
    Ok(())
}

impl CostArguments {
    /// `None` where neither runs nor prices come from a cluster.
    async fn cluster(&self) -> Result<Option<Description>> {
        if self.output.is_some() && self.instance.is_some() {
            return Ok(None);
        }
        self.target.look().await?.describe().await.map(Some)
    }

    /// An executor's node.
    fn node(&self, cluster: Option<&Description>, prices: &Prices) -> Result<NodePrice> {
        let given = self.instance.clone().map(Shape::Instance);
        let found = cluster.and_then(|cluster| cluster.executor_shape.clone());
        // A given type is reckoned with as such.
        let is_spot = given.is_none() && cluster.is_some_and(|cluster| cluster.executors_are_spot);
        let shape = given.or(found).ok_or_else(|| {
            Error::new(
                Kind::Usage,
                "find price of",
                "an executor",
                "its size is not known",
            )
            .hint("name an instance type of the price file with --instance")
        })?;
        prices.of_node(&shape, is_spot)
    }

    async fn verdicts(&self, cluster: Option<&Description>) -> Result<Vec<Verdict>> {
        if let Some(output) = &self.output {
            let table = Table::open(Location::parse(output)?)?;
            let records = table.run_records().await?;
            if records.is_empty() {
                let cause = "it has no record of any run";
                return Err(Error::new(Kind::Input, "read table", output, cause)
                    .hint("name the folder that a run published to"));
            }
            let summaries = records.into_iter().map(|record| record.summary);
            let verdicts = summaries.filter_map(|summary| serde_json::from_value(summary).ok());
            return Ok(verdicts.collect());
        }
        let Some(cluster) = cluster else {
            return Ok(Vec::new());
        };
        let is_elsewhere = self.target.platform() != Platform::Local;
        let given = self.scheduler.given().filter(|_| is_elsewhere);
        let client = match given {
            Some(scheduler) => Client::new(scheduler)?,
            None => Client::new(cluster.scheduler()?)?,
        };
        let runs = client.runs().await?;
        Ok(runs.into_iter().filter_map(|run| run.verdict).collect())
    }
}

/// What all nodes that are there cost.
fn per_hour(cluster: &Description, prices: &Prices) -> Result<f64> {
    let nodes = cluster
        .nodes
        .iter()
        .filter(|node| node.shape != Shape::Process);
    let prices = nodes.map(|node| prices.of_node(&node.shape, node.is_spot));
    prices.map(|price| price.map(|price| price.per_hour)).sum()
}

fn print(costs: &[RunCost], now: Option<f64>, currency: &str) {
    if costs.is_empty() {
        output::note("no runs that succeeded");
    } else {
        output::line(format!(
            "{:<36}  {:<16}  {:>9}  {:>9}  {:>9}  {:>9}  {currency:>9}",
            "run", "job", "vCPU-h", "GB-h", "S3 reads", "S3 writes"
        ));
    }
    for cost in costs {
        output::line(format!(
            "{:<36}  {:<16}  {:>9.4}  {:>9.4}  {:>9}  {:>9}  {:>9.4}",
            cost.run_id,
            cost.job,
            cost.vcpu_hours,
            cost.gb_hours,
            cost.s3_reads,
            cost.s3_writes,
            cost.total()
        ));
    }
    if let Some(now) = now.filter(|now| *now > 0.0) {
        output::line(format!(
            "the cluster as it is costs {now:.4} {currency} an hour"
        ));
    }
}

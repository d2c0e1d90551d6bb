//! `cinemill explain`: a job's plans.

use std::collections::BTreeMap;

use ballista_core::JobId;
use ballista_scheduler::planner::{DefaultDistributedPlanner, DistributedPlanner};
use cinemill_engine::error::{Error, Result};
use cinemill_engine::session::SessionOptions;
use cinemill_engine::store::Location;
use cinemill_jobs::run::{
    Backend, EventSender, Executed, Needs, PhysicalJob, Planned, Planner, RunOptions, RunRequest,
    inputs_without_files, new_run_id, resolve_inputs,
};
use clap::Args;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::displayable;
use tokio_util::sync::CancellationToken;

use super::output::line;
use super::params::ParamArguments;
use super::request::CatalogArguments;

#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// A job of the catalogue.
    job: String,

    /// Folder of the job's files; without it, the plans are those over empty inputs.
    #[arg(long, value_name = "DIR")]
    input: Option<String>,

    /// Partitions of scans, joins and aggregations.
    #[arg(long, default_value_t = 4)]
    partitions: usize,

    #[command(flatten)]
    catalog: CatalogArguments,

    #[command(flatten)]
    params: ParamArguments,
}

pub async fn explain(arguments: ExplainArguments) -> Result<()> {
    let job = arguments.catalog.catalog().job(&arguments.job)?;
    let request = RunRequest {
        run_id: new_run_id(),
        params: arguments.params.settle(&job)?,
        job,
        input: arguments
            .input
            .as_deref()
            .map(Location::parse)
            .transpose()?,
        inputs: BTreeMap::new(),
        output: Location::parse("output")?,
        options: RunOptions::default(),
    };
    let inputs = match request.input {
        Some(_) => resolve_inputs(&request).await?,
        None => inputs_without_files(&request)?,
    };
    let failed = |cause| Error::from_datafusion(&cause, "plan job", &request.job.name);
    let embedded = Nowhere {
        partitions: arguments.partitions,
        distributed: false,
    };
    let cluster = Nowhere {
        partitions: arguments.partitions,
        distributed: true,
    };
    let in_process = Planner::new(&request, &embedded);
    let distributed = Planner::new(&request, &cluster);
    for table in &request.job.outputs {
        if !table.folder.is_empty() {
            line(format!("\n==== {} ====", table.name));
        }
        here(&in_process.output(table, &inputs, &[]).await?).await?;
        let planned = distributed.output(table, &inputs, &[]).await?;
        stages(&planned).await.map_err(failed)?;
    }
    Ok(())
}

async fn here(planned: &Planned) -> Result<()> {
    line("== Logical plan ==");
    line(planned.logical()?.display_indent());
    line("\n== Physical plan (embedded) ==");
    line(displayable(planned.physical().await?.as_ref()).indent(false));
    Ok(())
}

async fn stages(planned: &Planned) -> Result<(), DataFusionError> {
    let job_id = JobId::new("explain".to_owned());
    let plan = planned.physical().await.map_err(Error::into_datafusion)?;
    let stages = DefaultDistributedPlanner::new()
        .plan_query_stages(&job_id, plan, planned.state.config().options().as_ref())
        .map_err(|cause| DataFusionError::External(Box::new(cause)))?;
    line("\n== Distributed plan (stages on a cluster) ==");
    for stage in stages {
        line(format!("stage {}:", stage.stage_id()));
        line(displayable(stage.as_ref()).indent(false));
    }
    Ok(())
}

/// Plans, and executes nothing.
struct Nowhere {
    partitions: usize,
    distributed: bool,
}

#[async_trait::async_trait]
impl Backend for Nowhere {
    async fn place(&self) -> String {
        "nowhere".to_owned()
    }

    async fn session(&self, needs: Needs) -> SessionOptions {
        SessionOptions {
            partitions: self.partitions,
            distributed: self.distributed,
            scarce_memory: needs.scarce_memory,
            memory_bytes: None,
            spill_folder: None,
        }
    }

    async fn execute(
        &self,
        job: PhysicalJob,
        _: &EventSender,
        _: &CancellationToken,
    ) -> Result<Executed> {
        use cinemill_engine::error::Kind;
        Err(Error::new(
            Kind::Final,
            "run",
            job.run_id,
            "a plan that is only explained",
        ))
    }
}

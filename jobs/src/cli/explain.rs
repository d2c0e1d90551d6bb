//! `cinemill explain`: a job's plans.

use std::collections::BTreeMap;

use ballista_core::JobId;
use ballista_scheduler::planner::{DefaultDistributedPlanner, DistributedPlanner};
use cinemill_engine::error::{Error, Result};
use cinemill_engine::session::SessionOptions;
use cinemill_engine::source::TextSpec;
use cinemill_engine::store::Location;
use cinemill_jobs::run::{
    Backend, EventSender, Needs, PhysicalJob, Planner, ResolvedInput, RunOptions, RunRequest,
    new_run_id, resolve_inputs,
};
use clap::Args;
use datafusion::arrow::array::RecordBatch;
use datafusion::physical_plan::displayable;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

use super::output::line;
use super::request::{CatalogArguments, ParamArguments};

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
        None => empty_inputs(&request)?,
    };
    let failed = |cause| Error::from_datafusion(&cause, "plan job", &request.job.name);
    let embedded = Nowhere {
        partitions: arguments.partitions,
        distributed: false,
    };
    let planned = Planner::new(&request, &embedded)
        .output(&inputs, &[])
        .await?;
    line("== Logical plan ==");
    line(planned.logical()?.display_indent());
    line("\n== Physical plan (embedded) ==");
    line(displayable(planned.physical().await?.as_ref()).indent(false));
    let cluster = Nowhere {
        partitions: arguments.partitions,
        distributed: true,
    };
    let planned = Planner::new(&request, &cluster)
        .output(&inputs, &[])
        .await?;
    let job_id = JobId::new("explain".to_owned());
    let stages = DefaultDistributedPlanner::new()
        .plan_query_stages(
            &job_id,
            planned.physical().await?,
            planned.state.config().options().as_ref(),
        )
        .map_err(|cause| {
            failed(datafusion::error::DataFusionError::External(Box::new(
                cause,
            )))
        })?;
    line("\n== Distributed plan (stages on a cluster) ==");
    for stage in stages {
        line(format!("stage {}:", stage.stage_id()));
        line(displayable(stage.as_ref()).indent(false));
    }
    Ok(())
}

/// The job's inputs without any files.
fn empty_inputs(request: &RunRequest) -> Result<Vec<ResolvedInput>> {
    let location = Location::parse("input")?;
    let inputs = request.job.inputs.iter().map(|(name, input)| {
        let declared = input.spec(name, None)?;
        let spec = TextSpec {
            input: name.clone(),
            store_url: location.store_url().to_owned(),
            format: declared.format,
            columns: declared.columns,
            mode: declared.mode,
            files: Vec::new(),
            audit: None,
            max_record_bytes: declared.max_record_bytes,
        };
        Ok(ResolvedInput {
            name: name.clone(),
            location: location.clone(),
            spec: Arc::new(spec),
        })
    });
    inputs.collect()
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
    ) -> Result<Vec<RecordBatch>> {
        use cinemill_engine::error::Kind;
        Err(Error::new(
            Kind::Final,
            "run",
            job.run_id,
            "a plan that is only explained",
        ))
    }
}

//! Reads the rows that a finished job left on its executors.

use ballista_core::error::BallistaError;
use ballista_core::execution_plans::ShuffleReaderExec;
use ballista_core::serde::protobuf;
use ballista_core::serde::scheduler::PartitionLocation;
use cinemill_engine::error::{Error, Kind, Result};
use cinemill_jobs::run::PhysicalJob;
use datafusion::arrow::array::RecordBatch;
use datafusion::physical_plan::{ExecutionPlan, Partitioning};
use futures::TryStreamExt;

/// A folder that holds no shuffle files.
const NO_WORK_DIR: &str = "/nonexistent";

pub async fn read(
    job: &PhysicalJob,
    locations: Vec<protobuf::PartitionLocation>,
) -> Result<Vec<RecordBatch>> {
    let failed = |cause: &dyn std::fmt::Display| {
        Error::new(
            Kind::Retryable,
            "read the results of run",
            &job.run_id,
            cause,
        )
    };
    let locations: Vec<PartitionLocation> = locations
        .into_iter()
        .map(TryInto::try_into)
        .collect::<Result<_, BallistaError>>()
        .map_err(|cause| failed(&cause))?;
    let partitioning = Partitioning::UnknownPartitioning(1);
    let reader = ShuffleReaderExec::try_new(0, vec![locations], job.plan.schema(), partitioning)
        .map_err(|cause| failed(&cause))?;
    let rows = reader
        .with_work_dir(NO_WORK_DIR.to_owned())
        .execute(0, job.state.task_ctx())
        .map_err(|cause| failed(&cause))?;
    rows.try_collect().await.map_err(|cause| failed(&cause))
}

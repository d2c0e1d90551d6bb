//! Creates clusters, and leaves none behind that nobody can use.

use std::time::{Duration, Instant};

use aws_sdk_emr::Client;
use aws_sdk_emr::types::{Cluster, ClusterState};
use cinemill_engine::error::{Error, Kind, Result};
use tokio_util::sync::CancellationToken;

use super::EmrDefinition;
use super::find::by_name;
use super::view;
use crate::aws;
use crate::aws::failure;

/// Between two looks: EMR throttles, and a cluster takes minutes.
const LOOK_MIN: Duration = Duration::from_secs(1);
const LOOK_MAX: Duration = Duration::from_secs(15);

/// A cluster that can take steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    pub id: String,
    /// It was there, or on its way, under the same name.
    pub attached: bool,
}

/// Creates a cluster and waits until it takes steps. One of the same name that is alive is taken
/// instead, so that a repeated call makes no second one.
///
/// # Errors
/// `Final` where EMR gives the cluster up, as after a failed bootstrap action; `Retryable` where it
/// is not ready in time; `Cancelled`. A cluster that this call began is terminated then.
pub async fn create(
    wanted: &EmrDefinition,
    wait: Duration,
    cancel: &CancellationToken,
) -> Result<Created> {
    let client = Client::new(&aws::config("EMR").await?);
    if let Some(id) = by_name(&client, &wanted.name).await? {
        ready(&client, &id, wait, cancel).await?;
        return Ok(Created { id, attached: true });
    }
    let request = wanted.fill(client.run_job_flow());
    let begun = request.send().await;
    let begun = begun.map_err(|cause| failure(cause, "create cluster", &wanted.name))?;
    let id = begun.job_flow_id.unwrap_or_default();
    if let Err(error) = ready(&client, &id, wait, cancel).await {
        let given_up = client.terminate_job_flows().job_flow_ids(&id).send().await;
        return Err(match given_up {
            Ok(_) => error,
            Err(cause) => {
                let cause = failure(cause, "terminate cluster", &id);
                error.hint(format!(
                    "{cause}; terminate it by hand with `cinemill cluster terminate --cluster {id}`"
                ))
            }
        });
    }
    Ok(Created {
        id,
        attached: false,
    })
}

/// Waits until the cluster takes steps.
async fn ready(
    client: &Client,
    id: &str,
    wait: Duration,
    cancel: &CancellationToken,
) -> Result<()> {
    let began = Instant::now();
    let mut pause = LOOK_MIN;
    loop {
        let cluster = view::cluster(client, id).await?;
        let status = cluster.status();
        match status.and_then(|status| status.state()) {
            Some(ClusterState::Running | ClusterState::Waiting) => return Ok(()),
            Some(
                ClusterState::Terminating
                | ClusterState::Terminated
                | ClusterState::TerminatedWithErrors,
            ) => return Err(ended(id, &cluster)),
            _ => {}
        }
        if began.elapsed() > wait {
            let cause = format!("it is {} after {} s", view::state(&cluster), wait.as_secs());
            return Err(Error::new(Kind::Retryable, "create cluster", id, cause));
        }
        tokio::select! {
            () = cancel.cancelled() => {
                return Err(Error::new(Kind::Cancelled, "create cluster", id, "it was cancelled"));
            }
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(LOOK_MAX);
    }
}

fn ended(id: &str, cluster: &Cluster) -> Error {
    let reason = cluster
        .status()
        .and_then(|status| status.state_change_reason());
    let message = reason
        .and_then(|reason| reason.message())
        .unwrap_or("EMR says not why");
    let state = view::state(cluster);
    let logs = cluster.log_uri().unwrap_or("the cluster's log folder");
    Error::new(
        Kind::Final,
        "create cluster",
        id,
        format!("{state}: {message}"),
    )
    .hint(format!(
        "bootstrap logs are in {}/{id}/node/<instance>/bootstrap-actions/",
        logs.trim_end_matches('/')
    ))
}

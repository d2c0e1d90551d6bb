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
    if cancel.is_cancelled() {
        return Err(cancelled(&wanted.name));
    }
    let request = wanted.fill(client.run_job_flow());
    let begun = request.send().await;
    let begun = begun.map_err(|cause| failure(cause, "create cluster", &wanted.name))?;
    let id = begun.job_flow_id.unwrap_or_default();
    // Somebody may have begun one at the same moment: the older one stays.
    if let Some(older) = by_name(&client, &wanted.name)
        .await?
        .filter(|older| *older != id)
    {
        give_up(&client, &id).await?;
        ready(&client, &older, wait, cancel).await?;
        let attached = true;
        return Ok(Created {
            id: older,
            attached,
        });
    }
    if let Err(error) = ready(&client, &id, wait, cancel).await {
        return Err(match give_up(&client, &id).await {
            Ok(()) => error,
            Err(cause) => error.hint(format!(
                "{cause}; terminate it by hand with `cinemill cluster terminate --cluster {id}`"
            )),
        });
    }
    Ok(Created {
        id,
        attached: false,
    })
}

async fn give_up(client: &Client, id: &str) -> Result<()> {
    let sent = client.terminate_job_flows().job_flow_ids(id).send().await;
    sent.map(drop)
        .map_err(|cause| failure(cause, "terminate cluster", id))
}

fn cancelled(cluster: &str) -> Error {
    Error::new(
        Kind::Cancelled,
        "create cluster",
        cluster,
        "it was cancelled",
    )
}

/// Waits until the cluster takes steps. That EMR does not answer now and then is no reason to give
/// it up.
async fn ready(
    client: &Client,
    id: &str,
    wait: Duration,
    cancel: &CancellationToken,
) -> Result<()> {
    let began = Instant::now();
    let mut pause = LOOK_MIN;
    loop {
        let looked = view::cluster(client, id).await;
        let is_late = began.elapsed() > wait;
        match looked {
            Ok(cluster) => match cluster.status().and_then(|status| status.state()) {
                Some(ClusterState::Running | ClusterState::Waiting) => return Ok(()),
                Some(
                    ClusterState::Terminating
                    | ClusterState::Terminated
                    | ClusterState::TerminatedWithErrors,
                ) => return Err(ended(id, &cluster)),
                _ if is_late => {
                    let state = view::state(&cluster);
                    let cause = format!("it is {state} after {} s", wait.as_secs());
                    return Err(Error::new(Kind::Retryable, "create cluster", id, cause));
                }
                _ => {}
            },
            Err(error) => {
                let passes = matches!(error.kind, Kind::Retryable | Kind::Unreachable);
                if is_late || !passes {
                    return Err(error);
                }
            }
        }
        tokio::select! {
            () = cancel.cancelled() => {
                return Err(cancelled(id));
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
    let error = Error::new(
        Kind::Final,
        "create cluster",
        id,
        format!("{state}: {message}"),
    );
    let code = reason.and_then(|reason| reason.code());
    match (code.map(|code| code.as_str()), cluster.log_uri()) {
        (Some("BOOTSTRAP_FAILURE"), Some(logs)) => error.hint(format!(
            "bootstrap logs are in {}/{id}/node/<instance>/bootstrap-actions/",
            logs.trim_end_matches('/')
        )),
        _ => error,
    }
}

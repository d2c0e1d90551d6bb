//! Ends clusters.

use std::time::{Duration, Instant};

use aws_sdk_emr::types::ClusterState;
use cinemill_engine::error::{Error, Kind, Result};

use super::{EmrTarget, view};
use crate::aws::failure;

const LOOK_INTERVAL: Duration = Duration::from_secs(5);
/// How long EMR may take.
const END_WAIT: Duration = Duration::from_secs(1800);

impl EmrTarget {
    /// Ends the cluster and waits until it is gone. One that is gone is left in peace.
    ///
    /// # Errors
    /// `Final` for a cluster that is protected.
    pub async fn terminate(&self) -> Result<()> {
        let cluster = view::cluster(&self.client, &self.id).await?;
        if cluster.termination_protected() == Some(true) {
            let cause = "it is protected from termination";
            return Err(
                Error::new(Kind::Final, "terminate cluster", &self.id, cause).hint(
                    "whoever protected it meant it to stay; `aws emr modify-cluster-attributes \
                 --no-termination-protected` takes that off",
                ),
            );
        }
        let request = self.client.terminate_job_flows().job_flow_ids(&self.id);
        let sent = request.send().await;
        sent.map_err(|cause| failure(cause, "terminate cluster", &self.id))?;
        let began = Instant::now();
        while !self.is_gone().await? {
            if began.elapsed() > END_WAIT {
                let cause = format!("it is not gone after {} s", END_WAIT.as_secs());
                return Err(Error::new(
                    Kind::Retryable,
                    "terminate cluster",
                    &self.id,
                    cause,
                ));
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        Ok(())
    }

    async fn is_gone(&self) -> Result<bool> {
        let cluster = view::cluster(&self.client, &self.id).await?;
        let state = cluster.status().and_then(|status| status.state());
        Ok(matches!(
            state,
            Some(ClusterState::Terminated | ClusterState::TerminatedWithErrors)
        ))
    }
}

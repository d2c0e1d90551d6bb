//! Ends clusters that `cinemill` created.

use std::time::{Duration, Instant};

use cinemill_engine::error::{Error, Kind, Result};

use super::definition::{CREATED_BY, CREATOR};
use super::{EXECUTOR, EcsTarget, SCHEDULER};
use crate::aws;
use crate::aws::failure;

const TASKS_ARE_LEFT: &str = "ClusterContainsTasksException";
const LOOK_INTERVAL: Duration = Duration::from_secs(3);
const END_WAIT: Duration = Duration::from_secs(300);

impl EcsTarget {
    /// Deletes both services, and then the cluster. Tasks end as ECS ends them. Answers whether there was such a
    /// cluster.
    ///
    /// # Errors
    /// `Usage` for a cluster that was not created by `cinemill`.
    pub async fn terminate(&self) -> Result<bool> {
        let clusters = self.client.describe_clusters().clusters(&self.name);
        let clusters = clusters
            .include(aws_sdk_ecs::types::ClusterField::Tags)
            .send()
            .await;
        let clusters = clusters.map_err(|cause| failure(cause, "describe cluster", &self.name))?;
        let is_alive = |status: Option<&str>| status != Some("INACTIVE");
        let mut clusters = clusters.clusters().iter();
        let Some(cluster) = clusters.find(|cluster| is_alive(cluster.status())) else {
            return Ok(false);
        };
        let own = |tag: &aws_sdk_ecs::types::Tag| {
            (tag.key(), tag.value()) == (Some(CREATED_BY), Some(CREATOR))
        };
        if !cluster.tags().iter().any(own) {
            let cause = "it was not created by cinemill";
            return Err(
                Error::new(Kind::Usage, "terminate cluster", &self.name, cause).hint(
                    "end it where it was made, as with `terraform destroy`; `cinemill scale \
                 --executors 0` stops its executors",
                ),
            );
        }
        for service in [EXECUTOR, SCHEDULER] {
            let request = self.client.delete_service().cluster(&self.name);
            let sent = request.service(service).force(true).send().await;
            match sent {
                Err(cause) if aws::code_of(&cause) == Some("ServiceNotFoundException") => {}
                sent => {
                    sent.map_err(|cause| failure(cause, "delete service", service))?;
                }
            }
        }
        // Tasks take up to two minutes to end, and ECS keeps the cluster until then.
        let began = Instant::now();
        loop {
            let request = self.client.delete_cluster().cluster(&self.name);
            match request.send().await {
                Err(cause)
                    if aws::code_of(&cause) == Some(TASKS_ARE_LEFT)
                        && began.elapsed() < END_WAIT =>
                {
                    tokio::time::sleep(LOOK_INTERVAL).await;
                }
                sent => {
                    return sent
                        .map(|_| true)
                        .map_err(|cause| failure(cause, "delete cluster", &self.name));
                }
            }
        }
    }
}

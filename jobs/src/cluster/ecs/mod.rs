//! Clusters on Amazon ECS: a service called `scheduler`, and one called `executor`, whose number of
//! tasks is the number of executors.
//!
//! ECS chooses by itself which tasks to stop when a service shrinks, kills them after two minutes
//! at most, and replaces those that end by themselves. So while a cluster shrinks all its tasks are
//! protected, the wanted number is lowered first, and only then the surplus drains and ends.

mod create;
mod definition;
mod logs;
mod protect;
mod terminate;
mod view;

use async_trait::async_trait;
use aws_sdk_ecs::Client;
use cinemill_engine::error::{Error, Kind, Result};

use super::{Description, Node, Target};
use crate::aws;
use crate::aws::failure;

pub use create::create;
pub use definition::EcsDefinition;

const SCHEDULER: &str = "scheduler";
const EXECUTOR: &str = "executor";

/// A cluster by its name.
#[derive(Debug, Clone)]
pub struct EcsTarget {
    client: Client,
    name: String,
}

impl EcsTarget {
    /// # Errors
    /// `Usage` where no region is known.
    pub async fn open(name: &str) -> Result<Self> {
        let client = Client::new(&aws::config("ECS").await?);
        let name = name.to_owned();
        Ok(Self { client, name })
    }

    /// Sets the number of executors that ECS keeps up.
    async fn resize(&self, executors: usize) -> Result<()> {
        let count = i32::try_from(executors).unwrap_or(i32::MAX);
        let request = self
            .client
            .update_service()
            .cluster(&self.name)
            .service(EXECUTOR);
        let sent = request.desired_count(count).send().await;
        sent.map(drop)
            .map_err(|cause| failure(cause, "resize service executor of", &self.name))
    }
}

#[async_trait]
impl Target for EcsTarget {
    async fn describe(&self) -> Result<Description> {
        view::describe(&self.client, &self.name).await
    }

    async fn request(&self, executors: usize) -> Result<()> {
        self.resize(executors).await
    }

    async fn hold(&self, executors: usize, drain_deadline_s: u64) -> Result<()> {
        let cluster = self.describe().await?;
        let tasks: Vec<String> = cluster
            .executor_nodes()
            .map(|node| node.id.clone())
            .collect();
        protect::protect(&self.client, &self.name, &tasks, drain_deadline_s).await?;
        self.resize(executors).await
    }

    /// Tasks whose executors have left end by themselves, and so does the protection of the others.
    /// To end it here would let ECS stop those, as long as it has not seen the end of the first.
    async fn release(&self, _executors: usize, _leaving: &[Node]) -> Result<()> {
        Ok(())
    }
}

/// The error of a request that ECS cannot have meant.
fn unexpected(name: &str, cause: &str) -> Error {
    Error::new(Kind::Final, "describe cluster", name, cause)
        .hint("name the ECS cluster of cinemill's, with services `scheduler` and `executor`")
}

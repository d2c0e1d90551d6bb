//! Clusters on Amazon EMR: the scheduler on the primary, executors on core and task nodes.
//!
//! EMR's own scaling and auto-termination look at YARN, of which cinemill makes no use. So the
//! number of nodes is set from here, and nodes are given back by name, after their executors have
//! drained. Core nodes hold HDFS; only task nodes come and go.

mod create;
mod definition;
mod find;
mod logs;
mod terminate;
mod view;

use async_trait::async_trait;
use aws_sdk_emr::Client;
use aws_sdk_emr::types::{
    InstanceGroup, InstanceGroupModifyConfig, InstanceGroupType, InstanceResizePolicy, ShrinkPolicy,
};
use cinemill_engine::error::{Error, Kind, Result};

use super::{Description, Node, Target};
use crate::aws;
use crate::aws::failure;

pub use create::create;
pub use definition::EmrDefinition;

/// How long EMR waits for the processes of an instance that is given back, in seconds. Its executor
/// has left already.
const TERMINATION_TIMEOUT_S: i32 = 60;

/// A cluster by its id.
#[derive(Debug, Clone)]
pub struct EmrTarget {
    client: Client,
    id: String,
}

impl EmrTarget {
    /// A cluster by its id, `j-…`, or one that is alive by its name.
    ///
    /// # Errors
    /// `Usage` where no region is known, or no cluster of that name is alive.
    pub async fn open(name: &str) -> Result<Self> {
        Self::find(name).await?.ok_or_else(|| {
            Error::new(
                Kind::Usage,
                "find cluster",
                name,
                "no cluster of that name is alive",
            )
            .hint("name it by its id, j-…; `aws emr list-clusters --active` lists them")
        })
    }

    /// As [`EmrTarget::open`], `None` where no cluster of that name is alive.
    pub async fn find(name: &str) -> Result<Option<Self>> {
        let client = Client::new(&aws::config("EMR").await?);
        let id = match name.starts_with("j-") {
            true => Some(name.to_owned()),
            false => find::by_name(&client, name).await?,
        };
        Ok(id.map(|id| Self { client, id }))
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    async fn groups(&self) -> Result<Vec<InstanceGroup>> {
        let pages = self.client.list_instance_groups().cluster_id(&self.id);
        let pages = pages.into_paginator().items().send().collect();
        let groups: std::result::Result<_, _> = pages.await;
        groups.map_err(|cause| failure(cause, "list instance groups of", &self.id))
    }

    /// Sets the size of the task group so that the cluster has so many executors.
    async fn resize(&self, executors: usize, shrink: Option<ShrinkPolicy>) -> Result<()> {
        let groups = self.groups().await?;
        let task = self.task_group(&groups)?;
        let others = groups.iter().filter(|group| group.id() != task.id());
        let nodes = executors.saturating_sub(others.map(executors_of).sum());
        let nodes = i32::try_from(nodes).unwrap_or(i32::MAX);
        let change = InstanceGroupModifyConfig::builder()
            .instance_group_id(task.id().unwrap_or_default())
            .instance_count(nodes)
            .set_shrink_policy(shrink)
            .build();
        let request = self.client.modify_instance_groups().cluster_id(&self.id);
        let sent = request.instance_groups(change).send().await;
        sent.map(drop)
            .map_err(|cause| failure(cause, "resize task group of", &self.id))
    }

    /// The group that grows and shrinks: the only one for tasks, or the one called `task`.
    fn task_group<'a>(&self, groups: &'a [InstanceGroup]) -> Result<&'a InstanceGroup> {
        let is_task =
            |group: &&InstanceGroup| group.instance_group_type() == Some(&InstanceGroupType::Task);
        let tasks: Vec<&InstanceGroup> = groups.iter().filter(is_task).collect();
        let named = tasks.iter().find(|group| group.name() == Some("task"));
        match (tasks.as_slice(), named) {
            ([only], _) => Ok(only),
            (_, Some(named)) => Ok(named),
            ([], _) => Err(self.no_group("it has no task group")),
            _ => Err(self.no_group("it has several task groups, none of them called `task`")),
        }
    }

    fn no_group(&self, cause: &str) -> Error {
        Error::new(Kind::Usage, "resize cluster", &self.id, cause)
            .hint("create it with a task group of that name, even with no instances")
    }
}

#[async_trait]
impl Target for EmrTarget {
    async fn describe(&self) -> Result<Description> {
        let groups = self.groups().await?;
        // Without one, all nodes stay.
        let task = self.task_group(&groups).ok();
        view::describe(&self.client, &self.id, &groups, task).await
    }

    async fn request(&self, executors: usize) -> Result<()> {
        self.resize(executors, None).await
    }

    /// EMR replaces nodes that are gone, not processes that have ended.
    async fn hold(&self, _executors: usize, _drain_deadline_s: u64) -> Result<()> {
        Ok(())
    }

    async fn release(&self, executors: usize, leaving: &[Node]) -> Result<()> {
        // One that has no name yet goes first by itself.
        let named = leaving.iter().filter(|node| !node.id.is_empty());
        let ids = named.map(|node| node.id.clone()).collect();
        let policy = InstanceResizePolicy::builder()
            .set_instances_to_terminate(Some(ids))
            .instance_termination_timeout(TERMINATION_TIMEOUT_S)
            .build();
        let shrink = ShrinkPolicy::builder()
            .instance_resize_policy(policy)
            .build();
        self.resize(executors, Some(shrink)).await
    }
}

/// How many executors a group is to have: one on each of its nodes but the primary.
fn executors_of(group: &InstanceGroup) -> usize {
    let count = group.requested_instance_count().unwrap_or_default();
    match group.instance_group_type() {
        Some(InstanceGroupType::Master) => 0,
        _ => usize::try_from(count).unwrap_or_default(),
    }
}

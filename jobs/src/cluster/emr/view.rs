//! What EMR says of a cluster.

use aws_sdk_emr::Client;
use aws_sdk_emr::types::{
    Cluster, Instance, InstanceGroup, InstanceGroupType, InstanceState, MarketType,
};
use chrono::{DateTime, Utc};
use cinemill_engine::error::{Error, Kind, Result};

use super::executors_of;
use crate::aws::failure;
use crate::cluster::{Description, Node, Role, SCHEDULER_PORT, Shape};

/// States of instances that are there or come.
const ALIVE: [InstanceState; 4] = [
    InstanceState::AwaitingFulfillment,
    InstanceState::Provisioning,
    InstanceState::Bootstrapping,
    InstanceState::Running,
];

/// `task` is the group that grows and shrinks.
pub async fn describe(
    client: &Client,
    id: &str,
    groups: &[InstanceGroup],
    task: Option<&InstanceGroup>,
) -> Result<Description> {
    let cluster = cluster(client, id).await?;
    let instances = client.list_instances().cluster_id(id);
    let instances = instances.set_instance_states(Some(ALIVE.to_vec()));
    let instances = instances.into_paginator().items().send().collect();
    let instances: std::result::Result<Vec<Instance>, _> = instances.await;
    let instances = instances.map_err(|cause| failure(cause, "list instances of", id))?;
    let status = cluster.status();
    let reason = status.and_then(|status| status.state_change_reason());
    let host = cluster
        .master_public_dns_name()
        .filter(|host| !host.is_empty());
    let executor = task.or_else(|| of_kind(groups, &InstanceGroupType::Core));
    Ok(Description {
        platform: "emr",
        id: id.to_owned(),
        name: cluster.name().unwrap_or_default().to_owned(),
        state: state(&cluster),
        reason: reason
            .and_then(|reason| reason.message())
            .filter(|message| !message.is_empty())
            .map(str::to_owned),
        scheduler: host.map(|host| format!("{host}:{SCHEDULER_PORT}")),
        created_at: status
            .and_then(|status| status.timeline())
            .and_then(|timeline| time(timeline.creation_date_time())),
        executors: groups.iter().map(executors_of).sum(),
        executor_shape: executor
            .and_then(InstanceGroup::instance_type)
            .map(|kind| Shape::Instance(kind.to_owned())),
        executors_are_spot: executor.and_then(InstanceGroup::market) == Some(&MarketType::Spot),
        nodes: instances
            .iter()
            .map(|instance| node(instance, groups, task))
            .collect(),
    })
}

fn of_kind<'a>(groups: &'a [InstanceGroup], kind: &InstanceGroupType) -> Option<&'a InstanceGroup> {
    groups
        .iter()
        .find(|group| group.instance_group_type() == Some(kind))
}

/// The cluster itself, without its nodes.
pub async fn cluster(client: &Client, id: &str) -> Result<Cluster> {
    let answer = client.describe_cluster().cluster_id(id).send().await;
    let answer = answer.map_err(|cause| failure(cause, "describe cluster", id))?;
    answer.cluster.ok_or_else(|| {
        Error::new(
            Kind::Final,
            "describe cluster",
            id,
            "EMR says nothing about it",
        )
    })
}

/// As in `WAITING`.
pub fn state(cluster: &Cluster) -> String {
    let state = cluster.status().and_then(|status| status.state());
    state.map_or_else(|| "unknown".to_owned(), |state| state.as_str().to_owned())
}

fn node(instance: &Instance, groups: &[InstanceGroup], task: Option<&InstanceGroup>) -> Node {
    let group = groups
        .iter()
        .find(|group| group.id() == instance.instance_group_id());
    let kind = group.and_then(InstanceGroup::instance_group_type);
    let role = match kind {
        Some(InstanceGroupType::Master) => Role::Scheduler,
        _ => Role::Executor,
    };
    let status = instance.status();
    let state = status.and_then(|status| status.state());
    Node {
        id: instance.ec2_instance_id().unwrap_or_default().to_owned(),
        role,
        is_fixed: task.is_none_or(|task| task.id() != instance.instance_group_id()),
        shape: Shape::Instance(instance.instance_type().unwrap_or_default().to_owned()),
        is_spot: instance.market() == Some(&MarketType::Spot),
        state: state.map_or_else(String::new, |state| state.as_str().to_owned()),
        names: [instance.private_ip_address(), instance.private_dns_name()]
            .into_iter()
            .flatten()
            .map(str::to_owned)
            .collect(),
        started_at: status
            .and_then(|status| status.timeline())
            .and_then(|timeline| time(timeline.creation_date_time())),
    }
}

fn time(time: Option<&aws_sdk_emr::primitives::DateTime>) -> Option<DateTime<Utc>> {
    let time = time?;
    DateTime::from_timestamp(time.secs(), time.subsec_nanos())
}

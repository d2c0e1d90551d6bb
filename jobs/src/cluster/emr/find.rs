//! Finds a cluster by its name.

use aws_sdk_emr::Client;
use aws_sdk_emr::types::{ClusterState, ClusterSummary};
use cinemill_engine::error::Result;

use crate::aws::failure;

/// States of a cluster that is there or comes.
const ALIVE: [ClusterState; 4] = [
    ClusterState::Starting,
    ClusterState::Bootstrapping,
    ClusterState::Running,
    ClusterState::Waiting,
];

/// The id of the living cluster of that name, the oldest where there are several.
pub async fn by_name(client: &Client, name: &str) -> Result<Option<String>> {
    let living = client
        .list_clusters()
        .set_cluster_states(Some(ALIVE.to_vec()));
    let living = living.into_paginator().items().send().collect();
    let living: std::result::Result<Vec<ClusterSummary>, _> = living.await;
    let living = living.map_err(|cause| failure(cause, "list clusters called", name))?;
    // The list has no order.
    let mut named: Vec<&ClusterSummary> = living
        .iter()
        .filter(|cluster| cluster.name() == Some(name))
        .collect();
    named.sort_by_key(|cluster| (created(cluster), cluster.id().map(str::to_owned)));
    Ok(named
        .first()
        .and_then(|cluster| cluster.id())
        .map(str::to_owned))
}

/// Seconds and nanoseconds.
fn created(cluster: &ClusterSummary) -> Option<(i64, u32)> {
    let timeline = cluster.status()?.timeline()?;
    let created = timeline.creation_date_time()?;
    Some((created.secs(), created.subsec_nanos()))
}

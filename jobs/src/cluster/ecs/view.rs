//! What ECS says of a cluster.

use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{Container, ContainerDefinition, Service, Task, TaskDefinition};
use chrono::{DateTime, Utc};
use cinemill_engine::error::Result;

use super::{EXECUTOR, SCHEDULER, unexpected};
use crate::aws::failure;
use crate::cluster::{Description, Node, Role, Shape};

/// How many tasks one call describes.
const TASKS_MAX: usize = 100;
const SPOT: &str = "FARGATE_SPOT";

pub async fn describe(client: &Client, name: &str) -> Result<Description> {
    let clusters = client.describe_clusters().clusters(name).send().await;
    let clusters = clusters.map_err(|cause| failure(cause, "describe cluster", name))?;
    let cluster = clusters
        .clusters()
        .first()
        .ok_or_else(|| unexpected(name, "there is no such ECS cluster"))?;
    let (scheduler, executor) = services(client, name).await?;
    let mut nodes = tasks(client, name, SCHEDULER, Role::Scheduler).await?;
    nodes.extend(tasks(client, name, EXECUTOR, Role::Executor).await?);
    let definition = task_definition(client, &executor).await?;
    let created = scheduler.created_at().or(executor.created_at());
    Ok(Description {
        platform: "ecs",
        id: cluster.cluster_name().unwrap_or(name).to_owned(),
        name: cluster.cluster_name().unwrap_or(name).to_owned(),
        state: cluster.status().unwrap_or("unknown").to_owned(),
        reason: trouble(&executor).or_else(|| trouble(&scheduler)),
        scheduler: definition
            .container_definitions()
            .iter()
            .find_map(scheduler_of),
        created_at: created.and_then(time),
        executors: usize::try_from(executor.desired_count()).unwrap_or_default(),
        executor_shape: Shape::of_task(definition.cpu(), definition.memory()),
        executors_are_spot: executor
            .capacity_provider_strategy()
            .iter()
            .any(|provider| provider.capacity_provider() == SPOT && provider.weight() > 0),
        nodes,
    })
}

/// The services of scheduler and executors.
async fn services(client: &Client, name: &str) -> Result<(Service, Service)> {
    let request = client.describe_services().cluster(name);
    let answer = request.services(SCHEDULER).services(EXECUTOR).send().await;
    let answer = answer.map_err(|cause| failure(cause, "describe services of", name))?;
    let find = |wanted: &str| {
        let mut services = answer.services().iter();
        services
            .find(|service| {
                service.service_name() == Some(wanted) && service.status() != Some("INACTIVE")
            })
            .cloned()
            .ok_or_else(|| unexpected(name, &format!("it has no service `{wanted}`")))
    };
    Ok((find(SCHEDULER)?, find(EXECUTOR)?))
}

pub async fn task_definition(client: &Client, service: &Service) -> Result<TaskDefinition> {
    let name = service.task_definition().unwrap_or_default();
    let answer = client
        .describe_task_definition()
        .task_definition(name)
        .send()
        .await;
    let answer = answer.map_err(|cause| failure(cause, "describe task definition", name))?;
    answer
        .task_definition
        .ok_or_else(|| unexpected(name, "ECS says nothing about it"))
}

/// The definition of the containers of one of the two services.
pub async fn containers(client: &Client, name: &str, role: Role) -> Result<TaskDefinition> {
    let (scheduler, executor) = services(client, name).await?;
    let service = match role {
        Role::Scheduler => scheduler,
        Role::Executor => executor,
    };
    task_definition(client, &service).await
}

/// The last thing that a service complained of.
fn trouble(service: &Service) -> Option<String> {
    let newest = service.events().first()?.message()?;
    ["unable", "failed", "stopped"]
        .iter()
        .any(|word| newest.contains(word))
        .then(|| newest.to_owned())
}

/// What an executor's container is told: by flag or by environment.
fn scheduler_of(container: &ContainerDefinition) -> Option<String> {
    let mut words = container.entry_point().iter().chain(container.command());
    let by_flag = words
        .find(|word| *word == "--scheduler")
        .and_then(|_| words.next());
    let mut environment = container.environment().iter();
    let by_name = environment.find(|pair| pair.name() == Some("CINEMILL_SCHEDULER"));
    by_flag
        .cloned()
        .or_else(|| by_name?.value().map(str::to_owned))
}

async fn tasks(client: &Client, cluster: &str, service: &str, role: Role) -> Result<Vec<Node>> {
    let arns = client.list_tasks().cluster(cluster).service_name(service);
    let arns = arns.into_paginator().items().send().collect();
    let arns: std::result::Result<Vec<String>, _> = arns.await;
    let arns = arns.map_err(|cause| failure(cause, "list tasks of", cluster))?;
    let mut nodes = Vec::with_capacity(arns.len());
    for some in arns.chunks(TASKS_MAX) {
        let request = client.describe_tasks().cluster(cluster);
        let answer = request.set_tasks(Some(some.to_vec())).send().await;
        let answer = answer.map_err(|cause| failure(cause, "describe tasks of", cluster))?;
        let alive = answer.tasks().iter().filter(|task| is_alive(task));
        nodes.extend(alive.map(|task| node(task, role)));
    }
    Ok(nodes)
}

fn is_alive(task: &Task) -> bool {
    !matches!(
        task.last_status(),
        Some("STOPPED" | "DEPROVISIONING" | "DELETED")
    )
}

fn node(task: &Task, role: Role) -> Node {
    let interfaces = task
        .containers()
        .iter()
        .flat_map(Container::network_interfaces);
    let mut names: Vec<String> = interfaces
        .filter_map(|interface| interface.private_ipv4_address().map(str::to_owned))
        .collect();
    names.dedup();
    Node {
        id: task.task_arn().unwrap_or_default().to_owned(),
        role,
        is_fixed: role == Role::Scheduler,
        shape: Shape::of_task(task.cpu(), task.memory()).unwrap_or(Shape::Process),
        is_spot: task.capacity_provider_name() == Some(SPOT),
        state: task.last_status().unwrap_or_default().to_owned(),
        names,
        started_at: task.created_at().and_then(time),
    }
}

fn time(time: &aws_sdk_ecs::primitives::DateTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(time.secs(), time.subsec_nanos())
}

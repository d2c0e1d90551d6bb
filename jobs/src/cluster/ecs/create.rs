//! Creates clusters: an ECS cluster, two task definitions, two services.

use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{
    AssignPublicIp, AwsVpcConfiguration, CapacityProviderStrategyItem, DeploymentConfiguration,
    NetworkConfiguration, ServiceRegistry, Tag,
};
use cinemill_engine::error::{Error, Kind, Result};

use super::definition::{CREATED_BY, CREATOR, EcsDefinition};
use super::{EXECUTOR, SCHEDULER};
use crate::aws;
use crate::aws::failure;

const ON_DEMAND: &str = "FARGATE";
const SPOT: &str = "FARGATE_SPOT";
const SERVICES: [&str; 2] = [SCHEDULER, EXECUTOR];

/// Creates what of the cluster is not there yet; called again, it goes on where it was. Answers
/// whether all of it was there.
pub async fn create(wanted: &EcsDefinition) -> Result<bool> {
    let client = Client::new(&aws::config("ECS").await?);
    let failed = |cause| failure(cause, "create cluster", &wanted.name);
    let mut tags = wanted.tags.clone();
    tags.insert(CREATED_BY.to_owned(), CREATOR.to_owned());
    let tags = tags
        .iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build());
    // The same name means the same cluster.
    let request = client.create_cluster().cluster_name(&wanted.name);
    let request = request.set_tags(Some(tags.collect()));
    let request = request
        .capacity_providers(ON_DEMAND)
        .capacity_providers(SPOT);
    request.send().await.map_err(failed)?;

    let there = services(&client, &wanted.name).await?;
    if !there.iter().any(|name| name == SCHEDULER) {
        let request = wanted.fill_scheduler(client.register_task_definition())?;
        let registered = request.send().await;
        registered.map_err(|cause| failure(cause, "register task definition of", SCHEDULER))?;
        scheduler(&client, wanted).await?;
    }
    if !there.iter().any(|name| name == EXECUTOR) {
        let request = wanted.fill_executor(client.register_task_definition())?;
        let registered = request.send().await;
        registered.map_err(|cause| failure(cause, "register task definition of", EXECUTOR))?;
        executors(&client, wanted).await?;
    }
    Ok(there.len() == SERVICES.len())
}

/// The names of the services that are there.
async fn services(client: &Client, cluster: &str) -> Result<Vec<String>> {
    let request = client.describe_services().cluster(cluster);
    let answer = request.services(SCHEDULER).services(EXECUTOR).send().await;
    let answer = answer.map_err(|cause| failure(cause, "describe services of", cluster))?;
    let there = answer
        .services()
        .iter()
        .filter(|service| service.status() == Some("ACTIVE"));
    Ok(there
        .filter_map(|service| service.service_name().map(str::to_owned))
        .collect())
}

async fn scheduler(client: &Client, wanted: &EcsDefinition) -> Result<()> {
    let registry = ServiceRegistry::builder()
        .registry_arn(&wanted.scheduler_registry)
        .build();
    // The old one leaves before a new one comes: one scheduler at a time may use the ledger.
    let deployment = DeploymentConfiguration::builder()
        .minimum_healthy_percent(0)
        .maximum_percent(100)
        .build();
    let request = client
        .create_service()
        .cluster(&wanted.name)
        .service_name(SCHEDULER)
        .task_definition(wanted.family(SCHEDULER))
        .desired_count(1)
        .deployment_configuration(deployment)
        .service_registries(registry)
        .network_configuration(network(wanted)?)
        .capacity_provider_strategy(provider(ON_DEMAND)?);
    let sent = request.send().await;
    sent.map(drop)
        .map_err(|cause| failure(cause, "create service", SCHEDULER))
}

async fn executors(client: &Client, wanted: &EcsDefinition) -> Result<()> {
    let market = match wanted.executor.spot {
        true => SPOT,
        false => ON_DEMAND,
    };
    let request = client
        .create_service()
        .cluster(&wanted.name)
        .service_name(EXECUTOR)
        .task_definition(wanted.family(EXECUTOR))
        .desired_count(wanted.executor.count)
        .network_configuration(network(wanted)?)
        .capacity_provider_strategy(provider(market)?);
    let sent = request.send().await;
    sent.map(drop)
        .map_err(|cause| failure(cause, "create service", EXECUTOR))
}

fn network(wanted: &EcsDefinition) -> Result<NetworkConfiguration> {
    let public = match wanted.assign_public_ip {
        true => AssignPublicIp::Enabled,
        false => AssignPublicIp::Disabled,
    };
    let vpc = AwsVpcConfiguration::builder()
        .set_subnets(Some(wanted.subnet_ids.clone()))
        .set_security_groups(Some(wanted.security_group_ids.clone()))
        .assign_public_ip(public)
        .build()
        .map_err(|cause| Error::new(Kind::Definition, "place", &wanted.name, cause))?;
    Ok(NetworkConfiguration::builder()
        .awsvpc_configuration(vpc)
        .build())
}

fn provider(name: &str) -> Result<CapacityProviderStrategyItem> {
    let item = CapacityProviderStrategyItem::builder()
        .capacity_provider(name)
        .weight(1);
    item.build()
        .map_err(|cause| Error::new(Kind::Final, "use capacity provider", name, cause))
}

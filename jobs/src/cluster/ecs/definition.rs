//! The file that says what kind of ECS cluster is wanted.

use std::collections::BTreeMap;

use aws_sdk_ecs::operation::register_task_definition::builders::RegisterTaskDefinitionFluentBuilder;
use aws_sdk_ecs::types::{
    Compatibility, ContainerDefinition, CpuArchitecture, EphemeralStorage, KeyValuePair,
    LogConfiguration, LogDriver, NetworkMode, OsFamily, RuntimePlatform,
};
use cinemill_engine::error::{Error, Kind, Result};
use serde::Deserialize;

use super::{EXECUTOR, SCHEDULER};
use crate::cluster::SCHEDULER_PORT;

/// The tag of a cluster that `cinemill` may end.
pub const CREATED_BY: &str = "created-by";
pub const CREATOR: &str = "cinemill";
/// What Fargate has at most.
const VCPUS_MAX: u32 = 16;
/// CPU units of ECS in one vCPU.
const UNITS_PER_VCPU: u32 = 1024;
/// The longest that Fargate allows, and what is left of it for a drain, in seconds.
const STOP_TIMEOUT_S: i32 = 120;
const DRAIN_DEADLINE_S: u32 = 110;

/// A cluster as its file has it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EcsDefinition {
    pub name: String,
    pub region: String,
    pub image: String,
    /// `X86_64` or `ARM64`.
    #[serde(default = "default_architecture")]
    pub architecture: String,
    pub execution_role: String,
    pub task_role: String,
    pub subnet_ids: Vec<String>,
    pub security_group_ids: Vec<String>,
    #[serde(default)]
    pub assign_public_ip: bool,
    pub log_group: String,
    /// The ledger, `s3://…`.
    pub state_dir: String,
    /// Name under which executors find the scheduler, and the Cloud Map service that keeps it.
    pub scheduler_host: String,
    pub scheduler_registry: String,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    pub scheduler: Size,
    pub executor: Executors,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Size {
    pub vcpus: u32,
    pub memory_mb: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Executors {
    pub vcpus: u32,
    pub memory_mb: u32,
    pub disk_gb: i32,
    pub count: i32,
    /// On Fargate Spot.
    #[serde(default)]
    pub spot: bool,
}

fn default_architecture() -> String {
    "X86_64".to_owned()
}

impl EcsDefinition {
    pub fn check(&self) -> std::result::Result<(), &'static str> {
        let sizes = [
            (self.scheduler.vcpus, self.scheduler.memory_mb),
            (self.executor.vcpus, self.executor.memory_mb),
        ];
        let is_sound = |(vcpus, memory_mb)| (1..=VCPUS_MAX).contains(&vcpus) && memory_mb > 0;
        if !sizes.into_iter().all(is_sound) {
            return Err("vcpus are 1 to 16, and memory_mb above 0");
        }
        if self.executor.count < 0 {
            return Err("executor.count is below 0");
        }
        Ok(())
    }

    pub fn family(&self, service: &str) -> String {
        format!("{}-{service}", self.name)
    }

    /// Fills the request for the scheduler's task definition.
    pub fn fill_scheduler(
        &self,
        request: RegisterTaskDefinitionFluentBuilder,
    ) -> Result<RegisterTaskDefinitionFluentBuilder> {
        let command = [
            "--bind-host",
            "0.0.0.0",
            "--external-host",
            &self.scheduler_host,
            "--state-dir",
            &self.state_dir,
        ];
        let container = self.container(SCHEDULER, &command)?;
        Ok(self.fill(request, SCHEDULER, &self.scheduler, container))
    }

    /// Fills the request for the executors' task definition.
    pub fn fill_executor(
        &self,
        request: RegisterTaskDefinitionFluentBuilder,
    ) -> Result<RegisterTaskDefinitionFluentBuilder> {
        let size = Size {
            vcpus: self.executor.vcpus,
            memory_mb: self.executor.memory_mb,
        };
        let scheduler = format!("{}:{SCHEDULER_PORT}", self.scheduler_host);
        // The rest is for the system.
        let memory_mb = (u64::from(size.memory_mb) * 9 / 10).to_string();
        let (vcores, deadline_s) = (size.vcpus.to_string(), DRAIN_DEADLINE_S.to_string());
        let command = [
            "--scheduler",
            &scheduler,
            "--bind-host",
            "0.0.0.0",
            "--vcores",
            &vcores,
            "--memory-mb",
            &memory_mb,
            "--drain-deadline-s",
            &deadline_s,
        ];
        let container = self.container(EXECUTOR, &command)?;
        let disk = EphemeralStorage::builder()
            .size_in_gib(self.executor.disk_gb)
            .build();
        let request = self.fill(request, EXECUTOR, &size, container);
        Ok(request.ephemeral_storage(disk))
    }

    fn fill(
        &self,
        request: RegisterTaskDefinitionFluentBuilder,
        service: &str,
        size: &Size,
        container: ContainerDefinition,
    ) -> RegisterTaskDefinitionFluentBuilder {
        let platform = RuntimePlatform::builder()
            .cpu_architecture(CpuArchitecture::from(self.architecture.as_str()))
            .operating_system_family(OsFamily::Linux);
        request
            .family(self.family(service))
            .requires_compatibilities(Compatibility::Fargate)
            .network_mode(NetworkMode::Awsvpc)
            .cpu((size.vcpus * UNITS_PER_VCPU).to_string())
            .memory(size.memory_mb.to_string())
            .execution_role_arn(&self.execution_role)
            .task_role_arn(&self.task_role)
            .runtime_platform(platform.build())
            .container_definitions(container)
    }

    fn container(&self, service: &str, command: &[&str]) -> Result<ContainerDefinition> {
        let logs = LogConfiguration::builder()
            .log_driver(LogDriver::Awslogs)
            .options("awslogs-group", &self.log_group)
            .options("awslogs-region", &self.region)
            .options("awslogs-stream-prefix", service)
            .build()
            .map_err(|cause| Error::new(Kind::Final, "define container", service, cause))?;
        let environment = [
            ("AWS_REGION", self.region.as_str()),
            ("CINEMILL_LOG_FORMAT", "json"),
            // Executors take a while to come from nothing.
            ("CINEMILL_EXECUTOR_WAIT_S", "300"),
        ];
        let environment = environment
            .map(|(name, value)| KeyValuePair::builder().name(name).value(value).build());
        Ok(ContainerDefinition::builder()
            .name(service)
            .image(&self.image)
            .essential(true)
            .entry_point(format!("/usr/local/bin/cinemill-{service}"))
            .set_command(Some(
                command.iter().map(|word| (*word).to_owned()).collect(),
            ))
            .set_environment(Some(environment.to_vec()))
            .stop_timeout(STOP_TIMEOUT_S)
            .log_configuration(logs)
            .build())
    }
}

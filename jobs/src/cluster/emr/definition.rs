//! The file that says what kind of EMR cluster is wanted.

use std::collections::BTreeMap;

use aws_sdk_emr::operation::run_job_flow::builders::RunJobFlowFluentBuilder;
use aws_sdk_emr::types::{
    Application, BootstrapActionConfig, EbsBlockDeviceConfig, EbsConfiguration,
    InstanceGroupConfig, InstanceRoleType, JobFlowInstancesConfig, MarketType,
    ScriptBootstrapActionConfig, Tag, VolumeSpecification,
};
use serde::Deserialize;

/// A cluster as its file has it. The infrastructure's `cluster_file` writes one.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmrDefinition {
    pub name: String,
    pub release_label: String,
    pub log_uri: String,
    pub service_role: String,
    pub instance_profile: String,
    pub subnet_id: String,
    pub security_configuration: Option<String>,
    /// How many steps may run side by side.
    #[serde(default = "default_step_concurrency")]
    pub step_concurrency: i32,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    #[serde(default)]
    pub security_groups: SecurityGroups,
    pub primary: Machine,
    pub core: Machines,
    /// Nodes that come and go.
    pub task: Machines,
    #[serde(default)]
    pub bootstrap: Vec<Bootstrap>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecurityGroups {
    pub primary: Option<String>,
    pub executors: Option<String>,
    /// For EMR's own access in a private subnet.
    pub service: Option<String>,
    #[serde(default)]
    pub additional: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// As in `m7g.xlarge`.
    #[serde(rename = "type")]
    pub kind: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machines {
    #[serde(rename = "type")]
    pub kind: String,
    pub count: i32,
    pub disk_gb: i32,
    /// The most that a spot instance may cost per hour; on-demand instances where not given.
    pub bid_usd: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bootstrap {
    pub name: String,
    /// `s3://…`
    pub path: String,
    #[serde(default)]
    pub args: Vec<String>,
}

fn default_step_concurrency() -> i32 {
    10
}

impl EmrDefinition {
    pub fn check(&self) -> Result<(), &'static str> {
        let is_price = |bid: &String| bid.parse::<f64>().is_ok_and(|bid| bid > 0.0);
        if self.core.count < 1 {
            return Err("core.count is below 1, which EMR does not have");
        }
        if self.task.count < 0 {
            return Err("task.count is below 0");
        }
        if ![&self.core, &self.task]
            .iter()
            .all(|group| group.bid_usd.iter().all(is_price))
        {
            return Err("bid_usd is a price as text, as in \"0.40\"");
        }
        Ok(())
    }

    /// Fills a request for such a cluster, which stays until it is terminated.
    pub fn fill(&self, request: RunJobFlowFluentBuilder) -> RunJobFlowFluentBuilder {
        let tags = self
            .tags
            .iter()
            .map(|(key, value)| Tag::builder().key(key).value(value).build());
        request
            .name(&self.name)
            .release_label(&self.release_label)
            .log_uri(&self.log_uri)
            .service_role(&self.service_role)
            .job_flow_role(&self.instance_profile)
            .set_security_configuration(self.security_configuration.clone())
            .step_concurrency_level(self.step_concurrency)
            .visible_to_all_users(true)
            // The least that EMR boots with; nothing of cinemill's runs on YARN.
            .applications(Application::builder().name("Hadoop").build())
            .set_tags(Some(tags.collect()))
            .set_bootstrap_actions(Some(self.bootstrap.iter().map(Bootstrap::config).collect()))
            .instances(self.instances())
    }

    fn instances(&self) -> JobFlowInstancesConfig {
        let groups = &self.security_groups;
        let additional = (!groups.additional.is_empty()).then(|| groups.additional.clone());
        let primary = Machines {
            kind: self.primary.kind.clone(),
            count: 1,
            disk_gb: 0,
            bid_usd: None,
        };
        JobFlowInstancesConfig::builder()
            .ec2_subnet_id(&self.subnet_id)
            .keep_job_flow_alive_when_no_steps(true)
            .set_emr_managed_master_security_group(groups.primary.clone())
            .set_emr_managed_slave_security_group(groups.executors.clone())
            .set_service_access_security_group(groups.service.clone())
            .set_additional_master_security_groups(additional.clone())
            .set_additional_slave_security_groups(additional)
            .instance_groups(primary.group("primary", InstanceRoleType::Master))
            .instance_groups(self.core.group("core", InstanceRoleType::Core))
            .instance_groups(self.task.group("task", InstanceRoleType::Task))
            .build()
    }
}

impl Machines {
    fn group(&self, name: &str, role: InstanceRoleType) -> InstanceGroupConfig {
        let market = match self.bid_usd {
            Some(_) => MarketType::Spot,
            None => MarketType::OnDemand,
        };
        InstanceGroupConfig::builder()
            .name(name)
            .instance_role(role)
            .instance_type(&self.kind)
            .instance_count(self.count)
            .market(market)
            .set_bid_price(self.bid_usd.clone())
            .set_ebs_configuration(self.volumes())
            .build()
    }

    fn volumes(&self) -> Option<EbsConfiguration> {
        if self.disk_gb == 0 {
            return None;
        }
        let volume = VolumeSpecification::builder()
            .volume_type("gp3")
            .size_in_gb(self.disk_gb);
        let device = EbsBlockDeviceConfig::builder()
            .volume_specification(volume.build())
            .volumes_per_instance(1)
            .build();
        Some(
            EbsConfiguration::builder()
                .ebs_block_device_configs(device)
                .build(),
        )
    }
}

impl Bootstrap {
    fn config(&self) -> BootstrapActionConfig {
        let script = ScriptBootstrapActionConfig::builder()
            .path(&self.path)
            .set_args(Some(self.args.clone()));
        BootstrapActionConfig::builder()
            .name(&self.name)
            .script_bootstrap_action(script.build())
            .build()
    }
}

//! The file with the prices of a region.

use std::collections::BTreeMap;
use std::path::Path;

use cinemill_engine::error::{Error, Kind, Result};
use serde::Deserialize;

use crate::cluster::Shape;

/// Prices as their file has them, `docs/examples/prices.toml` for one.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// As in `USD`; only printed.
    pub currency: String,
    /// By instance type.
    #[serde(default)]
    pub instances: BTreeMap<String, Instance>,
    pub fargate: Option<Fargate>,
    pub s3: S3,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    pub vcpus: f64,
    pub memory_gb: f64,
    /// Of EC2, on demand.
    pub per_hour: f64,
    /// Of EC2, for spot instances; as on demand where not given.
    pub spot_per_hour: Option<f64>,
    /// What EMR adds.
    pub emr_per_hour: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fargate {
    pub vcpu_hour: f64,
    pub gb_hour: f64,
    pub spot_vcpu_hour: f64,
    pub spot_gb_hour: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3 {
    /// GET and the like.
    pub per_1000_reads: f64,
    /// PUT, POST, LIST and the like.
    pub per_1000_writes: f64,
}

/// What one node is and costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NodePrice {
    pub vcpus: f64,
    pub memory_gb: f64,
    pub per_hour: f64,
}

impl Prices {
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|cause| Error::new(Kind::Usage, "read prices", path.display(), cause))?;
        toml::from_str(&text).map_err(|cause| {
            let cause = cause.to_string();
            Error::new(Kind::Usage, "read prices", path.display(), cause.trim_end())
        })
    }

    /// # Errors
    /// `Usage` for a node of which the file knows no price.
    pub fn of_node(&self, shape: &Shape, is_spot: bool) -> Result<NodePrice> {
        let unknown = |section: String| {
            let cause = format!("the price file has no [{section}]");
            Error::new(Kind::Usage, "find price of", shape, cause)
                .hint("docs/examples/prices.toml shows the form")
        };
        match (shape, shape.of_container()) {
            (Shape::Instance(kind), _) => {
                let section = || unknown(format!("instances.\"{kind}\""));
                let price = self.instances.get(kind).ok_or_else(section)?;
                let spot = price.spot_per_hour.filter(|_| is_spot);
                Ok(NodePrice {
                    vcpus: price.vcpus,
                    memory_gb: price.memory_gb,
                    per_hour: spot.unwrap_or(price.per_hour) + price.emr_per_hour,
                })
            }
            (_, Some((vcpus, memory_gb))) => {
                let price = self.fargate.ok_or_else(|| unknown("fargate".to_owned()))?;
                let (vcpu_hour, gb_hour) = match is_spot {
                    true => (price.spot_vcpu_hour, price.spot_gb_hour),
                    false => (price.vcpu_hour, price.gb_hour),
                };
                Ok(NodePrice {
                    vcpus,
                    memory_gb,
                    per_hour: vcpus * vcpu_hour + memory_gb * gb_hour,
                })
            }
            _ => Err(
                Error::new(Kind::Usage, "find price of", shape, "this machine has none")
                    .hint("name an instance type of the price file with --instance"),
            ),
        }
    }
}

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
        let failed = |cause: &str| {
            Error::new(Kind::Usage, "read prices", path.display(), cause)
                .hint("docs/examples/prices.toml shows the form")
        };
        let prices: Self = toml::from_str(&text)
            .map_err(|cause: toml::de::Error| failed(&cause.to_string().replace('\n', " ")))?;
        match prices.are_sound() {
            true => Ok(prices),
            false => Err(failed("sizes are above 0, and prices not below")),
        }
    }

    fn are_sound(&self) -> bool {
        let instances = self.instances.values();
        let sizes = instances
            .clone()
            .flat_map(|each| [each.vcpus, each.memory_gb]);
        let of_instances = instances.flat_map(|each| {
            let spot = each.spot_per_hour.unwrap_or_default();
            [each.per_hour, each.emr_per_hour, spot]
        });
        let of_fargate = self.fargate.into_iter().flat_map(|each| {
            let spot = [each.spot_vcpu_hour, each.spot_gb_hour];
            [[each.vcpu_hour, each.gb_hour], spot].concat()
        });
        let of_s3 = [self.s3.per_1000_reads, self.s3.per_1000_writes];
        let mut prices = of_instances.chain(of_fargate).chain(of_s3);
        sizes.into_iter().all(|size| size > 0.0 && size.is_finite())
            && prices.all(|price| price >= 0.0 && price.is_finite())
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

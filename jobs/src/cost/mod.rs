//! What runs cost: their share of the executors' time, and their requests.

mod prices;

use serde::Serialize;

use crate::run::{Usage, Verdict};

pub use prices::{NodePrice, Prices};

const HOUR_S: f64 = 3600.0;

/// One run's. A task slot is one vCPU, as executors have as many slots as cores.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunCost {
    pub run_id: String,
    pub job: String,
    pub vcpu_hours: f64,
    pub gb_hours: f64,
    pub s3_reads: u64,
    pub s3_writes: u64,
    /// Money for the time of executors.
    pub compute: f64,
    /// Money for requests.
    pub requests: f64,
}

impl RunCost {
    pub fn new(verdict: &Verdict, node: NodePrice, prices: &Prices) -> Self {
        let Usage {
            slot_seconds,
            s3_reads,
            s3_writes,
        } = verdict.usage;
        let vcpu_hours = slot_seconds / HOUR_S;
        let reads = s3_reads as f64 * prices.s3.per_1000_reads;
        let writes = s3_writes as f64 * prices.s3.per_1000_writes;
        Self {
            run_id: verdict.run_id.clone(),
            job: verdict.job.clone(),
            vcpu_hours,
            gb_hours: vcpu_hours * node.memory_gb / node.vcpus,
            s3_reads,
            s3_writes,
            compute: vcpu_hours * node.per_hour / node.vcpus,
            requests: (reads + writes) / 1000.0,
        }
    }

    pub fn total(&self) -> f64 {
        self.compute + self.requests
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Shape;
    use cinemill_engine::error::Result;

    #[test]
    fn a_run_pays_for_its_slots_and_requests() -> Result<()> {
        let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples/prices.toml");
        let prices = Prices {
            s3: prices::S3 {
                per_1000_reads: 0.0004,
                per_1000_writes: 0.005,
            },
            ..Prices::read(example.as_ref())?
        };
        let container = Shape::Container {
            cpu_units: 2048,
            memory_mb: 8192,
        };
        let node = prices.of_node(&container, false)?;
        assert_eq!((node.vcpus, node.memory_gb), (2.0, 8.0));
        let spot = prices.of_node(&container, true)?;
        assert!(spot.per_hour < node.per_hour);
        let verdict = Verdict {
            run_id: "r".to_owned(),
            job: "imdb_titles".to_owned(),
            output: "s3://lake/titles".to_owned(),
            rows: 1,
            seconds: 900.0,
            place: "cluster of 4 executors".to_owned(),
            usage: Usage {
                slot_seconds: 7200.0,
                s3_reads: 10_000,
                s3_writes: 2_000,
            },
            ..Verdict::default()
        };
        let cost = RunCost::new(&verdict, node, &prices);
        assert_eq!((cost.vcpu_hours, cost.gb_hours), (2.0, 8.0));
        assert!(
            (cost.compute - node.per_hour).abs() < 1e-9,
            "one node's hour"
        );
        assert!((cost.requests - 0.014).abs() < 1e-9, "{}", cost.requests);
        Ok(())
    }

    #[test]
    fn an_unknown_node_has_no_price() -> Result<()> {
        let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples/prices.toml");
        let prices = Prices::read(example.as_ref())?;
        let unknown = prices.of_node(&Shape::Instance("x1.none".to_owned()), false);
        let error = unknown
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(error.contains("instances.\"x1.none\""), "{error}");
        assert!(prices.of_node(&Shape::Process, false).is_err());
        Ok(())
    }
}

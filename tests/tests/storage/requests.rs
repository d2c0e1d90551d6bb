//! What a run says of its requests is what the store was asked.

use cinemill_tests::cluster::Cluster;
use cinemill_tests::processes::Cinemill;
use cinemill_tests::s3::S3Server;
use serde_json::Value;
use tempfile::TempDir;

use crate::fixture::{BUCKET, INPUT, assert_code, write_input};

struct Site {
    server: S3Server,
    folder: TempDir,
}

impl Site {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let server = S3Server::start_blocking(&folder.path().join("s3")).unwrap();
        server.create_bucket(BUCKET).unwrap();
        write_input(&server.object_path(BUCKET, "in"), 5_000);
        Self { server, folder }
    }

    /// Reads and writes during a command that ends well.
    fn asked_by(&self, cinemill: &Cinemill, arguments: &[&str]) -> (u64, u64) {
        let before = self.server.seen().totals();
        assert_code(&cinemill.run(arguments).unwrap(), 0, &[]);
        let after = self.server.seen().totals();
        (after.0 - before.0, after.1 - before.1)
    }

    /// What the cost of the table's only run is reckoned from.
    fn cost(&self, cinemill: &Cinemill, table: &str) -> Value {
        let prices = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples/prices.toml");
        let arguments = ["cluster", "cost", "--prices", prices, "--output", table];
        let more = ["--instance", "m7g.xlarge", "--json"];
        let ended = cinemill.run(&[&arguments[..], &more].concat()).unwrap();
        assert_code(&ended, 0, &[]);
        let cost: Value = serde_json::from_str(&ended.stdout).unwrap();
        cost["runs"][0].clone()
    }
}

fn requests(cost: &Value) -> (u64, u64) {
    let number = |name: &str| cost[name].as_u64().unwrap();
    (number("s3_reads"), number("s3_writes"))
}

#[test]
fn an_embedded_run_counts_its_requests() {
    let site = Site::new();
    let cinemill = Cinemill::default().with_s3(&site.server);
    let table = "s3://lake/embedded";
    let run = ["run", "imdb_titles", "--input", INPUT, "--output", table];
    let (reads, writes) = site.asked_by(&cinemill, &run);
    let cost = site.cost(&cinemill, table);
    // The record that holds the figures is written after they were taken.
    assert_eq!(requests(&cost), (reads, writes - 1));
    assert!(cost["vcpu_hours"].as_f64().unwrap() > 0.0, "{cost}");
    assert!(cost["compute"].as_f64().unwrap() > 0.0, "{cost}");
}

#[test]
fn a_run_on_a_cluster_counts_the_requests_of_all_its_processes() {
    let site = Site::new();
    let cluster = Cluster::start_on_s3(2, &site.server).unwrap();
    let cinemill = cluster.cinemill().with_s3(&site.server);
    let table = "s3://lake/cluster";
    let run = ["submit", "imdb_titles", "--input", INPUT, "--output", table];
    let (reads, writes) = site.asked_by(&cinemill, &run);
    let cost = site.cost(&cinemill, table);
    let counted = requests(&cost);
    assert_eq!(counted.0, reads);
    assert_eq!(counted.1, writes - 1);
    drop(site.folder);
}

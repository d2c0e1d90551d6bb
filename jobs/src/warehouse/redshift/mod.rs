//! Redshift: through its Data API, or by PostgreSQL's wire protocol with temporary credentials.

mod credentials;
mod data_api;
mod failure;
mod manifest;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use cinemill_engine::error::{Error, Kind, Result};

pub use credentials::connect;
pub use data_api::{DataApi, STATEMENTS_MAX, check_statement};
pub use manifest::CopyManifest;

/// What executes statements: a serverless workgroup, or a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compute {
    Workgroup(String),
    Cluster {
        name: String,
        /// `None` for the user that the identity of this process stands for.
        user: Option<String>,
    },
}

impl Compute {
    pub fn name(&self) -> &str {
        match self {
            Self::Workgroup(name) | Self::Cluster { name, .. } => name,
        }
    }
}

/// Region, endpoint and credentials of the standard environment, file or role.
async fn aws() -> Result<SdkConfig> {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let config = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .load()
        .await;
    match config.region() {
        Some(_) => Ok(config),
        None => {
            let cause = "no region is set";
            Err(Error::new(Kind::Usage, "reach", "Redshift", cause).hint("set AWS_REGION"))
        }
    }
}

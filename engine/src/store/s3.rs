//! A bucket: who serves it, and its client.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};

use super::failure::one_line;
use super::http::PatientConnector;
use super::patience::Patience;
use crate::error::{Error, Kind, Result};

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a request may take with all of its answer, however steadily that arrives.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);
/// More than can be made in the time that requests are repeated for: that is the bound.
const RETRIES_MAX: usize = 1000;
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// Where the environment names no region, as `object_store` has it.
const REGION_DEFAULT: &str = "us-east-1";

/// A bucket with its client.
#[derive(Debug)]
pub(super) struct Bucket {
    pub name: String,
    pub region: String,
    /// `None` for AWS's own.
    pub endpoint: Option<String>,
    pub client: Arc<AmazonS3>,
}

impl Bucket {
    /// Credentials, region and endpoint come from the standard environment or role.
    pub fn open(name: &str) -> Result<Self> {
        let patience = Patience::of_this_process()?;
        let builder = AmazonS3Builder::from_env();
        let endpoint = builder.get_config_value(&AmazonS3ConfigKey::Endpoint);
        let region = builder.get_config_value(&AmazonS3ConfigKey::Region);
        // A custom endpoint (an S3-compatible server) may be plain HTTP; AWS itself never is.
        let is_plain = endpoint.as_ref().is_some_and(|e| e.starts_with("http://"));
        let options = ClientOptions::new()
            .with_timeout(REQUEST_TIMEOUT)
            .with_connect_timeout(CONNECT_TIMEOUT)
            .with_allow_http(is_plain);
        let client = builder
            .with_bucket_name(name)
            .with_retry(retries(patience))
            .with_client_options(options)
            .with_http_connector(PatientConnector::new(patience))
            .build()
            .map_err(|cause| {
                let place = format!("s3://{name}");
                Error::new(Kind::Input, "open", place, one_line(&cause))
                    .hint("check AWS_REGION, AWS_ENDPOINT_URL and the credentials of this process")
            })?;
        Ok(Self {
            name: name.to_owned(),
            region: region.unwrap_or_else(|| REGION_DEFAULT.to_owned()),
            endpoint,
            client: Arc::new(client),
        })
    }
}

fn retries(patience: Patience) -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: PAUSE_MIN,
            max_backoff: PAUSE_MAX,
            base: 2.0,
        },
        max_retries: RETRIES_MAX,
        retry_timeout: patience.total(),
    }
}

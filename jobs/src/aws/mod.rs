//! What all of AWS's services have in common: the standard environment, and what failures mean.

mod failure;

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use cinemill_engine::error::{Error, Kind, Result};

pub use failure::{code_of, failure};

/// How long a connection, an answer, and one try as a whole may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
const TRY_TIMEOUT: Duration = Duration::from_secs(30);

/// Region, endpoint and credentials of the standard environment, file or role.
pub async fn config(service: &str) -> Result<SdkConfig> {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let config = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .timeout_config(timeouts())
        .load()
        .await;
    match config.region() {
        Some(_) => Ok(config),
        None => {
            let cause = "no region is set";
            Err(Error::new(Kind::Usage, "reach", service, cause).hint("set AWS_REGION"))
        }
    }
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(ANSWER_TIMEOUT)
        .operation_attempt_timeout(TRY_TIMEOUT)
        .build()
}

//! The notice that a spot instance is about to be taken away.

use std::time::Duration;

use aws_config::imds::Client;
use aws_config::imds::client::error::ImdsError;
use aws_config::provider_config::ProviderConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use chrono::{DateTime, Utc};
use serde::Deserialize;

/// Where EC2's instance metadata says so; until then there is nothing.
const NOTICE: &str = "/latest/meta-data/spot/instance-action";
/// As EC2 advises.
const ASK_INTERVAL: Duration = Duration::from_secs(5);
/// How long before the instance goes the executor shall be gone.
const SPARE: Duration = Duration::from_secs(5);

/// The notice: what happens to the instance, and when.
#[derive(Debug, Deserialize)]
struct Notice {
    action: String,
    time: DateTime<Utc>,
}

/// Waits for the notice, and answers how long the executor may still stay.
pub async fn notice() -> Duration {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let config = ProviderConfig::without_region().with_http_client(http);
    let client = Client::builder().configure(&config).max_attempts(1).build();
    let mut complained = false;
    loop {
        match client.get(NOTICE).await.map(String::from) {
            Ok(text) => match serde_json::from_str::<Notice>(&text) {
                Ok(notice) => {
                    tracing::warn!(notice.action, %notice.time, "the instance is taken away");
                    return time_left(&notice, Utc::now());
                }
                Err(cause) => tracing::warn!(text, %cause, "could not understand a spot notice"),
            },
            // There is none.
            Err(ImdsError::ErrorResponse(_)) => {}
            Err(cause) => {
                if !complained {
                    tracing::warn!(%cause, "could not ask for the spot notice; asking on");
                }
                complained = true;
            }
        }
        tokio::time::sleep(ASK_INTERVAL).await;
    }
}

fn time_left(notice: &Notice, now: DateTime<Utc>) -> Duration {
    let left = (notice.time - now).to_std().unwrap_or_default();
    left.saturating_sub(SPARE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executor_is_gone_before_the_instance() -> Result<(), Box<dyn std::error::Error>> {
        let text = r#"{"action": "terminate", "time": "2026-09-18T08:22:00Z"}"#;
        let notice: Notice = serde_json::from_str(text)?;
        let at = |time: &str| time.parse::<DateTime<Utc>>();
        assert_eq!(
            time_left(&notice, at("2026-09-18T08:20:00Z")?).as_secs(),
            115
        );
        assert_eq!(time_left(&notice, at("2026-09-18T08:21:58Z")?).as_secs(), 0);
        assert_eq!(time_left(&notice, at("2026-09-18T09:00:00Z")?).as_secs(), 0);
        Ok(())
    }
}

//! Unfinished uploads of a bucket, which `object_store` cannot list.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Config, Credentials, Region, RequestChecksumCalculation,
    ResponseChecksumValidation,
};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::list_multipart_uploads::{
    ListMultipartUploadsError, ListMultipartUploadsOutput,
};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use chrono::{DateTime, Utc};
use object_store::path::Path;

use super::failure::innermost;
use super::s3::Bucket;
use super::{Backend, Store};
use crate::error::{Error, Kind, Result};

const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
const ATTEMPTS: u32 = 5;

/// An upload that was begun, and neither completed nor aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenUpload {
    /// The object that it would become.
    pub path: Path,
    pub id: String,
    pub begun_at: DateTime<Utc>,
}

impl Store {
    /// The open uploads to objects below a folder; a local disk has none.
    ///
    /// # Errors
    /// `Final` where this process may not list them, `Retryable` where the store gives no answer.
    pub async fn open_uploads(&self, folder: &Path) -> Result<Vec<OpenUpload>> {
        let Backend::S3(bucket) = &self.backend else {
            return Ok(Vec::new());
        };
        let client = client(bucket)
            .await
            .map_err(|cause| self.failure("list the uploads below", folder, &cause))?;
        // With the slash, lest `table2` counts as being below `table`.
        let prefix = match folder.as_ref() {
            "" => String::new(),
            folder => format!("{folder}/"),
        };
        let mut found = Vec::new();
        let mut page = ListMultipartUploadsOutput::builder().build();
        loop {
            let answer = client
                .list_multipart_uploads()
                .bucket(&bucket.name)
                .prefix(&prefix)
                .set_key_marker(page.next_key_marker)
                .set_upload_id_marker(page.next_upload_id_marker)
                .send()
                .await;
            page = answer.map_err(|cause| refused(bucket, folder, &cause))?;
            found.extend(page.uploads().iter().filter_map(open_upload));
            if page.is_truncated != Some(true) {
                return Ok(found);
            }
        }
    }
}

fn open_upload(upload: &aws_sdk_s3::types::MultipartUpload) -> Option<OpenUpload> {
    let begun = upload.initiated()?;
    Some(OpenUpload {
        path: Path::parse(upload.key()?).ok()?,
        id: upload.upload_id()?.to_owned(),
        begun_at: DateTime::from_timestamp(begun.secs(), begun.subsec_nanos())?,
    })
}

/// A client with the store's own endpoint, region and credentials, as they are now.
async fn client(bucket: &Bucket) -> object_store::Result<Client> {
    let keys = bucket.client.credentials().get_credential().await?;
    let keys = Credentials::new(
        &keys.key_id,
        &keys.secret_key,
        keys.token.clone(),
        None,
        "store",
    );
    let http = Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .build();
    let mut config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http)
        .region(Region::new(bucket.region.clone()))
        .force_path_style(true)
        .credentials_provider(keys)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        // S3-compatible servers do not know the newer checksums.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    config.set_endpoint_url(bucket.endpoint.clone());
    Ok(Client::from_conf(config.build()))
}

fn refused(bucket: &Bucket, folder: &Path, cause: &SdkError<ListMultipartUploadsError>) -> Error {
    let place = format!("s3://{}/{folder}", bucket.name);
    let verb = "list the uploads below";
    match cause.as_service_error().and_then(|error| error.code()) {
        Some(code @ ("AccessDenied" | "InvalidAccessKeyId" | "SignatureDoesNotMatch")) => {
            Error::new(Kind::Final, verb, place, code)
                .hint("this process's role needs s3:ListBucketMultipartUploads on the bucket")
        }
        Some(code @ "NoSuchBucket") => Error::new(Kind::Final, verb, place, code),
        _ => {
            let server = bucket.endpoint.as_deref().unwrap_or("AWS");
            let cause = format!("{server}: {}", innermost(cause));
            Error::new(Kind::Retryable, verb, place, cause)
                .hint("run it again once the store answers")
        }
    }
}

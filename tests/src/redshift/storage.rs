//! The lake, as the stand-in reads it.

use hyper::body::Bytes;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{Error, ObjectStoreExt as _};

use super::sql::Refusal;

/// Where the buckets are: what a client of S3 finds in its environment.
#[derive(Debug, Clone)]
pub struct Storage {
    pub environment: Vec<(String, String)>,
}

impl Storage {
    /// A variable's value.
    pub fn variable(&self, name: &str) -> Option<&str> {
        let mut found = self.environment.iter().filter(|(key, _)| key == name);
        found.next().map(|(_, value)| value.as_str())
    }

    /// The bytes of an object.
    pub async fn read(&self, url: &str) -> Result<Bytes, Refusal> {
        let (bucket, path) = self.locate(url)?;
        let read = async { bucket.get(&path).await?.bytes().await };
        read.await.map_err(|error| refusal(url, &error))
    }

    /// An object's size.
    pub async fn size(&self, url: &str) -> Result<u64, Refusal> {
        let (bucket, path) = self.locate(url)?;
        let head = bucket.head(&path).await;
        Ok(head.map_err(|error| refusal(url, &error))?.size)
    }

    fn locate(&self, url: &str) -> Result<(AmazonS3, Path), Refusal> {
        let wrong = || Refusal::new("42601", format!("invalid S3 location: {url}"));
        let place = url.strip_prefix("s3://").ok_or_else(wrong)?;
        let (bucket, key) = place.split_once('/').ok_or_else(wrong)?;
        let path = Path::parse(key).map_err(|_| wrong())?;
        let mut builder = AmazonS3Builder::new().with_bucket_name(bucket);
        for (name, value) in &self.environment {
            // `AWS_REGION` and the like are keys in lower case.
            if let Ok(key) = name.to_lowercase().parse() {
                builder = builder.with_config(key, value);
            }
        }
        let bucket = builder.build();
        let bucket = bucket.map_err(|error| Refusal::internal("S3", error.to_string()))?;
        Ok((bucket, path))
    }
}

fn refusal(url: &str, error: &Error) -> Refusal {
    let message = match error {
        Error::NotFound { .. } => {
            "S3ServiceException:The specified key does not exist.,Status 404,Error NoSuchKey"
        }
        _ => "S3ServiceException",
    };
    Refusal::internal(message, format!("{url}: {error}"))
}

//! That the S3 server of the tests does what the product relies on S3 for.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::time::Duration;

use cinemill_tests::s3::{Moment, S3Server, Trouble};
use object_store::aws::{AmazonS3, AmazonS3Builder, AwsAuthorizer, AwsCredential};
use object_store::client::{HttpRequest, HttpRequestBody};
use object_store::list::{PaginatedListOptions, PaginatedListStore as _};
use object_store::multipart::{MultipartStore as _, PartId};
use object_store::path::Path;
use object_store::{
    Error, GetOptions, ObjectMeta, ObjectStore as _, ObjectStoreExt as _, PutMode, PutPayload,
    RetryConfig, UpdateVersion,
};
use tempfile::TempDir;

mod conditions;
mod faults;
mod objects;
mod uploads;

const BUCKET: &str = "lake";
const PART_BYTES: usize = 5 * 1024 * 1024;

struct Fixture {
    folder: TempDir,
    server: S3Server,
}

async fn start() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let server = S3Server::start(folder.path()).await.unwrap();
    server.create_bucket(BUCKET).unwrap();
    Fixture { folder, server }
}

/// A client of its own that never repeats a request, set up as a process under test would be.
fn client(server: &S3Server) -> AmazonS3 {
    let builder =
        server
            .environment()
            .into_iter()
            .fold(AmazonS3Builder::new(), |builder, (name, value)| {
                // `AWS_ENDPOINT_URL` and the like are keys in lower case.
                builder.with_config(name.to_lowercase().parse().unwrap(), value)
            });
    builder
        .with_bucket_name(BUCKET)
        .with_retry(RetryConfig {
            max_retries: 0,
            ..Default::default()
        })
        .build()
        .unwrap()
}

fn key(text: &str) -> Path {
    Path::parse(text).unwrap()
}

fn as_version(etag: Option<String>) -> PutMode {
    PutMode::Update(UpdateVersion {
        e_tag: etag,
        version: None,
    })
}

async fn read(store: &AmazonS3, name: &str) -> Result<Vec<u8>, Error> {
    Ok(store.get(&key(name)).await?.bytes().await?.to_vec())
}

async fn list(store: &AmazonS3, prefix: &str, page: usize) -> Vec<ObjectMeta> {
    let (mut objects, mut page_token) = (Vec::new(), None);
    loop {
        let options = PaginatedListOptions {
            max_keys: Some(page),
            page_token,
            ..Default::default()
        };
        let answer = store.list_paginated(Some(prefix), options).await.unwrap();
        assert!(answer.result.objects.len() <= page);
        objects.extend(answer.result.objects);
        page_token = answer.page_token;
        if page_token.is_none() {
            return objects;
        }
    }
}

async fn names(store: &AmazonS3, prefix: &str) -> Vec<String> {
    list(store, prefix, 1000)
        .await
        .into_iter()
        .map(|object| object.location.to_string())
        .collect()
}

async fn upload_two_parts(store: &AmazonS3, path: &Path) -> (String, Vec<PartId>) {
    let id = store.create_multipart(path).await.unwrap();
    // In any order.
    let second = store
        .put_part(path, &id, 1, "the end".into())
        .await
        .unwrap();
    let first = store
        .put_part(path, &id, 0, vec![b'x'; PART_BYTES].into())
        .await
        .unwrap();
    (id, vec![first, second])
}

//! The stand-in over a lake, and a client that speaks to it as AWS's would.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use cinemill_tests::postgres::Rows;
use cinemill_tests::redshift::{RedshiftServer, WORKGROUP};
use cinemill_tests::s3::S3Server;
use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::parquet::arrow::ArrowWriter;
use reqwest::Response;
use serde_json::{Value, json};
use tempfile::TempDir;

pub const BUCKET: &str = "lake";

pub struct Fixture {
    pub redshift: RedshiftServer,
    pub lake: S3Server,
    http: reqwest::Client,
    _folder: TempDir,
}

impl Fixture {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lake = S3Server::start_blocking(folder.path()).unwrap();
        lake.create_bucket(BUCKET).unwrap();
        Self {
            redshift: RedshiftServer::start(&lake).unwrap(),
            lake,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            _folder: folder,
        }
    }

    /// What a signature says of the one who signs.
    pub fn signature(&self, service: &str) -> String {
        let key = self.lake.access_key();
        format!(
            "AWS4-HMAC-SHA256 Credential={key}/20261121/us-east-1/{service}/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature=00"
        )
    }

    pub async fn send(
        &self,
        target: &str,
        request: &Value,
        signature: Option<String>,
    ) -> reqwest::Result<Response> {
        let mut asked = self
            .http
            .post(self.redshift.endpoint())
            .header("X-Amz-Target", target)
            .body(request.to_string());
        if let Some(signature) = signature {
            asked = asked.header("Authorization", signature);
        }
        asked.send().await
    }

    /// Asks as is right; an error is its code and its message.
    pub async fn ask(
        &self,
        operation: &str,
        request: Value,
    ) -> reqwest::Result<Result<Value, String>> {
        let signature = Some(self.signature("redshift-data"));
        let target = format!("RedshiftData.{operation}");
        let answer = self.send(&target, &request, signature).await?;
        let is_ok = answer.status().is_success();
        let text = answer.text().await?;
        let value: Value = serde_json::from_str(&text).unwrap();
        Ok(match is_ok {
            true => Ok(value),
            false => Err(text),
        })
    }

    pub async fn get(&self, operation: &str, request: Value) -> Result<Value, String> {
        self.ask(operation, request).await.unwrap()
    }

    /// The description of a batch that has ended.
    pub async fn end_of(&self, id: &str) -> Value {
        loop {
            let told = self.get("DescribeStatement", json!({ "Id": id })).await;
            let told = told.unwrap();
            let status = told["Status"].as_str().unwrap();
            if ["FINISHED", "FAILED", "ABORTED"].contains(&status) {
                return told;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub async fn batch(&self, statements: &[&str]) -> Value {
        let started = self.get("BatchExecuteStatement", batch(statements)).await;
        self.end_of(started.unwrap()["Id"].as_str().unwrap()).await
    }

    /// All statements are executed.
    pub async fn done(&self, statements: &[&str]) -> Value {
        let told = self.batch(statements).await;
        assert_eq!(told["Status"], "FINISHED", "{told:#}");
        told
    }

    /// The batch fails; the reason.
    pub async fn failed(&self, statements: &[&str]) -> String {
        let told = self.batch(statements).await;
        assert_eq!(told["Status"], "FAILED", "{told:#}");
        told["Error"].as_str().unwrap().to_owned()
    }

    pub fn rows(&self, sql: &str) -> Rows {
        self.redshift.postgres().query(sql).unwrap()
    }

    /// The only value of the only row.
    pub fn value(&self, sql: &str) -> String {
        let rows = self.rows(sql);
        rows[0][0].clone().unwrap()
    }

    /// Writes a Parquet file to the lake; returns its size.
    pub fn file(&self, key: &str, columns: Vec<(&str, ArrayRef)>) -> u64 {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        self.object(key, &bytes);
        bytes.len() as u64
    }

    pub fn object(&self, key: &str, bytes: &[u8]) {
        fs::write(self.lake.object_path(BUCKET, key), bytes).unwrap();
    }

    /// Lists files with their sizes, and copies them.
    pub fn copy(&self, table: &str, files: &[(&str, u64)]) -> String {
        let entries: Vec<Value> = files
            .iter()
            .map(|(key, size)| {
                let url = format!("s3://{BUCKET}/{key}");
                json!({ "url": url, "mandatory": true, "meta": { "content_length": size } })
            })
            .collect();
        self.object(
            "manifest",
            json!({ "entries": entries }).to_string().as_bytes(),
        );
        copy(table)
    }
}

pub fn copy(table: &str) -> String {
    format!(
        "COPY {table} FROM 's3://{BUCKET}/manifest' IAM_ROLE default FORMAT AS PARQUET MANIFEST"
    )
}

pub fn batch(statements: &[&str]) -> Value {
    json!({ "WorkgroupName": WORKGROUP, "Database": "dev", "Sqls": statements })
}

pub fn array(array: impl datafusion::arrow::array::Array + 'static) -> ArrayRef {
    Arc::new(array)
}

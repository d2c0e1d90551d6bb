//! Sends the rows of a snapshot's files to PostgreSQL, with no file in between.

use std::pin::pin;

use bytes::Bytes;
use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::table::{ManifestFile, Table};
use datafusion::common::runtime::SpawnedTask;
use futures::{SinkExt, TryStreamExt};
use tokio::sync::mpsc;
use tokio_postgres::Client;

use super::encode::Encoder;
use super::failure::failure;
use crate::warehouse::published::PublishedTable;

/// How many encoded batches may wait for the server.
const WAITING_MAX: usize = 4;

/// Executes a `COPY … FROM STDIN (FORMAT binary)`.
///
/// # Errors
/// As reading the files and sending to the server fail.
pub async fn copy(client: &Client, sql: &str, rows: &PublishedTable) -> Result<()> {
    let name = &rows.name;
    let refused = |cause| failure(&cause, "copy", name);
    let mut server = pin!(client.copy_in::<_, Bytes>(sql).await.map_err(refused)?);
    server.feed(Encoder::header()).await.map_err(refused)?;
    let (sender, mut encoded) = mpsc::channel(WAITING_MAX);
    // Files are read and encoded while the server takes what came before.
    let (table, files) = (rows.place.clone(), rows.files.clone());
    let encoding = SpawnedTask::spawn(async move { encode(&table, &files, &sender).await });
    while let Some(bytes) = encoded.recv().await {
        server.feed(bytes).await.map_err(refused)?;
    }
    encoding
        .await
        .map_err(|cause| Error::new(Kind::Final, "encode", name, cause))??;
    server.feed(Encoder::trailer()).await.map_err(refused)?;
    server.finish().await.map(|_| ()).map_err(refused)
}

/// Sends all rows, a batch at a time; ends early where nobody takes them any more.
async fn encode(table: &Table, files: &[ManifestFile], sender: &mpsc::Sender<Bytes>) -> Result<()> {
    for file in files {
        let mut batches = table.file(file).await?.read()?;
        while let Some(batch) = batches.try_next().await? {
            let encoded = Encoder::new(&batch)?.encode(batch.num_rows());
            if sender.send(encoded).await.is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

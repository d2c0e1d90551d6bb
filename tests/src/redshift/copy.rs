//! `COPY` of Parquet files that a manifest lists, as Redshift's Spectrum does it.

mod manifest;
mod rows;
mod types;

use std::pin::pin;

use datafusion::parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use datafusion::parquet::errors::ParquetError;
use futures::SinkExt;
use hyper::body::Bytes;
use tokio_postgres::Client;

use self::types::{Column, check};
use super::failure::small_print;
use super::sql::{Copy, Refusal};
use super::storage::Storage;

/// The code of nearly all that is wrong with a file.
const WRONG_FILE: u32 = 15_007;

/// Why a copy failed.
#[derive(Debug)]
pub enum Trouble {
    /// PostgreSQL failed, and the transaction with it.
    Postgres(tokio_postgres::Error),
    Refused(Refusal),
}

impl From<tokio_postgres::Error> for Trouble {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(error)
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What Redshift says of a file that it cannot take.
fn scan_error(code: u32, context: &str) -> Refusal {
    let message = "Spectrum Scan Error";
    Refusal::internal(message, small_print(message, code, context))
}

fn unreadable(url: &str, error: &impl ToString) -> Refusal {
    scan_error(15_001, &format!("{}: {url}", error.to_string()))
}

/// Copies all rows of all files, or none; returns how many there were.
pub async fn run(client: &Client, storage: &Storage, copy: &Copy) -> Result<u64, Trouble> {
    let columns = columns(client, &copy.table).await?;
    let files = manifest::files(storage, &copy.manifest).await?;
    let into = format!("COPY {} FROM STDIN", copy.table);
    let mut sink = pin!(client.copy_in::<_, Bytes>(&into).await?);
    for url in &files {
        let bytes = storage.read(url).await?;
        for batch in reader(bytes, &columns, copy, url)? {
            let batch = batch.map_err(|error| unreadable(url, &error))?;
            // A sink that is dropped unfinished fails the statement in PostgreSQL too.
            let text = rows::text(&batch, &columns, url)?;
            sink.send(Bytes::from(text)).await?;
        }
    }
    Ok(sink.finish().await?)
}

async fn columns(client: &Client, table: &str) -> Result<Vec<Column>, Trouble> {
    let name = table.replace('\\', "\\\\").replace('\'', "''");
    let sql = format!(
        "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute \
         WHERE attrelid = to_regclass('{name}') AND attnum > 0 AND NOT attisdropped \
         ORDER BY attnum"
    );
    let rows = client.query(&sql, &[]).await?;
    let columns: Result<Vec<Column>, _> = rows
        .iter()
        .map(|row| {
            Ok(Column {
                name: row.try_get(0)?,
                type_of: row.try_get(1)?,
            })
        })
        .collect();
    match columns {
        Ok(columns) if columns.is_empty() => {
            let message = format!("Cannot COPY into nonexistent table {}", table);
            Err(Refusal::new("42P01", message).into())
        }
        other => other.map_err(Trouble::Postgres),
    }
}

/// Opens a file whose columns fit those of the table.
fn reader(
    bytes: Bytes,
    columns: &[Column],
    copy: &Copy,
    url: &str,
) -> Result<
    impl Iterator<Item = Result<datafusion::arrow::array::RecordBatch, impl ToString + use<>>> + use<>,
    Refusal,
> {
    let wrong = |error: ParquetError| unreadable(url, &error);
    // What Parquet says alone counts, not what Arrow writes beside it.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let builder =
        ParquetRecordBatchReaderBuilder::try_new_with_options(bytes, options).map_err(wrong)?;
    check(columns, &builder, copy, url)?;
    builder.build().map_err(wrong)
}

//! The files of a snapshot, for those who read them outside of a session.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::parquet::arrow::ParquetRecordBatchStreamBuilder;
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::FileMetaData;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStoreExt;

use super::object_reader::ObjectReader;
use super::{ManifestFile, Table};
use crate::error::{Error, Kind, Result};
use crate::sink::figures::{self, ColumnFigures};

/// How many rows come at a time.
const BATCH_ROWS: usize = 8192;

/// A file of a snapshot, whose size and number of rows are those that the manifest tells.
pub struct TableFile {
    place: String,
    builder: ParquetRecordBatchStreamBuilder<ObjectReader>,
}

impl Table {
    /// Opens a file of a snapshot: reads its footer.
    ///
    /// # Errors
    /// `Input` where the file is gone, is not the one that the manifest tells of, or is no Parquet.
    pub async fn file(&self, file: &ManifestFile) -> Result<TableFile> {
        let place = self.location().join(&file.path);
        let changed = |cause: String| {
            Error::new(Kind::Input, "read", &place, cause)
                .hint("the files are not those that the manifest lists; publish the table anew")
        };
        let found = self.store().objects().head(place.path()).await;
        let found = match found {
            Err(object_store::Error::NotFound { .. }) => {
                return Err(changed(
                    "the manifest lists it, but it is not there".to_owned(),
                ));
            }
            other => other.map_err(|cause| self.store().failure("read", place.path(), &cause))?,
        };
        if found.size != file.bytes {
            let (is, listed) = (found.size, file.bytes);
            return Err(changed(format!(
                "it has {is} bytes, but the manifest says {listed}"
            )));
        }
        let opened = self.open_file(&file.path, found.size).await?;
        match opened.rows() {
            rows if rows == file.rows => Ok(opened),
            rows => Err(changed(format!(
                "it has {rows} rows, but the manifest says {}",
                file.rows
            ))),
        }
    }
}

impl Table {
    /// Opens a Parquet file in the table's folder, of which the manifest need not know.
    ///
    /// # Errors
    /// `Input` where it is no Parquet.
    pub async fn open_file(&self, path: &str, size: u64) -> Result<TableFile> {
        let place = self.location().join(path);
        let reader = ObjectReader {
            store: self.store().clone(),
            path: place.path().clone(),
            size,
        };
        let builder = ParquetRecordBatchStreamBuilder::new(reader).await;
        Ok(TableFile {
            builder: builder.map_err(|cause| unreadable(&place.to_string(), &cause))?,
            place: place.to_string(),
        })
    }
}

impl TableFile {
    pub fn schema(&self) -> &SchemaRef {
        self.builder.schema()
    }

    pub fn rows(&self) -> u64 {
        self.footer().num_rows().try_into().unwrap_or(0)
    }

    /// The figures of each column; `None` in a file that another program or an earlier version
    /// wrote.
    pub fn figures(&self) -> Option<Vec<ColumnFigures>> {
        let pairs = self.footer().key_value_metadata()?.iter();
        let metadata = pairs
            .filter_map(|pair| Some((pair.key.clone(), pair.value.clone()?)))
            .collect();
        let figures = figures::from_footer(&metadata)?;
        (figures.len() == self.schema().fields().len()).then_some(figures)
    }

    /// All rows, in the file's order.
    ///
    /// # Errors
    /// In the stream, as the store fails, and `Input` where the file is damaged.
    pub fn read(self) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let place = self.place;
        let rows = self.builder.with_batch_size(BATCH_ROWS).build();
        let rows = rows.map_err(|cause| unreadable(&place, &cause))?;
        Ok(rows
            .map_err(move |cause| unreadable(&place, &cause))
            .boxed())
    }

    fn footer(&self) -> &FileMetaData {
        self.builder.metadata().file_metadata()
    }
}

/// The store's own errors come through Parquet's.
fn unreadable(place: &str, cause: &ParquetError) -> Error {
    let text = cause.to_string();
    Error::from_text(&text).unwrap_or_else(|| Error::new(Kind::Input, "read", place, text))
}

//! Parquet files that cinemill wrote itself as a table.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::error::DataFusionError;

use crate::error::{Error, Result};
use crate::store::Location;

/// The rows of `files`, which lie in `folder` and all have the columns of `schema`.
///
/// # Errors
/// `Final` where a path cannot be written as a URL.
pub fn parquet_table(
    folder: &Location,
    files: &[String],
    schema: SchemaRef,
) -> Result<Arc<dyn TableProvider>> {
    let failed = |cause: DataFusionError| Error::from_datafusion(&cause, "read", folder);
    let mut urls = Vec::with_capacity(files.len());
    for file in files {
        let url = folder.join(file).escaped_url()?;
        urls.push(ListingTableUrl::parse(url).map_err(failed)?);
    }
    let options = ListingOptions::new(Arc::new(ParquetFormat::default()));
    let config = ListingTableConfig::new_with_multi_paths(urls)
        .with_listing_options(options)
        .with_schema(schema);
    Ok(Arc::new(ListingTable::try_new(config).map_err(failed)?))
}

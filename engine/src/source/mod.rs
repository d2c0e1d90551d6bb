//! Readers of text files, and what becomes of records that do not fit.
//!
//! Two dialects: lines of delimited fields without any quoting (IMDb's), and RFC 4180 with line
//! breaks in quoted fields; plain, gzip or zstd; one file or a folder of parts; in any store that
//! the session knows.
//!
//! [`discover`] looks at the files of an input and gives a [`TextSpec`]. [`TextTable`] makes a
//! table of that. Its scan, [`TextScanExec`], reads the byte ranges that its child delivers as
//! rows, so that whoever cuts a plan into tasks only has to cut that child. Where a range leaves
//! an audit behind, [`merge`] tells whether the input was read whole.
//!
//! Bytes pass through `fetch` (requests, decompression), `records` and `quoted` (records and
//! fields), `rows` and `values` (verdict, columns) and `range`, which drives them.

mod audit;
mod discover;
mod fetch;
mod parquet;
mod parts;
mod quoted;
mod range;
mod records;
mod rejects;
mod rows;
mod scan;
mod spec;
mod splits;
mod table;
#[cfg(test)]
mod tests;
mod values;

pub use audit::{FileAudit, RangeAudit, merge};
pub use discover::discover;
pub use parquet::parquet_table;
pub use parts::{PARTS_LIST, Part, PartsList};
pub use range::audit_range;
pub use scan::{ScanEstimate, TextScanExec};
pub use spec::{
    BadRecords, Column, ColumnType, Compression, DEFAULT_MAX_RECORD_BYTES, InputSpec, SourceFile,
    Split, TextFormat, TextSpec,
};
pub use splits::splits;
pub use table::{TextTable, splits_exec};
pub(crate) use values::date_of;

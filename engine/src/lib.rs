//! What a query means and how it runs: the pieces that the CLI, the scheduler and the executor
//! share, so that they cannot drift apart.
//!
//! - [`buckets`]: rows in buckets by the value of a column;
//! - [`session`]: the one builder of DataFusion sessions (functions, codec, stores);
//! - [`spark`]: the Spark SQL language and its functions, where DataFusion differs;
//! - [`source`]: readers of text files, and what becomes of records that do not fit;
//! - [`sink`]: the committing Parquet writer;
//! - [`scratch`]: folders of files that end with their process;
//! - [`store`]: the one door to local disks and object stores;
//! - [`error`]: the one error type.

pub mod buckets;
pub mod codec;
pub mod doors;
pub mod error;
mod leaves;
pub mod logging;
pub mod memory;
mod peers;
pub mod scratch;
pub mod session;
pub mod sink;
pub mod source;
pub mod spark;
pub mod store;

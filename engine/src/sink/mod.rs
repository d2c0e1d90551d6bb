//! The committing Parquet sink: every task writes in parallel, one step publishes.
//!
//! - [`node`] and [`exec`] are the sink in a plan; [`writer`] turns rows into files that nobody
//!   sees ([`staged`]), with [`figures`] of their columns; each task reports what it wrote
//!   ([`spec`]), with [`statistics`] of the columns;
//! - [`table`] is the published table: its manifest, its run records, and the commit protocol that
//!   `docs/commit-protocol.md` describes.

pub mod exec;
pub mod figures;
mod hive;
pub mod node;
pub mod spec;
pub mod staged;
pub mod statistics;
pub mod table;
mod upload;
pub mod writer;

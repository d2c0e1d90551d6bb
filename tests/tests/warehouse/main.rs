//! Loads into real PostgreSQL servers, and into a stand-in for Redshift.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used
)]

mod grants;
mod lake;
mod queries;

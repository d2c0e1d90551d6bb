//! Staging from a web server that goes wrong, to a folder and to a real S3 server.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used
)]

mod archives;
mod crashes;
mod downloads;
mod fixture;
mod layouts;
mod sftp;
mod skips;
mod usage;

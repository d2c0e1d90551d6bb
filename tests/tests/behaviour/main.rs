//! How the programs behave, as their users see it: real processes, real files, a real S3 server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bad_buckets;
mod bad_input;
mod bad_jobs;
mod bad_outputs;
mod cases;
mod diffs;
mod docs_site;
mod equal_answers;
mod expectations;
mod fixture;
mod idempotent;
mod interrupts;
mod kills;
mod modes;
mod own_job;
mod params;
mod questions;
mod races;
mod service;
mod tables;
mod top50;

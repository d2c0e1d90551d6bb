//! That the stand-in for Redshift does what a loader must be able to rely on, and refuses what
//! Redshift refuses.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod copies;
mod doors;
mod fixture;
mod results;
mod statements;
mod transactions;
mod wire;

//! Loads into real PostgreSQL servers, and into a stand-in for Redshift.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used
)]

mod before;
mod checks;
mod crashes;
mod doors;
mod files;
mod films;
mod grants;
mod lake;
mod ledger;
mod modes;
mod queries;
mod redshift;
mod redshift_faults;
mod several;
mod site;
mod stars;

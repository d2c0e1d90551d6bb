//! Stores and disks that fail: what a run makes of them, and what is left behind.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod disks;
mod down;
mod faults;
mod fixture;
mod gc;
mod leftovers;
mod requests;

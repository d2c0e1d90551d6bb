//! Stores and disks that fail: what a run makes of them, and what is left behind.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod disks;
mod down;
mod faults;
mod fixture;
mod gc;
mod leftovers;

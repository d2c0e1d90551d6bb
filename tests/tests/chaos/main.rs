//! Faults of machines, fired at chosen moments of a run: real processes are killed, frozen, added
//! and cut off, and each time the table is the one that a single process makes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

mod case;
mod checkpoints;
mod frozen;
mod hosts;
mod joins;
mod killed;
mod memory;
mod random;
mod scheduler;
mod stalled;
mod stock;

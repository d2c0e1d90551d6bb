//! Jobs and their runs: the catalogue, the run driver, the client of the run service, and what the
//! CLI needs beside them.

pub mod api;
pub mod attach;
pub mod autoscale;
pub mod aws;
mod causes;
pub mod client;
pub mod cluster;
pub mod cost;
pub mod exit;
pub mod fleet;
pub mod job;
pub mod run;
pub mod sample;
pub mod stage;
pub mod testing;
pub mod warehouse;

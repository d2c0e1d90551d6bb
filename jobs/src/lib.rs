//! Jobs and their runs: the catalogue, the run driver, the client of the run service, and what the
//! CLI needs beside them.

pub mod answers;
pub mod api;
pub mod attach;
pub mod autoscale;
pub mod aws;
mod causes;
pub mod client;
pub mod cluster;
pub mod cost;
pub mod diff;
pub mod exit;
pub mod fleet;
pub mod job;
pub mod lineage;
pub mod reading;
pub mod run;
pub mod sample;
pub mod site;
pub mod stage;
pub mod template;
pub mod testing;
pub mod warehouse;

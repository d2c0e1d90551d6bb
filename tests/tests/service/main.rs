//! The run service when its scheduler, its clients or its time are lost: real processes, killed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod absence;
mod deadline;
mod doors;
mod fixture;
mod ledger;
mod ledger_s3;
mod proxy;
mod reattach;
mod report;
mod scheduler_loss;
mod site;

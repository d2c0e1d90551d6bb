//! Executors that come and go while runs go on: drain, spot notices, scaling, queues, signals.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod autoscale;
mod drain;
mod fake_metadata;
mod fixture;
mod protection;
mod queue;
mod scale;
mod signals;
mod spot;

//! Clusters that the command line starts, resizes and stops.

mod local;
mod scale;

use async_trait::async_trait;
use cinemill_engine::error::Result;

pub use self::local::{LocalCluster, start, stop};
pub use self::scale::LocalTarget;

/// A cluster whose number of executors can be changed.
#[async_trait]
pub trait ScaleTarget {
    /// Makes it so many executors, and returns when all that are new take tasks and all that are
    /// too many have left. Those get no more tasks at once, and leave when nothing of them is
    /// needed, or after `drain_deadline_s` seconds.
    async fn scale(&self, executors: usize, drain_deadline_s: u64) -> Result<Scaled>;
}

/// What a change of size did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scaled {
    pub started: usize,
    /// Executors that left with nothing that was needed.
    pub drained: usize,
    /// Executors that left at the deadline, with tasks or files that were needed.
    pub cut_off: usize,
}

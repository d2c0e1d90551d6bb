//! Task slots: which executors have free ones, and which run gets the next.
//!
//! Ballista counts free slots by adding and subtracting, and loses some whenever a task of a job
//! that ended early, or of a stage that was rolled back, has its last word too late. Here they are
//! never counted but derived: an executor's slots less those of the tasks that run there, as the
//! graphs of the jobs that go on say.

mod bind;
mod demand;
mod fair;
mod leaving;
mod queue;
mod state;
#[cfg(test)]
mod tests;

pub use self::demand::{Demand, RunDemand};
pub use self::leaving::{Departure, Leaving};
pub use self::queue::{Place, RunQueue, job_name};
pub use self::state::{SlotState, demand_of};

//! One execution of a job: what was asked for, how it is planned, driven, checked and committed.
//!
//! [`drive`] is the one driver: `cinemill run` calls it in its own process, the run service in the
//! scheduler's. They differ in the [`Backend`] that executes the plans.

mod audits;
mod backend;
mod checks;
mod driver;
mod embedded;
mod events;
mod inputs;
mod planner;
mod request;
mod verdict;

pub use backend::{Backend, PhysicalJob};
pub use driver::{Outcome, drive};
pub use embedded::{Embedded, machine_memory_bytes};
pub use events::{EventSender, RunEvent, StageProgress};
pub use inputs::{ResolvedInput, resolve as resolve_inputs};
pub use planner::{Planned, plan};
pub use request::{DEFAULT_QUEUE, RunOptions, RunRequest, check_run_id, new_run_id};
pub use verdict::{FileRejects, InputSummary, Verdict};

//! One execution of a job: what was asked for, how it is planned, driven, checked and committed.
//!
//! [`drive`] is the one driver: `cinemill run` calls it in its own process, the run service in the
//! scheduler's. They differ in the [`Backend`] that executes the plans.

mod audits;
mod backend;
mod checkpoints;
mod checks;
mod deadline;
mod driver;
mod embedded;
mod events;
mod incremental;
mod inputs;
mod kept;
mod modes;
mod outputs;
mod pieces;
mod planner;
mod preview;
mod request;
mod retry;
mod tables;
mod usage;
mod verdict;

pub use backend::{Backend, Executed, Needs, PhysicalJob};
pub use checkpoints::{
    AbandonedCheckpoints, abandoned as abandoned_checkpoints, remove as remove_checkpoints,
};
pub use deadline::{deadline_after, drive_until};
pub use driver::{Outcome, drive};
pub use embedded::Embedded;
pub use events::{EventSender, RunEvent, StageProgress};
pub use inputs::{
    InputSource, ResolvedInput, resolve as resolve_inputs, without_files as inputs_without_files,
};
pub use modes::TableChange;
pub use planner::{Planned, Planner};
pub use request::{DEFAULT_QUEUE, RunOptions, RunRequest, check_run_id, new_run_id};
pub use tables::TableInput;
pub use usage::{Meter, Usage};
pub use verdict::{FileRejects, InputSummary, Verdict};

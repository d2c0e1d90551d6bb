//! `cinemill test`: cases in a job's folder, which give rows and expect rows.
//!
//! A case is run as a user would run the job: its files are laid out in a folder, [`crate::run::drive`]
//! publishes into another one, and what is published is compared cell by cell. Given rows of a
//! relation take the place of its SQL, and expected rows may be any relation's.

mod case;
mod compare;
mod given;
mod rows;
mod run;
mod typed;

pub use case::{Case, cases};
pub use run::{Tester, Verdict};

//! Exit codes: an interface that Airflow and shells rely on. `docs/exit-codes.md` explains them.

use std::process::ExitCode;

use cinemill_engine::error::Kind;

/// Printed at the end of `--help`.
pub const HELP: &str = "Exit codes:
   0  done
   2  usage: the command line is wrong
  10  bad job definition or SQL
  11  an expectation failed; nothing was published
  12  an input is missing or unreadable
  20  failed, worth retrying
  21  failed for good
  22  cancelled
  23  not done by its deadline; nothing was published
  30  the cluster or the warehouse cannot be reached
  40  a load was refused or a check failed; the table is as before";

/// The exit code of a failure.
pub fn code(kind: Kind) -> ExitCode {
    ExitCode::from(number(kind))
}

/// As [`code`], as a number.
pub fn number(kind: Kind) -> u8 {
    match kind {
        Kind::Usage => 2,
        Kind::Definition => 10,
        Kind::Expectation => 11,
        Kind::Input => 12,
        Kind::Retryable | Kind::Memory => 20,
        Kind::Final => 21,
        Kind::Cancelled => 22,
        Kind::Deadline => 23,
        Kind::Unreachable => 30,
        Kind::Load => 40,
    }
}

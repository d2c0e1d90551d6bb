//! The only place that prints. Results go to standard output, all else to standard error.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::io::Write;

use cinemill_engine::error::Error;
use cinemill_jobs::run::{Outcome, Verdict};

/// A line of result. A reader that went away (`| head`) is no failure.
pub fn line(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// A line about what goes on.
pub fn note(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// `failed to …: …`, then the hint.
pub fn error(error: &Error) {
    note(format!("error: {error}"));
    if let Some(hint) = &error.hint {
        note(format!("hint: {hint}"));
    }
}

/// How a run ended: rejects by file and reason, then the one-line verdict.
pub fn outcome(run_id: &str, outcome: &Outcome) {
    if outcome.already_done {
        line(format!("run {run_id} was finished before; nothing to do"));
    }
    match &outcome.verdict {
        Some(verdict) => self::verdict(verdict),
        None if !outcome.already_done => line(format!("run {run_id} done")),
        None => {}
    }
}

fn verdict(verdict: &Verdict) {
    for told in verdict.lines() {
        note(told);
    }
    line(verdict);
}

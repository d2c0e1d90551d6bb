//! What was counted.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::schedule::Kind;

/// Counts of a suite, filled by all of its threads.
#[derive(Debug)]
pub struct Tally {
    began: Instant,
    verbose: bool,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default, Clone)]
struct Counts {
    faults: BTreeMap<Kind, usize>,
    /// Requests to the store that met trouble.
    troubles: u64,
    /// Uploads that only `gc` found.
    collected: u64,
    runs: usize,
    retries: usize,
    /// Ends of clients that were not 0, by exit code.
    failures: BTreeMap<i32, usize>,
    /// What must not happen, in words.
    wrong: Vec<String>,
    hung: Vec<String>,
    left: Vec<String>,
    unexpected: Vec<String>,
    longest_s: f64,
}

impl Tally {
    pub(super) fn new(verbose: bool) -> Self {
        Self {
            began: Instant::now(),
            verbose,
            counts: Mutex::default(),
        }
    }

    /// Says something, where asked to.
    #[allow(clippy::print_stdout)]
    pub(super) fn note(&self, text: &str) {
        if self.verbose {
            println!("{:8.2} {text}", self.began.elapsed().as_secs_f64());
        }
    }

    pub(super) fn fault(&self, kind: Kind) {
        self.note(&format!("fault: {kind:?}"));
        *self.counts().faults.entry(kind).or_default() += 1;
    }

    pub(super) fn troubles(&self, count: u64) {
        self.counts().troubles += count;
    }

    pub(super) fn collected(&self, uploads: u64) {
        self.counts().collected += uploads;
    }

    /// A run that succeeded, after so many tries of its pieces.
    pub(super) fn run(&self, seconds: f64, retries: usize) {
        let mut counts = self.counts();
        counts.runs += 1;
        counts.retries += retries;
        counts.longest_s = counts.longest_s.max(seconds);
    }

    pub(super) fn failure(&self, code: i32) {
        *self.counts().failures.entry(code).or_default() += 1;
    }

    pub(super) fn wrong(&self, what: String) {
        self.note(&format!("WRONG: {what}"));
        self.counts().wrong.push(what);
    }

    pub(super) fn hung(&self, what: String) {
        self.note(&format!("HUNG: {what}"));
        self.counts().hung.push(what);
    }

    pub(super) fn left(&self, what: String) {
        self.note(&format!("LEFT: {what}"));
        self.counts().left.push(what);
    }

    pub(super) fn unexpected(&self, what: String) {
        self.note(&format!("UNEXPECTED: {what}"));
        self.counts().unexpected.push(what);
    }

    pub fn faults(&self) -> usize {
        self.counts().faults.values().sum()
    }

    /// How many runs ended well.
    pub fn runs(&self) -> usize {
        self.counts().runs
    }

    /// Whether anything happened that must not.
    pub fn is_bad(&self) -> bool {
        let counts = self.counts();
        let bad = [
            &counts.wrong,
            &counts.hung,
            &counts.left,
            &counts.unexpected,
        ];
        bad.iter().any(|list| !list.is_empty())
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.counts().clone();
        let seconds = self.began.elapsed().as_secs();
        writeln!(
            f,
            "faults            {}",
            counts.faults.values().sum::<usize>()
        )?;
        for (kind, count) in &counts.faults {
            writeln!(f, "  {:<16}{count}", format!("{kind:?}"))?;
        }
        writeln!(f, "store troubles    {}", counts.troubles)?;
        writeln!(f, "runs that ended   {} in {seconds} s", counts.runs)?;
        writeln!(f, "  longest         {:.1} s", counts.longest_s)?;
        writeln!(f, "  pieces retried  {}", counts.retries)?;
        for (code, count) in &counts.failures {
            writeln!(f, "  exit code {code:<6}{count}, submitted again")?;
        }
        writeln!(f, "uploads for gc    {}", counts.collected)?;
        let lists = [
            ("wrong tables", &counts.wrong),
            ("hangs", &counts.hung),
            ("left behind", &counts.left),
            ("unexpected", &counts.unexpected),
        ];
        for (name, list) in lists {
            writeln!(f, "{name:<18}{}", list.len())?;
            for what in list {
                writeln!(f, "  {what}")?;
            }
        }
        Ok(())
    }
}

//! What the logs of any platform have in common.

use std::time::Duration;

/// Which logs are wanted.
#[derive(Debug, Clone, Default)]
pub struct LogQuery {
    /// An EMR step.
    pub step: Option<String>,
    /// An instance, task or process.
    pub node: Option<String>,
    /// How far back, where the platform keeps times.
    pub since: Option<Duration>,
    /// How many lines at the end of each log.
    pub lines: usize,
}

/// The end of one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    pub name: String,
    pub lines: Vec<String>,
}

pub fn last_lines(text: &str, lines: usize) -> Vec<String> {
    let all: Vec<&str> = text.lines().collect();
    let skip = all.len().saturating_sub(lines);
    all[skip..].iter().map(|line| (*line).to_owned()).collect()
}

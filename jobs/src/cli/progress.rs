//! Shows how far a run is: a bar on a terminal, plain lines elsewhere.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use cinemill_jobs::run::{RunEvent, StageProgress};
use indicatif::{ProgressBar, ProgressStyle};

use super::output;

/// Plain lines come at most this often while nothing else happens.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// Where progress goes.
pub enum Progress {
    Bar(ProgressBar),
    Lines(Mutex<Lines>),
}

/// What the lines have told so far.
pub struct Lines {
    done: BTreeMap<usize, usize>,
    told_at: Instant,
}

impl Progress {
    /// A bar where standard error is a terminal.
    pub fn new() -> Self {
        if !std::io::stderr().is_terminal() {
            let lines = Lines {
                done: BTreeMap::new(),
                told_at: Instant::now(),
            };
            return Self::Lines(Mutex::new(lines));
        }
        let bar = ProgressBar::new(0);
        let style = "{spinner} {elapsed} {wide_bar} {pos}/{len} tasks  {msg}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self::Bar(bar)
    }

    pub fn show(&self, event: &RunEvent) {
        match (self, event) {
            (Self::Bar(bar), RunEvent::Phase { name }) => {
                bar.set_length(0);
                bar.set_position(0);
                bar.set_message(name.clone());
            }
            (Self::Bar(bar), RunEvent::Progress { phase, stages }) => show_bar(bar, phase, stages),
            (Self::Lines(lines), RunEvent::Phase { name }) => {
                if let Ok(mut lines) = lines.lock() {
                    lines.done.clear();
                    output::note(format!("phase: {name}"));
                }
            }
            (progress, RunEvent::Retry { phase, cause, .. }) => {
                progress.say(format!("{phase}: {cause}; executing it again"));
            }
            (Self::Lines(lines), RunEvent::Progress { phase, stages }) => {
                if let Ok(mut lines) = lines.lock() {
                    lines.show(phase, stages);
                }
            }
        }
    }

    /// A line that stays, above the bar.
    fn say(&self, text: String) {
        match self {
            Self::Bar(bar) => bar.suspend(|| output::note(text)),
            Self::Lines(_) => output::note(text),
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

/// What goes on without saying how far it is; nothing where standard error is no terminal.
pub fn spinner(words: String) -> ProgressBar {
    let spinner = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
        spinner.set_style(style);
    }
    spinner.set_message(words);
    spinner.enable_steady_tick(Duration::from_millis(120));
    spinner
}

fn show_bar(bar: &ProgressBar, phase: &str, stages: &[StageProgress]) {
    let tasks: usize = stages.iter().map(|stage| stage.tasks).sum();
    let done: usize = stages.iter().map(|stage| stage.tasks_done).sum();
    let stages_done = stages
        .iter()
        .filter(|s| s.tasks > 0 && s.tasks == s.tasks_done)
        .count();
    bar.set_length(tasks as u64);
    bar.set_position(done as u64);
    bar.set_message(format!("{phase}: stage {stages_done}/{}", stages.len()));
}

impl Lines {
    /// A line for each stage that ended, and one now and then while stages go on.
    fn show(&mut self, phase: &str, stages: &[StageProgress]) {
        let due = self.told_at.elapsed() > LINE_INTERVAL;
        for StageProgress {
            stage,
            tasks,
            tasks_done,
        } in stages
        {
            let told = self.done.get(stage).copied().unwrap_or(0);
            let ended = *tasks > 0 && tasks_done == tasks;
            if *tasks_done > told && (ended || due) {
                output::note(format!(
                    "{phase}: stage {stage}: {tasks_done}/{tasks} tasks"
                ));
                self.done.insert(*stage, *tasks_done);
                self.told_at = Instant::now();
            }
        }
    }
}

//! Shows how far a run is: a bar on a terminal, plain lines elsewhere.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cinemill_jobs::run::{RunEvent, StageProgress};
use indicatif::{ProgressBar, ProgressStyle};

use super::output;
use super::report::Report;

/// Plain lines come at most this often while nothing else happens.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// Where progress goes: to the report, and to standard error.
pub struct Progress {
    report: Arc<Report>,
    /// Where standard error is a terminal.
    bar: Option<ProgressBar>,
    lines: Mutex<Lines>,
}

/// What the lines have told so far.
struct Lines {
    done: BTreeMap<usize, usize>,
    told_at: Instant,
}

impl Progress {
    pub fn new(report: &Arc<Report>) -> Self {
        Self {
            report: report.clone(),
            bar: std::io::stderr().is_terminal().then(new_bar),
            lines: Mutex::new(Lines {
                done: BTreeMap::new(),
                told_at: Instant::now(),
            }),
        }
    }

    pub fn show(&self, event: &RunEvent) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let texts = lines.texts(event);
        let Some(bar) = &self.bar else {
            return texts.iter().for_each(|text| self.report.note(text));
        };
        show_on(bar, event);
        for text in &texts {
            self.report.add(text);
            if matches!(event, RunEvent::Retry { .. }) {
                // It stays, above the bar.
                bar.suspend(|| output::note(text));
            }
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn new_bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    let style = "{spinner} {elapsed} {wide_bar} {pos}/{len} tasks  {msg}";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
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

fn show_on(bar: &ProgressBar, event: &RunEvent) {
    match event {
        RunEvent::Phase { name } => {
            bar.set_length(0);
            bar.set_position(0);
            bar.set_message(name.clone());
        }
        RunEvent::Progress { phase, stages } => show_stages(bar, phase, stages),
        RunEvent::Retry { .. } => {}
    }
}

fn show_stages(bar: &ProgressBar, phase: &str, stages: &[StageProgress]) {
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
    fn texts(&mut self, event: &RunEvent) -> Vec<String> {
        match event {
            RunEvent::Phase { name } => {
                self.done.clear();
                vec![format!("phase: {name}")]
            }
            RunEvent::Retry { phase, cause, .. } => {
                vec![format!("{phase}: {cause}; executing it again")]
            }
            RunEvent::Progress { phase, stages } => self.of_stages(phase, stages),
        }
    }

    /// A line for each stage that ended, and one now and then while stages go on.
    fn of_stages(&mut self, phase: &str, stages: &[StageProgress]) -> Vec<String> {
        let due = self.told_at.elapsed() > LINE_INTERVAL;
        let mut texts = Vec::new();
        for StageProgress {
            stage,
            tasks,
            tasks_done,
        } in stages
        {
            let told = self.done.get(stage).copied().unwrap_or(0);
            let ended = *tasks > 0 && tasks_done == tasks;
            if *tasks_done > told && (ended || due) {
                texts.push(format!(
                    "{phase}: stage {stage}: {tasks_done}/{tasks} tasks"
                ));
                self.done.insert(*stage, *tasks_done);
                self.told_at = Instant::now();
            }
        }
        texts
    }
}

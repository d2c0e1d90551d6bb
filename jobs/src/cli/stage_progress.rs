//! Shows how far a staging is: a bar per file on a terminal, plain lines elsewhere.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use cinemill_jobs::stage::Event;
use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressStyle};

use super::output::note;

/// Of one file, plain lines come at most this often.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

pub struct Progress {
    /// Nothing where standard error is no terminal.
    bars: Option<MultiProgress>,
    files: Mutex<BTreeMap<String, File>>,
}

struct File {
    bar: ProgressBar,
    bytes: Option<u64>,
    told_at: Instant,
}

impl Progress {
    pub fn new() -> Self {
        Self {
            bars: std::io::stderr().is_terminal().then(MultiProgress::new),
            files: Mutex::default(),
        }
    }

    pub fn show(&self, name: &str, event: Event) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let file = files.entry(name.to_owned()).or_insert_with(|| File {
            bar: self.bar(name),
            bytes: None,
            told_at: Instant::now(),
        });
        file.move_bar(&event);
        match &self.bars {
            None => file.tell(name, &event),
            Some(bars) => {
                if let Event::Retry { cause } = &event {
                    bars.suspend(|| note(format!("{name}: {cause}; trying again")));
                }
            }
        }
    }

    /// Takes the bars away.
    pub fn finish(&self) {
        if let Some(bars) = &self.bars {
            // A terminal that went away shows none anyway.
            let _ = bars.clear();
        }
    }

    fn bar(&self, name: &str) -> ProgressBar {
        let Some(bars) = &self.bars else {
            return ProgressBar::hidden();
        };
        let bar = bars.add(ProgressBar::new(0));
        let style = "{prefix} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec}  {msg}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        bar.set_prefix(name.to_owned());
        bar
    }
}

impl File {
    fn move_bar(&mut self, event: &Event) {
        match event {
            Event::Begun { bytes } => {
                self.bytes = *bytes;
                self.bar.set_length(bytes.unwrap_or_default());
                self.bar.set_message("fetching");
            }
            Event::Fetched { bytes } => self.bar.set_position(*bytes),
            Event::Phase { name } => self.bar.set_message(*name),
            Event::Retry { .. } => self.bar.set_message("waiting"),
            Event::Done => self.bar.finish_and_clear(),
        }
    }

    fn tell(&mut self, name: &str, event: &Event) {
        match event {
            Event::Begun { bytes } => {
                let size =
                    bytes.map_or_else(|| "unknown size".to_owned(), |b| HumanBytes(b).to_string());
                note(format!("{name}: fetching, {size}"));
            }
            Event::Fetched { bytes } if self.told_at.elapsed() > LINE_INTERVAL => {
                let all = self.bytes.map(|all| format!(" of {}", HumanBytes(all)));
                let all = all.unwrap_or_default();
                note(format!("{name}: {}{all}", HumanBytes(*bytes)));
            }
            Event::Phase { name: phase } => note(format!("{name}: {phase}")),
            Event::Retry { cause } => note(format!("{name}: {cause}; trying again")),
            Event::Fetched { .. } | Event::Done => return,
        }
        self.told_at = Instant::now();
    }
}

//! What goes on while files are staged, for whoever shows it.

/// Something that happened to one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Its bytes begin to come; so many, where the server says it.
    Begun {
        bytes: Option<u64>,
    },
    /// So many of them are here.
    Fetched {
        bytes: u64,
    },
    /// It broke off, and is tried again.
    Retry {
        cause: String,
    },
    /// It is looked at, cut or sent on, as the word says.
    Phase {
        name: &'static str,
    },
    Done,
}

/// Sends the events of one file.
pub struct Told<'a> {
    pub file: &'a str,
    pub to: &'a (dyn Fn(&str, Event) + Sync),
}

impl Told<'_> {
    pub fn begun(&self, bytes: Option<u64>) {
        (self.to)(self.file, Event::Begun { bytes });
    }

    pub fn fetched(&self, bytes: u64) {
        (self.to)(self.file, Event::Fetched { bytes });
    }

    pub fn retry(&self, cause: String) {
        (self.to)(self.file, Event::Retry { cause });
    }

    pub fn phase(&self, name: &'static str) {
        (self.to)(self.file, Event::Phase { name });
    }

    pub fn done(&self) {
        (self.to)(self.file, Event::Done);
    }
}

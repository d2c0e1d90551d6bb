//! A web server on loopback that serves files, and goes wrong on purpose.
//!
//! It writes its answers byte by byte: no library would break off, lie about a length or change a
//! file half-way.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// What goes wrong with one answer.
#[derive(Debug, Clone)]
pub enum Trouble {
    /// The connection breaks off after so many bytes of the body.
    BreakAfter(usize),
    /// Nothing more comes after so many bytes of the body.
    StallAfter(usize),
    /// Another status, with further header lines.
    Status(u16, &'static str),
    /// The length told differs from the length sent.
    Length(i64),
    /// One byte differs.
    Flip(usize),
    /// The rest that is sent begins elsewhere than asked.
    WrongRest,
}

/// A file of the site.
#[derive(Debug, Clone, Default)]
pub struct Page {
    pub content: Vec<u8>,
    pub e_tag: Option<String>,
    pub modified: Option<String>,
    /// Whether parts of it are served.
    pub ranges: bool,
    /// Each of them spoils one answer.
    pub troubles: VecDeque<Trouble>,
    /// What it becomes once an answer has gone wrong.
    pub next: Option<Box<Page>>,
}

impl Page {
    /// A file with a tag and a date that follow from its content.
    pub fn new(content: impl Into<Vec<u8>>) -> Self {
        let content = content.into();
        let hash = content
            .iter()
            .fold(7_u64, |hash, byte| hash.wrapping_mul(31) ^ u64::from(*byte));
        let (minutes, seconds) = (hash % 60, hash / 60 % 60);
        Self {
            content,
            e_tag: Some(format!("\"{hash:x}\"")),
            modified: Some(format!("Sat, 21 Nov 2026 10:{minutes:02}:{seconds:02} GMT")),
            ranges: true,
            ..Self::default()
        }
    }

    #[must_use]
    pub fn with(mut self, troubles: impl IntoIterator<Item = Trouble>) -> Self {
        self.troubles = troubles.into_iter().collect();
        self
    }
}

/// What was asked, and the status of the answer.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub status: u16,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

#[derive(Debug, Default)]
struct Site {
    pages: BTreeMap<String, Page>,
    asked: Vec<Asked>,
}

/// The server. It stops when dropped.
pub struct Web {
    address: SocketAddr,
    site: Arc<Mutex<Site>>,
    stop: Arc<AtomicBool>,
}

impl Web {
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let web = Self {
            address: listener.local_addr()?,
            site: Arc::default(),
            stop: Arc::default(),
        };
        let (site, stop) = (Arc::clone(&web.site), Arc::clone(&web.stop));
        thread::spawn(move || {
            for connection in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let (site, stop) = (Arc::clone(&site), Arc::clone(&stop));
                thread::spawn(move || {
                    // A client that goes away is none of the server's concern.
                    let _ = connection.and_then(|connection| serve(connection, &site, &stop));
                });
            }
        });
        Ok(web)
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves a page below `/`; one that was there is replaced.
    pub fn put(&self, name: &str, page: Page) {
        lock(&self.site).pages.insert(format!("/{name}"), page);
    }

    pub fn remove(&self, name: &str) {
        lock(&self.site).pages.remove(&format!("/{name}"));
    }

    /// All that was asked since the last look.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut lock(&self.site).asked)
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // The listener waits for one more connection.
        let _ = TcpStream::connect(self.address);
    }
}

fn lock(site: &Mutex<Site>) -> MutexGuard<'_, Site> {
    site.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers one request.
fn serve(mut connection: TcpStream, site: &Mutex<Site>, stop: &AtomicBool) -> io::Result<()> {
    let mut asked = read_request(&connection)?;
    let (page, trouble) = {
        let mut site = lock(site);
        let page = site.pages.get_mut(&asked.path);
        let found = page.as_deref().cloned();
        let trouble = page.and_then(|page| {
            let trouble = page.troubles.pop_front();
            if let (Some(_), Some(next)) = (&trouble, page.next.take()) {
                *page = *next;
            }
            trouble
        });
        (found, trouble)
    };
    let answer = answer(&asked, page.as_ref(), trouble.as_ref());
    asked.status = answer.status;
    lock(site).asked.push(asked);
    connection.write_all(answer.head.as_bytes())?;
    let (sent, then) = match trouble {
        Some(Trouble::BreakAfter(bytes) | Trouble::StallAfter(bytes)) => {
            let sent = bytes.min(answer.body.len());
            (&answer.body[..sent], trouble)
        }
        _ => (&answer.body[..], None),
    };
    connection.write_all(sent)?;
    connection.flush()?;
    while matches!(then, Some(Trouble::StallAfter(_))) && !stop.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn read_request(connection: &TcpStream) -> io::Result<Asked> {
    let mut lines = BufReader::new(connection).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let mut asked = Asked {
        path: first.split(' ').nth(1).unwrap_or_default().to_owned(),
        ..Asked::default()
    };
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        let (name, value) = (name.to_ascii_lowercase(), value.trim().to_owned());
        asked.headers.insert(name, value);
    }
    Ok(asked)
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

fn answer(asked: &Asked, page: Option<&Page>, trouble: Option<&Trouble>) -> Answer {
    let Some(page) = page else {
        return with_head(404, String::new(), b"no such page".to_vec(), 0);
    };
    if let Some(Trouble::Status(status, more)) = trouble {
        return with_head(*status, (*more).to_owned(), Vec::new(), 0);
    }
    let mut more = String::new();
    if let Some(e_tag) = &page.e_tag {
        more += &format!("ETag: {e_tag}\r\n");
    }
    if let Some(modified) = &page.modified {
        more += &format!("Last-Modified: {modified}\r\n");
    }
    let is = |header: &str, mark: &Option<String>| {
        let told = asked.header(header);
        told.is_some() && told == mark.as_deref()
    };
    if is("if-none-match", &page.e_tag)
        || (asked.header("if-none-match").is_none() && is("if-modified-since", &page.modified))
    {
        return with_head(304, more, Vec::new(), 0);
    }
    let difference = match trouble {
        Some(Trouble::Length(difference)) => *difference,
        _ => 0,
    };
    let mut content = page.content.clone();
    if let Some(Trouble::Flip(place)) = trouble {
        content[*place] ^= 0x55;
    }
    let same = is("if-range", &page.e_tag) || is("if-range", &page.modified);
    let range = asked.header("range").filter(|_| page.ranges && same);
    let begin = range.and_then(|range| {
        range
            .strip_prefix("bytes=")?
            .strip_suffix('-')?
            .parse()
            .ok()
    });
    let Some(begin) = begin else {
        return with_head(200, more, content, difference);
    };
    let all = content.len();
    if begin >= all {
        return with_head(416, more, Vec::new(), 0);
    }
    let begin = match trouble {
        Some(Trouble::WrongRest) => begin - 1,
        _ => begin,
    };
    more += &format!("Content-Range: bytes {begin}-{}/{all}\r\n", all - 1);
    with_head(206, more, content.split_off(begin), difference)
}

fn with_head(status: u16, more: String, body: Vec<u8>, difference: i64) -> Answer {
    let length = (body.len() as i64 + difference).max(0);
    let head = format!(
        "HTTP/1.1 {status} so\r\nConnection: close\r\n{more}Content-Length: {length}\r\n\r\n"
    );
    Answer { status, head, body }
}

//! Counts what a server is asked.

use std::sync::atomic::{AtomicU64, Ordering};

use hyper::{Method, Uri};

/// Requests so far, as S3 bills them.
#[derive(Debug, Default)]
pub struct Seen {
    reads: AtomicU64,
    writes: AtomicU64,
}

impl Seen {
    pub(super) fn note(&self, method: &Method, uri: &Uri) {
        let query = uri.query().unwrap_or_default();
        let is_listing = query.contains("list-type");
        let is_deletion = *method == Method::DELETE || query == "delete";
        let is_read = [Method::GET, Method::HEAD].contains(method) && !is_listing;
        if is_read {
            self.reads.fetch_add(1, Ordering::Relaxed);
        } else if !is_deletion {
            self.writes.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Those that read objects, and all others but deletions.
    pub fn totals(&self) -> (u64, u64) {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (load(&self.reads), load(&self.writes))
    }
}

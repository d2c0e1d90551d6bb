//! What goes wrong on purpose.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::{Method, Uri};
use s3s::{S3Result, s3_error};

use super::holds::{Hold, Holds};
use super::troubles::{Trouble, Troubles};

/// Whether a failing request has had its effect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Moment {
    /// Nothing was done.
    #[default]
    Before,
    /// All was done, and only the answer got lost. A client that repeats the request meets what
    /// it did itself.
    After,
}

/// What goes wrong on purpose: nothing, unless told.
#[derive(Debug, Default)]
pub struct Faults {
    ignore_conditions: AtomicBool,
    fail_next: AtomicU32,
    failing: Mutex<Failing>,
    deny_prefix: Mutex<Option<String>>,
    uploads_per_page: AtomicU32,
    troubles: Mutex<Option<Arc<Troubles>>>,
    pub(super) holds: Holds,
}

/// Which requests [`Faults::fail_next`] is about.
#[derive(Debug, Default)]
struct Failing {
    trouble: Trouble,
    moment: Moment,
    matching: Matching,
}

/// A kind of requests; all, unless told.
#[derive(Debug, Default)]
pub(super) struct Matching {
    method: Option<Method>,
    target: String,
}

impl Matching {
    fn new(method: Option<&str>, target: &str) -> Self {
        Self {
            // A method that cannot be parsed is one that no request has.
            method: method.map(|name| name.parse().unwrap_or(Method::CONNECT)),
            target: target.to_owned(),
        }
    }

    pub fn includes(&self, method: &Method, uri: &Uri) -> bool {
        let is_method = self.method.as_ref().is_none_or(|wanted| wanted == method);
        is_method && uri.to_string().contains(&self.target)
    }
}

impl Faults {
    /// Writes take place whatever their `If-Match` and `If-None-Match` say, as in a store that
    /// does not know these headers.
    pub fn ignore_conditions(&self, ignore: bool) {
        self.ignore_conditions.store(ignore, Ordering::Relaxed);
    }

    /// The next `count` requests, of this method if one is given, are answered with 503.
    pub fn fail_next(&self, count: u32, method: Option<&str>, moment: Moment) {
        self.fail_next_to(count, method, "", moment);
    }

    /// As [`Faults::fail_next`], only for requests whose path and query contain `target`, such as
    /// `/_SUCCESS` or `uploadId=`.
    pub fn fail_next_to(&self, count: u32, method: Option<&str>, target: &str, moment: Moment) {
        self.trouble_next_to(count, Trouble::SlowDown, method, target, moment);
    }

    /// As [`Faults::fail_next_to`], with a trouble of choice.
    pub fn trouble_next_to(
        &self,
        count: u32,
        trouble: Trouble,
        method: Option<&str>,
        target: &str,
        moment: Moment,
    ) {
        *lock(&self.failing) = Failing {
            trouble,
            moment,
            matching: Matching::new(method, target),
        };
        self.fail_next.store(count, Ordering::Relaxed);
    }

    /// From now on one request in `one_in` meets one of these kinds of trouble, half of them after
    /// they had their effect. Which ones follows from the seed.
    pub fn trouble_one_in(&self, one_in: u32, kinds: &[Trouble], seed: u64) {
        *lock(&self.troubles) = Some(Arc::new(Troubles::new(one_in, kinds, seed)));
    }

    /// Ends [`Faults::trouble_one_in`]; how many requests met trouble.
    pub fn end_troubles(&self) -> u64 {
        lock(&self.troubles)
            .take()
            .map_or(0, |troubles| troubles.met())
    }

    /// Requests of this method, if one is given, whose path and query contain `target` wait until
    /// the result is released or dropped: before they have their effect, or after it and before
    /// they are answered.
    pub fn hold(&self, method: Option<&str>, target: &str, moment: Moment) -> Hold {
        self.holds.add(Matching::new(method, target), moment)
    }

    /// How many requests are still to fail.
    pub fn failures_left(&self) -> u32 {
        self.fail_next.load(Ordering::Relaxed)
    }

    /// Requests for objects whose key starts like this are answered with 403.
    pub fn deny_prefix(&self, prefix: Option<&str>) {
        *lock(&self.deny_prefix) = prefix.map(str::to_owned);
    }

    /// Open uploads are listed so many at a time; 0 is as many as S3 does, which is 1000.
    pub fn list_uploads_by(&self, count: u32) {
        self.uploads_per_page.store(count, Ordering::Relaxed);
    }

    pub(super) fn uploads_per_page(&self) -> usize {
        match self.uploads_per_page.load(Ordering::Relaxed) {
            0 => 1000,
            count => count as usize,
        }
    }

    pub(super) fn conditions_count(&self) -> bool {
        !self.ignore_conditions.load(Ordering::Relaxed)
    }

    pub(super) fn check_key(&self, key: &str) -> S3Result<()> {
        match lock(&self.deny_prefix).as_deref() {
            Some(prefix) if key.starts_with(prefix) => Err(s3_error!(AccessDenied)),
            _ => Ok(()),
        }
    }

    /// What a request meets, which is then one of those that were to meet it.
    pub(super) fn next(&self, method: &Method, uri: &Uri) -> Option<(Trouble, Moment)> {
        self.take(method, uri).or_else(|| {
            let troubles = lock(&self.troubles).clone();
            troubles.and_then(|troubles| troubles.next())
        })
    }

    fn take(&self, method: &Method, uri: &Uri) -> Option<(Trouble, Moment)> {
        let failing = lock(&self.failing);
        if !failing.matching.includes(method, uri) {
            return None;
        }
        let left = self.fail_next.load(Ordering::Relaxed).checked_sub(1)?;
        self.fail_next.store(left, Ordering::Relaxed);
        Some((failing.trouble, failing.moment))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! What goes wrong on purpose.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hyper::{Method, Uri};
use s3s::{S3Result, s3_error};

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
}

/// Which requests [`Faults::fail_next`] is about.
#[derive(Debug, Default)]
struct Failing {
    moment: Moment,
    method: Option<Method>,
    target: String,
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
        // A method that cannot be parsed is one that no request has.
        let method = method.map(|name| name.parse().unwrap_or(Method::CONNECT));
        *lock(&self.failing) = Failing {
            moment,
            method,
            target: target.to_owned(),
        };
        self.fail_next.store(count, Ordering::Relaxed);
    }

    /// How many requests are still to fail.
    pub fn failures_left(&self) -> u32 {
        self.fail_next.load(Ordering::Relaxed)
    }

    /// Requests for objects whose key starts like this are answered with 403.
    pub fn deny_prefix(&self, prefix: Option<&str>) {
        *lock(&self.deny_prefix) = prefix.map(str::to_owned);
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

    /// Whether the request is one of those to fail; if so, there is one less to come.
    pub(super) fn take(&self, method: &Method, uri: &Uri) -> Option<Moment> {
        let failing = lock(&self.failing);
        let is_other = failing
            .method
            .as_ref()
            .is_some_and(|wanted| wanted != method);
        if is_other || !uri.to_string().contains(&failing.target) {
            return None;
        }
        let left = self.fail_next.load(Ordering::Relaxed).checked_sub(1)?;
        self.fail_next.store(left, Ordering::Relaxed);
        Some(failing.moment)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

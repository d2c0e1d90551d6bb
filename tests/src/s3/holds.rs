//! Requests that wait until a test lets them go, so that a fault can be fired at a named point.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use hyper::{Method, Uri};
use tokio::sync::watch;

use super::faults::{Matching, Moment};

/// Requests of a kind wait for as long as this value lives.
#[derive(Debug)]
#[must_use = "requests are let go when this is dropped"]
pub struct Hold(Arc<Held>);

#[derive(Debug)]
struct Held {
    matching: Matching,
    moment: Moment,
    waiting: AtomicUsize,
    released: watch::Sender<bool>,
}

impl Hold {
    /// How many requests wait now. One whose client has gone waits no more.
    pub fn waiting(&self) -> usize {
        self.0.waiting.load(Ordering::SeqCst)
    }

    /// Lets all go, those to come as well.
    pub fn release(self) {
        drop(self);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.released.send_replace(true);
    }
}

/// All that are held by somebody now.
#[derive(Debug, Default)]
pub(super) struct Holds(Mutex<Vec<Weak<Held>>>);

impl Holds {
    pub fn add(&self, matching: Matching, moment: Moment) -> Hold {
        let held = Arc::new(Held {
            matching,
            moment,
            waiting: AtomicUsize::new(0),
            released: watch::Sender::new(false),
        });
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|held| held.strong_count() > 0);
        all.push(Arc::downgrade(&held));
        Hold(held)
    }

    /// Waits while the request is held at this moment.
    pub async fn pass(&self, moment: Moment, method: &Method, uri: &Uri) {
        for held in self.all() {
            if held.moment == moment && held.matching.includes(method, uri) {
                held.wait().await;
            }
        }
    }

    fn all(&self) -> Vec<Arc<Held>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter_map(Weak::upgrade).collect()
    }
}

impl Held {
    async fn wait(&self) {
        let _counted = Counted::one(&self.waiting);
        let mut released = self.released.subscribe();
        // The sender lives as long as `self`.
        let _ = released.wait_for(|released| *released).await;
    }
}

/// Counts for as long as it lives; a request that is given up ends in the middle of its wait.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn one(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

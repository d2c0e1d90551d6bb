//! The run service as a client without the product's code sees it.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures::StreamExt;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::processes::{Result, poll};

/// How long an answer may take.
const ANSWER_WAIT: Duration = Duration::from_secs(5);
/// How long to wait before a broken stream of events is asked for again.
const PAUSE: Duration = Duration::from_millis(50);

/// Asks once, and reads the answer as JSON.
pub fn get_json(url: &str) -> Result<Value> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(ANSWER_WAIT)
            .build()?;
        Ok(http.get(url).send().await?.json().await?)
    })
}

/// Follows a run's events, over restarts of the scheduler too, until dropped.
pub struct Story {
    run_id: String,
    events: Arc<Mutex<Vec<Value>>>,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

/// How many tasks of a stage there are, and how many are done.
pub type Stage = (u64, u64);

impl Story {
    /// Of a run that may not have begun yet; `scheduler` is `host:port`.
    pub fn follow(scheduler: &str, run_id: &str) -> Result<Self> {
        let events = Arc::<Mutex<Vec<Value>>>::default();
        let url = format!("http://{scheduler}/v1/runs/{run_id}/events");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let told = events.clone();
        let thread = thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = listen(&url, &told) => {}
                    _ = stopped => {}
                }
            });
        });
        Ok(Self {
            run_id: run_id.to_owned(),
            events,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Waits until the events so far have an answer.
    pub fn wait_for<T>(&self, what: &str, look: impl Fn(&[Value]) -> Option<T>) -> Result<T> {
        let what = format!("{what} of run {}", self.run_id);
        poll(&what, || look(&self.events())).map_err(|error| {
            let events = self.events();
            let last = events.last().map(Value::to_string).unwrap_or_default();
            format!("{error}; the last event is {last}").into()
        })
    }

    /// Waits until the stages of a phase look like this.
    pub fn wait_for_stages(
        &self,
        phase: &str,
        what: &str,
        look: impl Fn(&[Stage]) -> bool,
    ) -> Result<()> {
        self.wait_for(&format!("{what} in phase {phase}"), |events| {
            let stages = events
                .iter()
                .rev()
                .find_map(|event| stages_of(event, phase))?;
            look(&stages).then_some(())
        })
    }

    /// Waits until the scheduler knows the run.
    pub fn wait_for_begin(&self) -> Result<()> {
        self.wait_for("the begin", |events| (!events.is_empty()).then_some(()))
    }

    /// How often a phase of the run was begun until the run succeeded.
    pub fn times(&self, phase: &str) -> Result<usize> {
        self.wait_for("the success", |events| {
            let over = events
                .iter()
                .any(|event| event["run"]["state"] == "succeeded");
            let names = events.iter().map(|event| &event["event"]);
            let begun = names.filter(|event| event["event"] == "phase" && event["name"] == phase);
            over.then(|| begun.count())
        })
    }

    /// Waits until a piece of the run was given up and begun again.
    pub fn wait_for_retry(&self) -> Result<()> {
        self.wait_for("another try", |events| {
            (retries_in(events) > 0).then_some(())
        })
    }

    /// How many pieces of the run were given up and begun again.
    pub fn retries(&self) -> usize {
        retries_in(&self.events())
    }

    fn events(&self) -> MutexGuard<'_, Vec<Value>> {
        lock(&self.events)
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there has been reported by the thread itself.
            let _ = thread.join();
        }
    }
}

fn retries_in(events: &[Value]) -> usize {
    let kinds = events.iter().map(|event| &event["event"]["event"]);
    kinds.filter(|kind| **kind == "retry").count()
}

fn stages_of(event: &Value, phase: &str) -> Option<Vec<Stage>> {
    let event = &event["event"];
    if event["event"] != "progress" || event["phase"] != phase {
        return None;
    }
    let stages = event["stages"].as_array()?.iter();
    let count = |stage: &Value, name| stage[name].as_u64().unwrap_or_default();
    Some(
        stages
            .map(|stage| (count(stage, "tasks"), count(stage, "tasks_done")))
            .collect(),
    )
}

fn lock(events: &Mutex<Vec<Value>>) -> MutexGuard<'_, Vec<Value>> {
    events.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn listen(url: &str, events: &Mutex<Vec<Value>>) {
    let Ok(http) = reqwest::Client::builder().no_proxy().build() else {
        return;
    };
    loop {
        // Not there yet, or not any more.
        let _ = listen_once(&http, url, events).await;
        tokio::time::sleep(PAUSE).await;
    }
}

async fn listen_once(
    http: &reqwest::Client,
    url: &str,
    events: &Mutex<Vec<Value>>,
) -> reqwest::Result<()> {
    let answer = http.get(url).send().await?.error_for_status()?;
    let mut body = answer.bytes_stream();
    let mut text = String::new();
    while let Some(chunk) = body.next().await {
        text.push_str(&String::from_utf8_lossy(&chunk?));
        while let Some((message, rest)) = text.split_once("\n\n") {
            let data = message
                .lines()
                .filter_map(|line| line.strip_prefix("data:"));
            if let Ok(event) = serde_json::from_str(&data.collect::<String>()) {
                lock(events).push(event);
            }
            text = rest.to_owned();
        }
    }
    Ok(())
}

//! A run that can be followed and stopped.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cinemill_jobs::api::{Run, StreamItem};
use cinemill_jobs::run::{EventSender, RunEvent};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

/// Events that a slow client may lag behind before it misses some.
const EVENTS_KEPT: usize = 256;
/// How often it is looked whether a run is abandoned.
const ABSENCE_INTERVAL: Duration = Duration::from_secs(1);

/// A run with what is needed to follow and to stop it.
pub struct ActiveRun {
    state: watch::Sender<Run>,
    events: broadcast::Sender<RunEvent>,
    /// Stops the run's driver.
    pub cancel: CancellationToken,
    /// Its driver has ended, whether the run is over or is left to the next scheduler.
    pub driven: CancellationToken,
    /// Tells whether a submission is the one that began the run, sent again.
    pub submission_id: Option<String>,
    clients: AtomicUsize,
    /// When the last client left.
    left_at: Mutex<Instant>,
}

impl ActiveRun {
    pub fn new(run: Run, submission_id: Option<String>) -> Self {
        Self {
            state: watch::Sender::new(run),
            events: broadcast::Sender::new(EVENTS_KEPT),
            cancel: CancellationToken::new(),
            driven: CancellationToken::new(),
            submission_id,
            clients: AtomicUsize::new(0),
            left_at: Mutex::new(Instant::now()),
        }
    }

    pub fn run(&self) -> Run {
        self.state.borrow().clone()
    }

    pub fn is_over(&self) -> bool {
        self.state.borrow().is_over()
    }

    /// Makes a new state known to all who follow.
    pub fn set(&self, run: Run) {
        self.state.send_replace(run);
    }

    /// Where the run's driver tells what happens.
    pub fn events(&self) -> EventSender {
        let sender = self.events.clone();
        // Without a client nobody listens, which is no failure.
        Arc::new(move |event| drop(sender.send(event)))
    }

    /// Waits for the run's end.
    pub async fn wait(&self) -> Run {
        let mut state = self.state.subscribe();
        // The sender lives as long as `self`.
        match state.wait_for(Run::is_over).await {
            Ok(run) => run.clone(),
            Err(_) => self.run(),
        }
    }

    /// Cancels the run once no client has followed it for a while. A detached one needs none.
    pub async fn cancel_when_abandoned(self: Arc<Self>, absence_max: Duration) {
        loop {
            tokio::time::sleep(ABSENCE_INTERVAL).await;
            let run = self.run();
            if !run.detached && self.absence() > absence_max {
                tracing::warn!(run = run.run_id, "its client went away; cancelling");
                self.cancel.cancel();
                return;
            }
        }
    }

    /// How long no client has followed the run.
    fn absence(&self) -> Duration {
        if self.clients.load(Ordering::SeqCst) > 0 {
            return Duration::ZERO;
        }
        self.left_at
            .lock()
            .map_or(Duration::ZERO, |left| left.elapsed())
    }

    /// The run, what happens in it, and the run again once it is over.
    pub fn follow(self: &Arc<Self>) -> impl futures::Stream<Item = StreamItem> + use<> {
        let client = Client::arrive(self.clone());
        let events = self.events.subscribe();
        let state = self.state.subscribe();
        let first = StreamItem::Run(Box::new(self.run()));
        let rest = futures::stream::unfold(Some((client, events, state)), |following| async {
            let (client, mut events, mut state) = following?;
            if client.run.is_over() {
                return Some((StreamItem::Run(Box::new(client.run.run())), None));
            }
            let item = tokio::select! {
                event = next_event(&mut events) => StreamItem::Event(event),
                _ = state.changed() => StreamItem::Run(Box::new(client.run.run())),
            };
            let over = matches!(&item, StreamItem::Run(run) if run.is_over());
            Some((item, (!over).then_some((client, events, state))))
        });
        futures::StreamExt::chain(futures::stream::iter([first]), rest)
    }
}

/// The next event; a client that lagged behind misses some, never all.
async fn next_event(events: &mut broadcast::Receiver<RunEvent>) -> RunEvent {
    loop {
        match events.recv().await {
            Ok(event) => return event,
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// A client that follows a run, for as long as this value lives.
struct Client {
    run: Arc<ActiveRun>,
}

impl Client {
    fn arrive(run: Arc<ActiveRun>) -> Self {
        run.clients.fetch_add(1, Ordering::SeqCst);
        Self { run }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Ok(mut left) = self.run.left_at.lock() {
            *left = Instant::now();
        }
        self.run.clients.fetch_sub(1, Ordering::SeqCst);
    }
}

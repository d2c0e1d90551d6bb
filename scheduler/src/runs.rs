//! All runs of this scheduler: those that are driven now, and those that are over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chrono::Utc;
use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::table::{RunState, Table};
use cinemill_engine::store::Location;
use cinemill_jobs::api::{Run, StreamItem, SubmitRun, Submitted};
use cinemill_jobs::run::{Backend, EventSender, Outcome, RunEvent, RunRequest, drive};
use tokio::sync::{Mutex, broadcast, watch};
use tokio_util::sync::CancellationToken;

use crate::ledger::Ledger;
use crate::slots::{Place, RunQueue};

/// Events that a slow client may lag behind before it misses some.
const EVENTS_KEPT: usize = 256;
/// How long runs may take to end when the scheduler stops.
const STOP_WAIT: Duration = Duration::from_secs(20);

/// When orphaned tasks of the scheduler before are cleared up after, each counted from the last.
const ORPHAN_WAITS: [Duration; 3] = [
    Duration::from_secs(3),
    Duration::from_secs(12),
    Duration::from_secs(60),
];

/// A run with what is needed to follow and to stop it.
pub struct ActiveRun {
    state: watch::Sender<Run>,
    events: broadcast::Sender<RunEvent>,
    cancel: CancellationToken,
    clients: AtomicUsize,
    /// When the last client left.
    left_at: std::sync::Mutex<Instant>,
}

/// The service's runs. Cheap to clone.
#[derive(Clone)]
pub struct Runs {
    ledger: Arc<Ledger>,
    backend: Arc<dyn Backend>,
    queue: Arc<RunQueue>,
    /// How long an attached run goes on when no client follows it any more.
    client_absence_max: Duration,
    runs: Arc<Mutex<BTreeMap<String, Arc<ActiveRun>>>>,
}

impl Runs {
    /// Takes up the ledger. Runs that were going on died with the scheduler before: what they
    /// left in their outputs is cleared up, or their commit finished.
    pub async fn recover(
        ledger: Ledger,
        backend: Arc<dyn Backend>,
        queue: Arc<RunQueue>,
        client_absence_max: Duration,
    ) -> Result<Self> {
        let ledger = Arc::new(ledger);
        let mut runs = BTreeMap::new();
        let mut orphaned = Vec::new();
        for entry in ledger.read() {
            let mut run = entry.run;
            if !run.is_over() {
                settle(&mut run).await;
                ledger.write(&run)?;
                orphaned.push(run.clone());
            }
            runs.insert(run.run_id.clone(), Arc::new(ActiveRun::new(run)));
        }
        let all = Self {
            ledger,
            backend,
            queue,
            client_absence_max,
            runs: Arc::new(Mutex::new(runs)),
        };
        tokio::spawn(all.clone().clear_up_again(orphaned));
        Ok(all)
    }

    /// Executors may still work on tasks of the scheduler before, and stage what nobody will
    /// commit.
    async fn clear_up_again(self, orphaned: Vec<Run>) {
        for wait in ORPHAN_WAITS {
            tokio::time::sleep(wait).await;
            for run in &orphaned {
                let runs = self.runs.lock().await;
                // Held meanwhile, lest the run is taken up again under its id.
                let over = runs
                    .get(&run.run_id)
                    .is_none_or(|known| known.run().is_over());
                if over
                    && run.state != RunState::Succeeded
                    && let Err(error) = roll_back(run).await
                {
                    tracing::warn!(run = run.run_id, %error, "could not clear up again");
                }
            }
        }
    }

    /// Begins a run, or attaches to it where it is known.
    pub async fn submit(&self, submission: SubmitRun) -> Result<Submitted> {
        let request = submission.request;
        request.check()?;
        let mut runs = self.runs.lock().await;
        if let Some(known) = runs.get(&request.run_id) {
            let run = known.run();
            // A failed run may be tried again under its id; what it published, if anything, stays.
            if !run.is_over() || run.state == RunState::Succeeded {
                return Ok(Submitted {
                    run,
                    attached: true,
                });
            }
        }
        let run = Run {
            run_id: request.run_id.clone(),
            job: request.job.name.clone(),
            output: request.output.to_string(),
            state: RunState::Running,
            detached: submission.detach,
            submitted_at: Utc::now(),
            finished_at: None,
            error: None,
            verdict: None,
            already_done: false,
        };
        self.ledger.write(&run)?;
        let active = Arc::new(ActiveRun::new(run.clone()));
        runs.insert(run.run_id.clone(), active.clone());
        tracing::info!(
            run = run.run_id,
            job = run.job,
            output = run.output,
            "run submitted"
        );
        tokio::spawn(self.clone().drive(request, active));
        Ok(Submitted {
            run,
            attached: false,
        })
    }

    pub async fn list(&self) -> Vec<Run> {
        let mut all: Vec<Run> = self
            .runs
            .lock()
            .await
            .values()
            .map(|run| run.run())
            .collect();
        all.sort_by_key(|run| std::cmp::Reverse(run.submitted_at));
        all
    }

    pub async fn find(&self, run_id: &str) -> Result<Arc<ActiveRun>> {
        self.runs.lock().await.get(run_id).cloned().ok_or_else(|| {
            Error::new(
                Kind::Usage,
                "find run",
                run_id,
                "this scheduler knows no such run",
            )
            .hint("`cinemill runs` lists those that it knows")
        })
    }

    /// Cancels a run and waits until it has ended.
    pub async fn cancel(&self, run_id: &str) -> Result<Run> {
        let active = self.find(run_id).await?;
        active.cancel.cancel();
        Ok(active.wait().await)
    }

    /// Cancels all that goes on, and waits a while for it.
    pub async fn stop_all(&self) {
        let active: Vec<_> = self.runs.lock().await.values().cloned().collect();
        let ends = active.iter().map(|run| {
            run.cancel.cancel();
            run.wait()
        });
        if tokio::time::timeout(STOP_WAIT, futures::future::join_all(ends))
            .await
            .is_err()
        {
            tracing::warn!("some runs did not end in time; they are cleared up at the next start");
        }
    }

    async fn drive(self, request: RunRequest, active: Arc<ActiveRun>) {
        let place = Place::of(&request, active.run().submitted_at);
        let _place = self.queue.enter(&request.run_id, place);
        let events: EventSender = {
            let sender = active.events.clone();
            // Without a client nobody listens, which is no failure.
            Arc::new(move |event| drop(sender.send(event)))
        };
        let absence = tokio::spawn(cancel_when_abandoned(
            active.clone(),
            self.client_absence_max,
        ));
        let driven = drive(&request, self.backend.as_ref(), &events, &active.cancel).await;
        absence.abort();
        let mut run = active.run();
        run.finish(driven);
        if let Err(error) = self.ledger.write(&run) {
            tracing::error!(run = run.run_id, %error, "the ledger misses the end of a run");
        }
        match &run.error {
            None => tracing::info!(run = run.run_id, "run succeeded"),
            Some(error) => tracing::warn!(run = run.run_id, %error, "run did not succeed"),
        }
        active.state.send_replace(run);
    }
}

/// How a run ends in the ledger.
trait Finish {
    fn finish(&mut self, driven: Result<Outcome>);
}

impl Finish for Run {
    fn finish(&mut self, driven: Result<Outcome>) {
        self.finished_at = Some(Utc::now());
        match driven {
            Ok(outcome) => {
                self.state = RunState::Succeeded;
                self.verdict = outcome.verdict;
                self.already_done = outcome.already_done;
            }
            Err(error) => {
                self.state = match error.kind {
                    Kind::Cancelled => RunState::Cancelled,
                    _ => RunState::Failed,
                };
                self.error = Some(error);
            }
        }
    }
}

/// Ends a run whose driver died with the process.
async fn settle(run: &mut Run) {
    let settled = async {
        let table = Table::open(Location::parse(&run.output)?)?;
        let published = table
            .current()
            .await?
            .is_some_and(|s| s.manifest.knows(&run.run_id));
        if !published {
            roll_back(run).await?;
        }
        Ok::<_, Error>(published)
    };
    let driven = match settled.await {
        Ok(true) => Ok(Outcome {
            verdict: None,
            already_done: false,
        }),
        Ok(false) => {
            let cause = "the scheduler stopped while it went on";
            Err(Error::new(Kind::Retryable, "run", &run.job, cause).hint("submit it again"))
        }
        Err(error) => Err(error),
    };
    tracing::info!(
        run = run.run_id,
        committed = driven.is_ok(),
        "settled a run of the scheduler before"
    );
    run.finish(driven);
}

async fn roll_back(run: &Run) -> Result<()> {
    Table::open(Location::parse(&run.output)?)?
        .roll_back(&run.run_id)
        .await
}

/// Cancels an attached run that no client has followed for a while.
async fn cancel_when_abandoned(active: Arc<ActiveRun>, absence_max: Duration) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if !active.run().detached && active.absence() > absence_max {
            tracing::warn!(
                run = active.run().run_id,
                "its client went away; cancelling"
            );
            active.cancel.cancel();
            return;
        }
    }
}

impl ActiveRun {
    fn new(run: Run) -> Self {
        Self {
            state: watch::Sender::new(run),
            events: broadcast::Sender::new(EVENTS_KEPT),
            cancel: CancellationToken::new(),
            clients: AtomicUsize::new(0),
            left_at: std::sync::Mutex::new(Instant::now()),
        }
    }

    pub fn run(&self) -> Run {
        self.state.borrow().clone()
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
            if client.run.run().is_over() {
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

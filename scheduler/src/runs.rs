//! All runs of this scheduler: those that are driven now, and those that are over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::Utc;
use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::table::RunState;
use cinemill_jobs::api::{Run, SubmitRun, Submitted};
use cinemill_jobs::run::{Backend, Outcome, deadline_after, drive_until};
use tokio::sync::Mutex;

use crate::active::ActiveRun;
use crate::ledger::{Entry, Ledger};
use crate::recovery;
use crate::rejoin::Executors;
use crate::slots::{Place, RunQueue};

/// How long runs may take to end when the scheduler stops.
const STOP_WAIT: Duration = Duration::from_secs(20);

/// The service's runs. Cheap to clone.
#[derive(Clone)]
pub struct Runs {
    ledger: Arc<Ledger>,
    backend: Arc<dyn Backend>,
    executors: Executors,
    queue: Arc<RunQueue>,
    /// How long an attached run goes on when no client follows it any more.
    client_absence_max: Duration,
    runs: Arc<Mutex<BTreeMap<String, Arc<ActiveRun>>>>,
    /// Held by who begins a run or clears up after one: never both at a time.
    beginning: Arc<Mutex<()>>,
    /// The scheduler stops; what goes on is left to the next one.
    leaving: Arc<AtomicBool>,
}

impl Runs {
    /// Takes up the ledger. Runs that were going on go on, under their ids.
    pub async fn recover(
        ledger: Ledger,
        backend: Arc<dyn Backend>,
        executors: Executors,
        queue: Arc<RunQueue>,
        client_absence_max: Duration,
    ) -> Result<Self> {
        let entries = ledger.read().await?;
        let all = Self {
            ledger: Arc::new(ledger),
            backend,
            executors,
            queue,
            client_absence_max,
            runs: Arc::default(),
            beginning: Arc::default(),
            leaving: Arc::default(),
        };
        let mut runs = all.runs.lock().await;
        for entry in entries {
            let active = Arc::new(entry.active());
            runs.insert(entry.run.run_id.clone(), active.clone());
            if !entry.run.is_over() {
                tokio::spawn(all.clone().go_on(entry, active));
            }
        }
        drop(runs);
        Ok(all)
    }

    /// Begins a run, or attaches to it where it is known. The same submission may come twice, when
    /// its client did not get the answer; it is answered twice.
    pub async fn submit(&self, submission: SubmitRun) -> Result<Submitted> {
        let request = &submission.request;
        request.check()?;
        let _beginning = self.beginning.lock().await;
        if self.leaving.load(Ordering::SeqCst) {
            let cause = "this scheduler is stopping";
            return Err(Error::new(Kind::Unreachable, "submit", "run", cause));
        }
        let known = self.runs.lock().await.get(&request.run_id).cloned();
        if let Some(known) = known {
            let run = known.run();
            let again =
                known.submission_id.is_some() && known.submission_id == submission.submission_id;
            // A failed run may be tried again under its id; what it published, if anything, stays.
            if again || !run.is_over() || run.state == RunState::Succeeded {
                return Ok(Submitted {
                    run,
                    attached: !again,
                });
            }
        }
        let entry = Entry {
            run: new_run(&submission),
            submission: Some(submission),
            vcores: self.executors.vcores().await,
            crashes: 0,
            left: false,
            taken_up: false,
        };
        self.ledger.write(&entry).await?;
        let run = entry.run.clone();
        let active = Arc::new(entry.active());
        let mut runs = self.runs.lock().await;
        runs.insert(run.run_id.clone(), active.clone());
        tracing::info!(
            run = run.run_id,
            job = run.job,
            output = run.output,
            "run submitted"
        );
        tokio::spawn(self.clone().drive(entry, active));
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

    /// Stops all that goes on, and waits a while for it. The runs go on with the next start.
    pub async fn leave(&self) {
        self.leaving.store(true, Ordering::SeqCst);
        self.cancel_all().await;
    }

    /// Cancels all that goes on, and waits a while for it.
    pub async fn cancel_all(&self) {
        let runs = self.runs.lock().await.clone();
        let going_on = runs.values().filter(|run| !run.is_over());
        let ends = going_on.map(|run| {
            run.cancel.cancel();
            run.driven.cancelled()
        });
        if tokio::time::timeout(STOP_WAIT, futures::future::join_all(ends))
            .await
            .is_err()
        {
            tracing::warn!("some runs did not stop in time; they go on with the next start");
        }
    }

    /// Returns when another scheduler has taken the ledger over.
    pub async fn lost(&self) -> Error {
        self.ledger.lost().await
    }

    /// Gives the ledger back. Nothing may be driven any more.
    pub async fn close(&self) {
        self.ledger.close().await;
    }

    /// Takes a run of the scheduler before to its end.
    async fn go_on(self, mut entry: Entry, active: Arc<ActiveRun>) {
        let run_id = entry.run.run_id.clone();
        if let Err(error) = recovery::take_up(&mut entry) {
            return self.end(entry, &active, Err(error)).await;
        }
        if let Err(error) = self.ledger.write(&entry).await {
            tracing::warn!(run = run_id, %error, "could not write down that the run goes on");
        }
        tracing::info!(run = run_id, "a run of the scheduler before goes on");
        tokio::select! {
            () = active.cancel.cancelled() => {}
            () = self.executors.rejoined(entry.vcores) => {}
        }
        let output = entry.run.output.clone();
        self.clone().drive(entry, active.clone()).await;
        for wait in recovery::ORPHAN_WAITS {
            tokio::time::sleep(wait).await;
            let _beginning = self.beginning.lock().await;
            let known = self.runs.lock().await.get(&run_id).cloned();
            // Taken up again under its id.
            if !known.is_some_and(|known| Arc::ptr_eq(&known, &active) && known.is_over()) {
                return;
            }
            recovery::clear_up(&output, &run_id).await;
        }
    }

    async fn drive(self, entry: Entry, active: Arc<ActiveRun>) {
        let Some(submission) = &entry.submission else {
            return;
        };
        let request = &submission.request;
        let place = Place::of(request, entry.run.submitted_at);
        let _place = self.queue.enter(&request.run_id, place);
        let events = active.events();
        let absence = active
            .clone()
            .cancel_when_abandoned(self.client_absence_max);
        let absence = tokio::spawn(absence);
        let driven = drive_until(
            entry.run.deadline_at,
            request,
            self.backend.as_ref(),
            &events,
            &active.cancel,
        )
        .await;
        absence.abort();
        self.end(entry, &active, driven).await;
    }

    /// Writes down how a run's driver ended.
    async fn end(&self, mut entry: Entry, active: &ActiveRun, driven: Result<Outcome>) {
        let run_id = entry.run.run_id.clone();
        let stopped = |error: &Error| matches!(error.kind, Kind::Cancelled | Kind::Retryable);
        if self.leaving.load(Ordering::SeqCst) && driven.as_ref().is_err_and(stopped) {
            tracing::info!(run = run_id, "the run is left to the next scheduler");
            entry.left = true;
        } else {
            entry.finish(driven);
        }
        if let Err(error) = self.ledger.write(&entry).await {
            tracing::error!(run = run_id, %error, "the ledger misses the end of a run");
        }
        match &entry.run.error {
            _ if !entry.run.is_over() => {}
            None => tracing::info!(run = run_id, "run succeeded"),
            Some(error) => tracing::warn!(run = run_id, %error, "run did not succeed"),
        }
        active.set(entry.run);
        active.driven.cancel();
    }
}

fn new_run(submission: &SubmitRun) -> Run {
    let request = &submission.request;
    let deadline = submission.deadline_s.map(Duration::from_secs);
    Run {
        run_id: request.run_id.clone(),
        job: request.job.name.clone(),
        output: request.output.to_string(),
        state: RunState::Running,
        detached: submission.detach,
        submitted_at: Utc::now(),
        deadline_at: deadline.and_then(deadline_after),
        finished_at: None,
        error: None,
        verdict: None,
        already_done: false,
    }
}

impl Entry {
    fn active(&self) -> ActiveRun {
        let submission = self.submission.as_ref();
        let submission_id = submission.and_then(|submission| submission.submission_id.clone());
        ActiveRun::new(self.run.clone(), submission_id)
    }

    fn finish(&mut self, driven: Result<Outcome>) {
        let run = &mut self.run;
        run.finished_at = Some(Utc::now());
        match driven {
            Ok(outcome) => {
                run.state = RunState::Succeeded;
                run.verdict = outcome.verdict;
                // A scheduler that died after its commit had done the work of this very run.
                run.already_done = outcome.already_done && !self.taken_up;
            }
            Err(error) => {
                run.state = match error.kind {
                    Kind::Cancelled => RunState::Cancelled,
                    _ => RunState::Failed,
                };
                run.error = Some(error);
            }
        }
    }
}

//! Holding on to a scheduler that goes away and comes back.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use cinemill_engine::error::{Error, Kind, Result};

use crate::api::{Run, StreamItem, SubmitRun, Submitted};
use crate::client::Client;

/// How often a scheduler that is away is looked for.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// A client that waits for its scheduler.
pub struct Attachment {
    client: Client,
    /// How long the scheduler may be away at a time; zero does not wait at all.
    wait: Duration,
    /// Where it is told that the scheduler went away, or is back.
    tell: Box<dyn Fn(String) + Send + Sync>,
    away_since: Mutex<Option<Instant>>,
}

impl Attachment {
    pub fn new(
        client: Client,
        wait: Duration,
        tell: impl Fn(String) + Send + Sync + 'static,
    ) -> Self {
        Self {
            client,
            wait,
            tell: Box::new(tell),
            away_since: Mutex::new(None),
        }
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns once the scheduler answers.
    pub async fn reach(&self) -> Result<()> {
        loop {
            match self.client.reach().await {
                Ok(()) => {
                    self.is_there();
                    return Ok(());
                }
                Err(error) => self.after(error).await?,
            }
        }
    }

    /// Submits a run. The same submission is sent until it is answered, and begins one run.
    pub async fn submit(&self, submission: &SubmitRun) -> Result<Submitted> {
        loop {
            match self.client.submit(submission).await {
                Ok(submitted) => {
                    self.is_there();
                    return Ok(submitted);
                }
                Err(error) => self.after(error).await?,
            }
        }
    }

    /// Follows a run to its end; `seen` is called for everything that happens. A scheduler that came
    /// back without its ledger is given the run's submission again, where there is one.
    pub async fn follow(
        &self,
        run_id: &str,
        submission: Option<&SubmitRun>,
        mut seen: impl FnMut(&StreamItem) + Send,
    ) -> Result<Run> {
        loop {
            let followed = self.client.follow(run_id, |item| {
                self.is_there();
                seen(item);
            });
            let error = match followed.await {
                Ok(run) => return Ok(run),
                Err(error) => error,
            };
            self.after(error).await?;
            if let Some(submission) = submission {
                self.submit(submission).await?;
            }
        }
    }

    /// The scheduler has answered.
    fn is_there(&self) {
        let away = self
            .away_since
            .lock()
            .ok()
            .and_then(|mut since| since.take());
        if away.is_some() {
            let scheduler = self.client.scheduler();
            (self.tell)(format!("the scheduler at {scheduler} is back"));
        }
    }

    /// Returns when the scheduler is to be asked again.
    async fn after(&self, error: Error) -> Result<()> {
        if error.kind != Kind::Unreachable || self.wait.is_zero() {
            return Err(error);
        }
        if self.away_for(&error) >= self.wait {
            let cause = format!("{} for {} s", error.cause, self.wait.as_secs());
            let scheduler = self.client.scheduler();
            return Err(
                Error::new(error.kind, "reach scheduler", scheduler, cause).hint(
                    "a run that it had goes on when it comes back; submitting that again under its \
                 --run-id is safe",
                ),
            );
        }
        tokio::time::sleep(RETRY_INTERVAL).await;
        Ok(())
    }

    /// How long the scheduler has been away.
    fn away_for(&self, error: &Error) -> Duration {
        let Ok(mut away_since) = self.away_since.lock() else {
            return Duration::ZERO;
        };
        let since = away_since.get_or_insert_with(|| {
            (self.tell)(format!(
                "the scheduler at {} is away ({}); waiting up to {} s for it",
                self.client.scheduler(),
                error.cause,
                self.wait.as_secs()
            ));
            Instant::now()
        });
        since.elapsed()
    }
}

//! Executes a piece of a run again where that may help.

use std::time::Duration;

use cinemill_engine::error::{Error, Kind, Result};
use tokio_util::sync::CancellationToken;

use super::events::{EventSender, RunEvent};

/// The pause before the second execution; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The executions of one piece: a plan that is executed as a whole, and lost as a whole.
pub struct Retry<'a> {
    phase: &'a str,
    run_id: &'a str,
    events: &'a EventSender,
    attempts_max: u32,
    attempt: u32,
    scarce_memory: bool,
}

impl<'a> Retry<'a> {
    pub fn new(
        phase: &'a str,
        run_id: &'a str,
        attempts_max: u32,
        events: &'a EventSender,
    ) -> Self {
        Self {
            phase,
            run_id,
            events,
            attempts_max,
            attempt: 1,
            scarce_memory: false,
        }
    }

    /// Whether an execution before this one ran out of memory.
    pub fn scarce_memory(&self) -> bool {
        self.scarce_memory
    }

    /// Returns when the piece is to be executed again.
    ///
    /// # Errors
    /// The piece's own error when another execution would not help, or has been tried too often;
    /// `Cancelled` when the run was cancelled meanwhile.
    pub async fn after(&mut self, error: Error, cancel: &CancellationToken) -> Result<()> {
        let Some(pause) = self.pause_after(&error) else {
            return Err(error);
        };
        tokio::select! {
            () = cancel.cancelled() => {
                Err(Error::new(Kind::Cancelled, "run", self.run_id, "it was cancelled"))
            }
            () = tokio::time::sleep(pause) => Ok(()),
        }
    }

    /// Takes note of a failed execution; `None` where it was the last one.
    fn pause_after(&mut self, error: &Error) -> Option<Duration> {
        if !self.may_help(error) {
            return None;
        }
        tracing::warn!(run = self.run_id, phase = self.phase, attempt = self.attempt, %error,
            "a piece of the run was lost; executing it again");
        (self.events)(RunEvent::Retry {
            phase: self.phase.to_owned(),
            attempt: self.attempt,
            cause: error.to_string(),
        });
        self.scarce_memory |= error.kind == Kind::Memory;
        let pause = FIRST_PAUSE * 2u32.saturating_pow(self.attempt - 1);
        self.attempt += 1;
        Some(pause)
    }

    fn may_help(&self, error: &Error) -> bool {
        match error.kind {
            // Once more, with a plan that spills.
            Kind::Memory => !self.scarce_memory,
            Kind::Retryable => self.attempt < self.attempts_max,
            _ => false,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// How often a piece is executed that fails with errors of these kinds in turn, and whether it
    /// succeeds in the end.
    fn executions(attempts_max: u32, kinds: &[Kind]) -> (usize, bool) {
        let told = Arc::new(Mutex::new(0));
        let counter = told.clone();
        let events: EventSender = Arc::new(move |_| *counter.lock().unwrap() += 1);
        let mut retry = Retry::new("write", "r", attempts_max, &events);
        for (before, kind) in kinds.iter().enumerate() {
            let error = Error::new(*kind, "run", "r", "lost");
            if retry.pause_after(&error).is_none() {
                assert_eq!(*told.lock().unwrap(), before, "each retry is told");
                return (before + 1, false);
            }
        }
        (kinds.len() + 1, true)
    }

    #[test]
    fn what_may_pass_is_tried_a_set_number_of_times() {
        assert_eq!(executions(3, &[Kind::Retryable; 9]), (3, false));
        assert_eq!(executions(3, &[Kind::Retryable; 2]), (3, true));
        assert_eq!(executions(1, &[Kind::Retryable]), (1, false));
    }

    #[test]
    fn what_will_not_pass_is_tried_once() {
        for kind in [Kind::Final, Kind::Input, Kind::Cancelled, Kind::Expectation] {
            assert_eq!(executions(3, &[kind]), (1, false));
        }
    }

    #[tokio::test]
    async fn a_run_that_is_cancelled_between_two_executions_was_cancelled() {
        let events: EventSender = Arc::new(|_| ());
        let cancel = CancellationToken::new();
        cancel.cancel();
        let mut retry = Retry::new("write", "r", 2, &events);
        let error = Error::new(Kind::Retryable, "run", "r", "lost");
        let ended = retry.after(error, &cancel).await;
        assert_eq!(ended.unwrap_err().kind, Kind::Cancelled);
    }

    #[test]
    fn lack_of_memory_is_answered_once() {
        assert_eq!(executions(1, &[Kind::Memory]), (2, true));
        assert_eq!(executions(1, &[Kind::Memory; 2]), (2, false));
    }
}

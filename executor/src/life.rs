//! From the first heartbeat to the end: Ballista's executor, and the signals that end it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::{Duration, Instant};

use ballista_core::error::BallistaError;
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use ballista_executor::executor_server::TERMINATING;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::Config;
use crate::scheduler::{Answer, Scheduler};
use crate::spot;

/// How often a leaving executor asks whether it may go.
const ASK_INTERVAL: Duration = Duration::from_millis(250);
/// How long a leaving executor looks for its scheduler. Nobody else takes its tasks' results.
const SCHEDULER_ABSENCE_MAX: Duration = Duration::from_secs(3);
/// How long after its deadline it goes without the scheduler's word.
const MARGIN: Duration = Duration::from_secs(5);

/// How an executor ended.
#[derive(Debug)]
pub enum End {
    /// It was not needed any more, or its deadline was over.
    Left,
    /// It ended at once by a signal, of this number.
    Killed(u8),
    /// It lost its scheduler, or was lost by it: it may come again, as a new executor.
    Lost,
    /// It could not begin.
    Failed(BallistaError),
}

/// What ends an executor.
enum Cause {
    Interrupt,
    /// It shall leave within this time.
    Leave(Duration),
    Ended(Result<(), BallistaError>),
}

/// The signals that are for us.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

/// Runs an executor to its end.
pub async fn live(process: Arc<ExecutorProcessConfig>, config: &Config) -> std::io::Result<End> {
    let scheduler = Scheduler::new(&config.scheduler, &process.executor_id);
    let mut signals = Signals {
        terminate: signal(SignalKind::terminate())?,
        interrupt: signal(SignalKind::interrupt())?,
    };
    let mut served = pin!(start_executor_process(process));
    let cause = {
        let notice = async {
            match config.spot_notice {
                true => spot::notice().await,
                false => std::future::pending().await,
            }
        };
        let mut notice = pin!(notice);
        let drain_deadline = Duration::from_secs(config.drain_deadline_s);
        // Ballista's future listens to the same signals, and would end the shuffle service while
        // others still read from it. So ours come first, and its future is never polled again
        // after one: what it started goes on in tasks of their own.
        poll_fn(|context| {
            if signals.interrupt.poll_recv(context).is_ready() {
                return Poll::Ready(Cause::Interrupt);
            }
            if signals.terminate.poll_recv(context).is_ready() {
                return Poll::Ready(Cause::Leave(drain_deadline));
            }
            if let Poll::Ready(left) = notice.as_mut().poll(context) {
                return Poll::Ready(Cause::Leave(left));
            }
            served.as_mut().poll(context).map(Cause::Ended)
        })
        .await
    };
    Ok(match cause {
        Cause::Interrupt => {
            scheduler.goodbye().await;
            End::Killed(number(SignalKind::interrupt()))
        }
        Cause::Leave(deadline) => leave(&scheduler, deadline, &mut signals).await,
        Cause::Ended(Err(error)) => End::Failed(error),
        // It was told to leave, or its heartbeats found no scheduler.
        Cause::Ended(Ok(())) => match scheduler.drain(Duration::ZERO).await {
            Ok(Answer::Go) => End::Left,
            _ => End::Lost,
        },
    })
}

/// Asks for a drain, and stays until the scheduler says that it is done.
async fn leave(scheduler: &Scheduler, deadline: Duration, signals: &mut Signals) -> End {
    tracing::info!(deadline_s = deadline.as_secs(), "this executor leaves");
    // Had Ballista's future seen the signal in the same instant, heartbeats would say so.
    TERMINATING.store(false, Ordering::Release);
    let ends = Instant::now() + deadline;
    let mut heard_at = Instant::now();
    loop {
        match scheduler
            .drain(ends.saturating_duration_since(Instant::now()))
            .await
        {
            Ok(Answer::Go | Answer::Unknown) => return End::Left,
            Ok(Answer::Stay) => heard_at = Instant::now(),
            Err(cause) if heard_at.elapsed() > SCHEDULER_ABSENCE_MAX => {
                tracing::warn!(%cause, "nobody is there who needs this executor");
                return End::Left;
            }
            Err(_) => {}
        }
        if Instant::now() > ends + MARGIN {
            tracing::warn!("the deadline is over; what this executor has is lost");
            scheduler.goodbye().await;
            return End::Left;
        }
        tokio::select! {
            _ = signals.terminate.recv() => {
                scheduler.goodbye().await;
                return End::Killed(number(SignalKind::terminate()));
            }
            _ = signals.interrupt.recv() => {
                scheduler.goodbye().await;
                return End::Killed(number(SignalKind::interrupt()));
            }
            () = tokio::time::sleep(ASK_INTERVAL) => {}
        }
    }
}

fn number(kind: SignalKind) -> u8 {
    u8::try_from(kind.as_raw_value()).unwrap_or_default()
}

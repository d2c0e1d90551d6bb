//! A controller that lets the number of executors follow the slots that runs want.

mod marker;
mod policy;

use std::convert::Infallible;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use cinemill_engine::error::{Error, Result};

use crate::client::Client;
use crate::cluster::{Target, Wish, scale};
use crate::fleet::Slots;

pub use policy::{Limits, Policy};

/// What a controller works with.
pub struct Controller<'a> {
    pub target: &'a dyn Target,
    pub client: &'a Client,
    pub limits: Limits,
    pub interval: Duration,
    pub drain_deadline_s: u64,
    /// Kept fresh while runs go on.
    pub busy_marker: Option<PathBuf>,
}

/// What a controller did or could not do.
#[derive(Debug)]
pub enum Report {
    /// From so many executors to so many, for so many wanted slots.
    Scaling {
        from: usize,
        to: usize,
        wanted: u64,
    },
    Drained {
        clean: usize,
        cut_off: usize,
    },
    /// This look came to nothing; the next one may.
    Trouble(Error),
}

impl Controller<'_> {
    /// Looks again and again. Whatever fails is told and tried again: nobody would start a
    /// controller that gave up at three in the morning.
    ///
    /// It may be dropped at any moment: a drain that has begun goes on at the scheduler, and the
    /// next controller gives the nodes back.
    pub async fn run(&self, mut tell: impl FnMut(Report)) -> Infallible {
        let mut policy = Policy::new(self.limits);
        loop {
            if let Err(error) = self.look(&mut policy, &mut tell).await {
                tell(Report::Trouble(error));
            }
            tokio::time::sleep(self.interval).await;
        }
    }

    async fn look(&self, policy: &mut Policy, tell: &mut impl FnMut(Report)) -> Result<()> {
        let slots = self.client.slots().await?;
        if is_busy(&slots)
            && let Some(path) = &self.busy_marker
        {
            marker::touch(path)?;
        }
        let cluster = self.target.describe().await?;
        let from = cluster.executors;
        let decided = policy.decide(Instant::now(), &slots, from);
        // Core nodes stay, whatever the limits say.
        let to = decided.map(|to| to.max(cluster.executors_min()));
        let Some(to) = to.filter(|to| *to != from) else {
            return Ok(());
        };
        let wanted = slots.wanted;
        tell(Report::Scaling { from, to, wanted });
        let wish = Wish {
            executors: to,
            drain_deadline_s: self.drain_deadline_s,
            ready_wait: None,
        };
        let scaled = scale(self.target, self.client, wish).await?;
        if scaled.drained + scaled.cut_off > 0 {
            let (clean, cut_off) = (scaled.drained, scaled.cut_off);
            tell(Report::Drained { clean, cut_off });
        }
        Ok(())
    }
}

/// Whether runs go on, or wait for executors.
fn is_busy(slots: &Slots) -> bool {
    slots.wanted > 0 || slots.queues.values().any(|queue| queue.runs > 0)
}

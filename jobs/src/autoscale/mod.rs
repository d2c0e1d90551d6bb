//! A controller that lets the number of executors follow the slots that runs want.

mod marker;
mod policy;

use std::collections::HashMap;
use std::convert::Infallible;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use cinemill_engine::error::{Error, Result};

use crate::client::Client;
use crate::cluster::{Description, Node, Target, Wish, idle as idle_nodes, scale};
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
    /// So many nodes that have had no executor for a while are given back.
    Idle(usize),
    /// This look came to nothing; the next one may.
    Trouble(Error),
}

/// How long a node may be up without an executor. One whose executor was drained stays without.
const IDLE_MAX: Duration = Duration::from_secs(300);

impl Controller<'_> {
    /// Looks again and again. Whatever fails is told and tried again: nobody would start a
    /// controller that gave up at three in the morning.
    ///
    /// It may be dropped at any moment: a drain that has begun goes on at the scheduler, and the
    /// next controller gives the nodes back.
    pub async fn run(&self, tell: impl Fn(Report)) -> Infallible {
        // A drain takes a while, during which EMR still has to know that the cluster is busy.
        tokio::join!(self.follow(&tell), self.keep_fresh(&tell)).0
    }

    async fn follow(&self, tell: &impl Fn(Report)) -> Infallible {
        let mut policy = Policy::new(self.limits);
        let mut idle = HashMap::new();
        loop {
            if let Err(error) = self.look(&mut policy, &mut idle, tell).await {
                tell(Report::Trouble(error));
            }
            tokio::time::sleep(self.interval).await;
        }
    }

    async fn keep_fresh(&self, tell: &impl Fn(Report)) -> Infallible {
        loop {
            if let Some(path) = &self.busy_marker
                // That the scheduler is away is told by who follows it.
                && let Ok(slots) = self.client.slots().await
                && is_busy(&slots)
                && let Err(error) = marker::touch(path)
            {
                tell(Report::Trouble(error));
            }
            tokio::time::sleep(self.interval).await;
        }
    }

    async fn look(
        &self,
        policy: &mut Policy,
        idle: &mut HashMap<String, Instant>,
        tell: &impl Fn(Report),
    ) -> Result<()> {
        let slots = self.client.slots().await?;
        let cluster = self.target.describe().await?;
        self.give_back_idle(&cluster, idle, tell).await?;
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

    /// Gives back nodes that nobody uses, as after a drain by hand; the next look brings others,
    /// where they are wanted.
    async fn give_back_idle(
        &self,
        cluster: &Description,
        seen: &mut HashMap<String, Instant>,
        tell: &impl Fn(Report),
    ) -> Result<()> {
        let known = self.client.executors().await?;
        let now = Instant::now();
        let idle: Vec<Node> = idle_nodes(cluster, &known).cloned().collect();
        seen.retain(|id, _| idle.iter().any(|node| node.id == *id));
        let is_long = |node: &Node| {
            let since = *seen.entry(node.id.clone()).or_insert(now);
            now.duration_since(since) > IDLE_MAX
        };
        let gone: Vec<Node> = idle.into_iter().filter(is_long).collect();
        if gone.is_empty() || known.is_empty() {
            // Where the scheduler knows nobody, it may just have begun.
            return Ok(());
        }
        tell(Report::Idle(gone.len()));
        let executors = cluster.executors.saturating_sub(gone.len());
        self.target.release(executors, &gone).await
    }
}

/// Whether runs go on, or wait for executors.
fn is_busy(slots: &Slots) -> bool {
    slots.wanted > 0 || slots.queues.values().any(|queue| queue.runs > 0)
}

//! Clusters that the command line starts, looks at, resizes and stops.

mod definition;
mod ecs;
mod emr;
mod local;
mod local_target;
mod logs;
mod scale;
mod shape;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use cinemill_engine::error::{Error, Kind, Result};
use serde::Serialize;

use crate::fleet::Executor;

pub use self::definition::Definition;
pub use self::ecs::{EcsDefinition, EcsTarget, create as create_ecs};
pub use self::emr::{EmrDefinition, EmrTarget, create as create_emr};
pub use self::local::{LocalCluster, logs as local_logs, start, stop};
pub use self::local_target::LocalTarget;
pub use self::logs::{Log, LogQuery};
pub use self::scale::{Scaled, Wish, idle, scale};
pub use self::shape::Shape;

/// Where schedulers listen.
const SCHEDULER_PORT: u16 = 50050;

/// A cluster somewhere.
#[async_trait]
pub trait Target: Send + Sync {
    /// Whether its processes run on this machine.
    fn is_local(&self) -> bool {
        false
    }

    /// What there is now.
    async fn describe(&self) -> Result<Description>;

    /// Asks for so many executors; returns before they are there. Fewer than there are only where
    /// the surplus has not come to life yet.
    async fn request(&self, executors: usize) -> Result<()>;

    /// Sees to it that nothing but a drain takes executors away, and that those which leave are
    /// not replaced, while the cluster shrinks to `executors`.
    async fn hold(&self, executors: usize, drain_deadline_s: u64) -> Result<()>;

    /// Gives back the nodes whose executors have left, so that `executors` stay.
    async fn release(&self, executors: usize, leaving: &[Node]) -> Result<()>;
}

/// A cluster as its platform sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Description {
    pub platform: &'static str,
    pub id: String,
    pub name: String,
    /// In the platform's own words.
    pub state: String,
    /// Why it is in that state, where the platform says so.
    pub reason: Option<String>,
    /// `host:port`, where it is known.
    pub scheduler: Option<String>,
    pub created_at: Option<DateTime<Utc>>,
    /// How many executors the platform is to keep up.
    pub executors: usize,
    /// What an executor has to itself, where the platform says so.
    pub executor_shape: Option<Shape>,
    pub executors_are_spot: bool,
    /// Those that were asked for or are there; not the ones that have ended.
    pub nodes: Vec<Node>,
}

/// A machine, container or process of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Node {
    pub id: String,
    pub role: Role,
    /// It cannot be taken away: the scheduler's, and those that hold a file system.
    pub is_fixed: bool,
    pub shape: Shape,
    pub is_spot: bool,
    pub state: String,
    /// Names and addresses under which its executor may be known; or that executor's id.
    pub names: Vec<String>,
    pub started_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Scheduler,
    Executor,
}

impl Description {
    /// Nodes for executors.
    pub fn executor_nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.role == Role::Executor)
    }

    /// How many executors there are at least: those on nodes that stay.
    pub fn executors_min(&self) -> usize {
        self.executor_nodes().filter(|node| node.is_fixed).count()
    }

    /// The scheduler's address.
    ///
    /// # Errors
    /// `Unreachable` where the platform does not tell it (yet).
    pub fn scheduler(&self) -> Result<&str> {
        self.scheduler.as_deref().ok_or_else(|| {
            let cause = format!("it has no address while the cluster is {}", self.state);
            Error::new(Kind::Unreachable, "find scheduler of", &self.id, cause)
                .hint("name it with --scheduler <host:port>")
        })
    }
}

impl Node {
    /// The executor that runs there.
    pub fn executor<'a>(&self, known: &'a [Executor]) -> Option<&'a Executor> {
        known.iter().find(|executor| {
            self.names.contains(&executor.host) || self.names.contains(&executor.id)
        })
    }
}

//! More or fewer executors, on any platform.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use cinemill_engine::error::{Error, Kind, Result};
use futures::future::try_join_all;

use super::{Description, Node, Target};
use crate::client::Client;
use crate::fleet::{DrainState, Executor, ExecutorState};

/// Between two looks at a scheduler.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// Between two looks at a platform, which counts its requests.
const LOOK_MIN: Duration = Duration::from_millis(500);
const LOOK_MAX: Duration = Duration::from_secs(10);
/// How long after its deadline an executor may take to end.
const END_WAIT: Duration = Duration::from_secs(15);
/// How often nodes that came up during a drain are drained, too.
const PASSES_MAX: usize = 5;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    pub executors: usize,
    /// How long executors that are too many may stay because they are needed, in seconds.
    pub drain_deadline_s: u64,
    /// How long new ones may take until they take tasks; `None` for who does not wait.
    pub ready_wait: Option<Duration>,
}

/// What a change of size did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scaled {
    pub started: usize,
    /// Executors that left with nothing that was needed.
    pub drained: usize,
    /// Executors that left at the deadline, with tasks or files that were needed.
    pub cut_off: usize,
    /// Nodes that had no executor and were given back.
    pub idle: usize,
}

/// Makes it so many executors. Those that are too many get no more tasks at once, and leave when
/// nothing of them is needed; only then their nodes are given back, by name. Should this process
/// die on the way, the same call again ends what it began.
///
/// # Errors
/// `Usage` for fewer executors than nodes that must stay, `Retryable` where new ones do not come in
/// time.
pub async fn scale(target: &dyn Target, client: &Client, wish: Wish) -> Result<Scaled> {
    let cluster = target.describe().await?;
    check(&cluster, wish.executors)?;
    let known = client.executors().await?;
    is_its_scheduler(&cluster, client, &known)?;
    match surplus(&cluster, &known, wish.executors).is_empty() {
        true => grow(target, client, wish).await,
        false => shrink(target, client, wish).await,
    }
}

/// Nodes without an executor are the first to go. So a scheduler of another cluster would have all
/// of them go.
fn is_its_scheduler(cluster: &Description, client: &Client, known: &[Executor]) -> Result<()> {
    let is_here = |node: &Node| node.executor(known).is_some();
    let nobody_is_here = !cluster.executor_nodes().any(is_here);
    if known.is_empty() || cluster.executor_nodes().next().is_none() || !nobody_is_here {
        return Ok(());
    }
    let scheduler = client.scheduler();
    let cause = format!(
        "the scheduler {scheduler} has {} executors, none of them on a node of this cluster",
        known.len()
    );
    Err(Error::new(Kind::Usage, "scale cluster", &cluster.id, cause)
        .hint("look at --scheduler and CINEMILL_SCHEDULER"))
}

/// Drains what is too many until none of it has an executor, and gives it back then.
async fn shrink(target: &dyn Target, client: &Client, wish: Wish) -> Result<Scaled> {
    let mut scaled = Scaled::default();
    let mut leaving = Vec::new();
    for _ in 0..PASSES_MAX {
        let cluster = target.describe().await?;
        let known = client.executors().await?;
        leaving = surplus(&cluster, &known, wish.executors);
        let executors = leaving.iter().filter_map(|node| node.executor(&known));
        let ids: Vec<&str> = executors.map(|executor| executor.id.as_str()).collect();
        if ids.is_empty() {
            break;
        }
        target.hold(wish.executors, wish.drain_deadline_s).await?;
        let left = drain_all(client, &ids, wish.drain_deadline_s).await?;
        scaled.drained += left.drained;
        scaled.cut_off += left.cut_off;
    }
    scaled.idle = leaving
        .len()
        .saturating_sub(scaled.drained + scaled.cut_off);
    target.release(wish.executors, &leaving).await?;
    Ok(scaled)
}

fn check(cluster: &Description, executors: usize) -> Result<()> {
    let fixed = cluster.executors_min();
    if executors >= fixed {
        return Ok(());
    }
    let cause = format!("{fixed} of its executors run on core nodes or others that stay");
    Err(
        Error::new(Kind::Usage, "scale cluster", &cluster.id, cause).hint(format!(
            "ask for {fixed} executors or more, or terminate the cluster"
        )),
    )
}

/// The nodes that are too many: first those without an executor, then those that leave already,
/// then the newest, which have the least.
fn surplus(cluster: &Description, known: &[Executor], executors: usize) -> Vec<Node> {
    let mut nodes: Vec<&Node> = cluster.executor_nodes().collect();
    let too_many = nodes.len().saturating_sub(executors);
    nodes.retain(|node| !node.is_fixed);
    nodes.sort_by_key(|node| {
        let state = node.executor(known).map(|executor| executor.state);
        let usefulness = match state {
            None => 0,
            Some(ExecutorState::Terminating) => 1,
            Some(ExecutorState::Draining) => 2,
            Some(ExecutorState::Active) => 3,
        };
        (usefulness, Reverse(node.started_at))
    });
    nodes.into_iter().take(too_many).cloned().collect()
}

/// Asks for more, again where some of those that were there have left meanwhile.
async fn grow(target: &dyn Target, client: &Client, wish: Wish) -> Result<Scaled> {
    let before = active(&target.describe().await?, &client.executors().await?);
    let began = Instant::now();
    let mut pause = LOOK_MIN;
    loop {
        let cluster = target.describe().await?;
        let asked = match cluster.executors == wish.executors {
            true => Ok(()),
            false => target.request(wish.executors).await,
        };
        let Some(wait) = wish.ready_wait else {
            let started = wish.executors.saturating_sub(cluster.executors);
            return asked.map(|()| Scaled {
                started,
                ..Scaled::default()
            });
        };
        let known = client.executors().await?;
        let there = active(&cluster, &known);
        if there >= wish.executors {
            let started = there.saturating_sub(before);
            return Ok(Scaled {
                started,
                ..Scaled::default()
            });
        }
        if began.elapsed() > wait {
            asked?;
            return Err(too_few(&cluster, &known, wish.executors, wait));
        }
        if let Err(error) = asked
            && error.kind != Kind::Retryable
        {
            return Err(error);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(if target.is_local() {
            LOOK_MIN
        } else {
            LOOK_MAX
        });
    }
}

fn too_few(cluster: &Description, known: &[Executor], wanted: usize, wait: Duration) -> Error {
    let there = active(cluster, known);
    let seconds = wait.as_secs();
    let cause = format!("{there} of {wanted} executors take tasks after {seconds} s");
    let idle: Vec<&str> = idle(cluster, known).map(|node| node.id.as_str()).collect();
    let error = Error::new(Kind::Retryable, "scale cluster", &cluster.id, cause);
    match idle.as_slice() {
        [] => error.hint(
            "the rest was asked for and may still come; `cinemill cluster describe` tells what \
             each node is about",
        ),
        idle => error.hint(format!(
            "nodes without an executor: {}; scale down to {there}, which gives them back, and up \
             again",
            idle.join(", ")
        )),
    }
}

/// Nodes that are up and have no executor, and may be given back.
pub fn idle<'a>(cluster: &'a Description, known: &'a [Executor]) -> impl Iterator<Item = &'a Node> {
    cluster.executor_nodes().filter(move |node| {
        let is_up = node.state.eq_ignore_ascii_case("running");
        is_up && !node.is_fixed && node.executor(known).is_none()
    })
}

/// How many of the cluster's executors take tasks.
fn active(cluster: &Description, known: &[Executor]) -> usize {
    let executors = cluster
        .executor_nodes()
        .filter_map(|node| node.executor(known));
    let active = executors.filter(|executor| executor.state == ExecutorState::Active);
    active.count()
}

async fn drain_all(client: &Client, ids: &[&str], deadline_s: u64) -> Result<Scaled> {
    // All told before any is waited for, so that none takes over what another one gave up.
    try_join_all(ids.iter().map(|id| client.drain(id, deadline_s))).await?;
    let left = try_join_all(ids.iter().map(|id| left(client, id, deadline_s))).await?;
    let clean = left
        .iter()
        .filter(|state| **state == DrainState::LeftClean)
        .count();
    Ok(Scaled {
        drained: clean,
        cut_off: left.len() - clean,
        ..Scaled::default()
    })
}

/// How an executor left.
async fn left(client: &Client, id: &str, deadline_s: u64) -> Result<DrainState> {
    let began = Instant::now();
    loop {
        let drain = client.drain(id, deadline_s).await?;
        let over = Duration::from_secs(deadline_s) + END_WAIT;
        if drain.state != DrainState::Draining || began.elapsed() > over {
            return Ok(drain.state);
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, Utc};

    use super::*;
    use crate::cluster::{Role, Shape};

    fn node(name: &str, minute: i64, is_fixed: bool) -> Node {
        Node {
            id: format!("i-{name}"),
            role: Role::Executor,
            is_fixed,
            shape: Shape::Instance("m7g.xlarge".to_owned()),
            is_spot: false,
            state: "RUNNING".to_owned(),
            names: vec![name.to_owned()],
            started_at: Some(Utc::now() + TimeDelta::minutes(minute)),
        }
    }

    fn executor(host: &str, state: ExecutorState) -> Executor {
        Executor {
            id: format!("executor-{host}"),
            host: host.to_owned(),
            port: 1,
            state,
            slots: 1,
            slots_busy: 0,
            memory_bytes: None,
            memory_peak_bytes: None,
            heartbeat_age_s: 0,
        }
    }

    fn cluster(nodes: Vec<Node>) -> Description {
        Description {
            platform: "emr",
            id: "j-1".to_owned(),
            name: "films".to_owned(),
            state: "WAITING".to_owned(),
            reason: None,
            scheduler: None,
            created_at: None,
            executors: nodes.len(),
            executor_shape: None,
            executors_are_spot: false,
            nodes,
        }
    }

    #[test]
    fn who_is_of_least_use_leaves_first() {
        let nodes = ["core", "old", "new", "draining", "booting"];
        let cluster = cluster(
            (0..)
                .zip(nodes)
                .map(|(minute, name)| node(name, minute, name == "core"))
                .collect(),
        );
        let known = [
            executor("core", ExecutorState::Active),
            executor("old", ExecutorState::Active),
            executor("new", ExecutorState::Active),
            executor("draining", ExecutorState::Draining),
        ];
        let leaving = |executors| {
            let nodes = surplus(&cluster, &known, executors);
            nodes.into_iter().map(|node| node.id).collect::<Vec<_>>()
        };
        assert_eq!(leaving(5), [""; 0]);
        assert_eq!(leaving(4), ["i-booting"]);
        assert_eq!(leaving(2), ["i-booting", "i-draining", "i-new"]);
        assert_eq!(leaving(1), ["i-booting", "i-draining", "i-new", "i-old"]);
        assert!(check(&cluster, 0).is_err());
        assert!(check(&cluster, 1).is_ok());
    }
}

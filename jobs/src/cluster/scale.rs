//! More or fewer executors, on any platform.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use cinemill_engine::error::{Error, Kind, Result};
use futures::future::try_join_all;

use super::{Description, Node, Target};
use crate::client::Client;
use crate::fleet::{DrainState, Executor, ExecutorState};

const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// How long after its deadline an executor may take to end.
const END_WAIT: Duration = Duration::from_secs(15);

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
    let leaving = surplus(&cluster, &known, wish.executors);
    if leaving.is_empty() {
        return grow(target, client, &cluster, wish).await;
    }
    target.hold(wish.executors, wish.drain_deadline_s).await?;
    let ids: Vec<&str> = leaving
        .iter()
        .filter_map(|node| node.executor(&known))
        .map(|executor| executor.id.as_str())
        .collect();
    let scaled = drain_all(client, &ids, wish.drain_deadline_s).await?;
    target.release(wish.executors, &leaving).await?;
    Ok(scaled)
}

fn check(cluster: &Description, executors: usize) -> Result<()> {
    let fixed = cluster.executors_min();
    if executors >= fixed {
        return Ok(());
    }
    let cause = format!("{fixed} of its executors run on core nodes, which hold its file system");
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

async fn grow(
    target: &dyn Target,
    client: &Client,
    cluster: &Description,
    wish: Wish,
) -> Result<Scaled> {
    let before = active(client).await?;
    if wish.executors != cluster.executors {
        target.request(wish.executors).await?;
    }
    let Some(wait) = wish.ready_wait else {
        return Ok(Scaled {
            started: wish.executors.saturating_sub(cluster.executors),
            ..Scaled::default()
        });
    };
    let began = Instant::now();
    loop {
        let there = active(client).await?;
        if there >= wish.executors {
            return Ok(Scaled {
                started: there.saturating_sub(before),
                ..Scaled::default()
            });
        }
        if began.elapsed() > wait {
            let seconds = wait.as_secs();
            let cause = format!(
                "{there} of {} executors take tasks after {seconds} s",
                wish.executors
            );
            return Err(
                Error::new(Kind::Retryable, "scale cluster", &cluster.id, cause).hint(
                    "the rest was asked for and may still come; `cinemill cluster describe` tells \
                     what each node is about",
                ),
            );
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

async fn active(client: &Client) -> Result<usize> {
    let known = client.executors().await?;
    let active = known
        .iter()
        .filter(|executor| executor.state == ExecutorState::Active);
    Ok(active.count())
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

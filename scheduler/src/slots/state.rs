//! Ballista's view of the executors, with fair slots.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use ballista_core::JobId;
use ballista_core::error::{BallistaError, Result};
use ballista_core::serde::protobuf::ExecutorHeartbeat;
use ballista_core::serde::scheduler::{ExecutorData, ExecutorMetadata};
use ballista_scheduler::cluster::memory::InMemoryClusterState;
use ballista_scheduler::cluster::{BoundTask, ClusterState, ClusterStateEventStream, ExecutorSlot};
use ballista_scheduler::config::TaskDistributionPolicy;
use ballista_scheduler::state::execution_graph::ExecutionGraphBox;
use ballista_scheduler::state::task_manager::JobInfoCache;
use chrono::{DateTime, Utc};
use tokio::sync::{Mutex, MutexGuard, RwLockWriteGuard};

use super::bind::bind;
use super::demand::{Demand, RunDemand};
use super::fair::{self, Claim};
use super::leaving::{Leaving, LeavingExecutors};
use super::queue::{Place, RunQueue, run_of};

/// Executors and who gets their slots. Ballista keeps the executors; slots are ours.
#[derive(Default)]
pub struct SlotState {
    executors: InMemoryClusterState,
    queue: Arc<RunQueue>,
    pub leaving: LeavingExecutors,
    turns: Mutex<Turns>,
}

/// Held while nothing may be bound.
pub struct Pause<'a> {
    _turns: MutexGuard<'a, Turns>,
}

/// Who was served when, as counts of slots given.
#[derive(Debug, Default)]
struct Turns {
    given: u64,
    runs: HashMap<String, u64>,
    queues: HashMap<String, u64>,
}

/// A job that goes on, for as long as slots are given.
struct Job<'a> {
    id: &'a JobId,
    run_id: String,
    graph: RwLockWriteGuard<'a, ExecutionGraphBox>,
}

/// An executor with free slots.
struct Offer {
    executor: String,
    free: u32,
}

impl SlotState {
    pub fn new(queue: Arc<RunQueue>) -> Self {
        Self {
            queue,
            ..Self::default()
        }
    }

    /// Nothing is bound while the answer lives.
    pub async fn pause(&self) -> Pause<'_> {
        Pause {
            _turns: self.turns.lock().await,
        }
    }

    /// What each run has and waits for: those with jobs among `jobs`, and those without any yet.
    pub fn by_run(&self, jobs: &[(String, DateTime<Utc>, Demand)]) -> BTreeMap<String, RunDemand> {
        let entered = self.queue.places().into_iter();
        let mut runs: BTreeMap<String, RunDemand> = entered
            .map(|(run_id, place)| (run_id.clone(), RunDemand::new(run_id, place)))
            .collect();
        for (job_name, started_at, demand) in jobs {
            let run_id = run_of(job_name).to_owned();
            let run = runs
                .entry(run_id.clone())
                .or_insert_with(|| RunDemand::new(run_id, Place::unknown(*started_at)));
            run.add(demand);
        }
        runs
    }

    /// All executors that stay, among those given, with all and free slots.
    async fn offers(
        &self,
        alive: Option<&HashSet<String>>,
        busy: &HashMap<String, u32>,
    ) -> (u32, Vec<Offer>) {
        let mut slots = 0;
        let mut offers = Vec::new();
        for metadata in self.executors.registered_executor_metadata().await {
            let is_alive = alive.is_none_or(|alive| alive.contains(&metadata.id));
            if !is_alive || self.leaving.get(&metadata.id).is_some() {
                continue;
            }
            let all = metadata.specification.vcores;
            let busy = busy.get(&metadata.id).copied().unwrap_or_default();
            slots += all;
            offers.push(Offer {
                executor: metadata.id,
                free: all.saturating_sub(busy),
            });
        }
        (slots, offers)
    }
}

/// A job for [`SlotState::by_run`].
pub fn demand_of(graph: &ExecutionGraphBox) -> (String, DateTime<Utc>, Demand) {
    let started_ms = i64::try_from(graph.start_time()).unwrap_or(i64::MAX);
    let started_at = DateTime::from_timestamp_millis(started_ms).unwrap_or_default();
    let demand = Demand::of(graph.as_ref());
    (graph.job_name().to_owned(), started_at, demand)
}

/// Gives free slots away until there are none, or nobody wants one. `runs` are those that the
/// claims are of.
fn give(
    jobs: &mut [Job<'_>],
    runs: &[String],
    mut claims: Vec<Claim>,
    (slots, mut offers): (u32, Vec<Offer>),
    turns: &mut Turns,
) -> Vec<BoundTask> {
    let mut bound = Vec::new();
    // The emptiest executor, so that tasks spread.
    while let Some(offer) = offers
        .iter_mut()
        .filter(|offer| offer.free > 0)
        .max_by(|a, b| a.free.cmp(&b.free).then(b.executor.cmp(&a.executor)))
    {
        let Some(at) = fair::next(&claims, slots) else {
            break;
        };
        let claim = &mut claims[at];
        let cap = claim.max_slots.map_or(u32::MAX, |max| max - claim.running);
        let of_run = jobs.iter_mut().filter(|job| job.run_id == runs[at]);
        let mut tasks = of_run.filter_map(|job| bind_next(job, offer, offer.free.min(cap)));
        let Some((task, taken)) = tasks.next() else {
            // Its graph has changed its mind.
            claim.pending = 0;
            continue;
        };
        bound.push(task);
        offer.free -= taken;
        claim.running += taken;
        claim.pending = claim.pending.saturating_sub(taken);
        turns.serve(&runs[at], &claim.queue);
        turns.note(runs, &mut claims);
    }
    bound
}

fn bind_next(job: &mut Job<'_>, offer: &Offer, free: u32) -> Option<(BoundTask, u32)> {
    let session_id = job.graph.session_id().to_owned();
    let stage = job.graph.fetch_running_stage(&[])?;
    bind(stage, &session_id, job.id, &offer.executor, free)
}

impl Turns {
    /// Forgets who wants nothing more.
    fn keep(&mut self, runs: &[String], claims: &[Claim]) {
        self.runs.retain(|run, _| runs.contains(run));
        let is_there = |queue: &String| claims.iter().any(|claim| claim.queue == *queue);
        self.queues.retain(|queue, _| is_there(queue));
    }

    /// A slot was given.
    fn serve(&mut self, run_id: &str, queue: &str) {
        self.given += 1;
        self.runs.insert(run_id.to_owned(), self.given);
        self.queues.insert(queue.to_owned(), self.given);
    }

    /// Fills in who was served when. Who is new comes last in this round.
    fn note(&mut self, runs: &[String], claims: &mut [Claim]) {
        let given = self.given;
        for (run_id, claim) in runs.iter().zip(claims) {
            claim.served = *self.runs.entry(run_id.clone()).or_insert(given);
            claim.queue_served = *self.queues.entry(claim.queue.clone()).or_insert(given);
        }
    }
}

#[async_trait]
impl ClusterState for SlotState {
    async fn bind_schedulable_tasks(
        &self,
        _: TaskDistributionPolicy,
        active_jobs: Arc<HashMap<JobId, JobInfoCache>>,
        executors: Option<HashSet<String>>,
    ) -> Result<Vec<BoundTask>> {
        let mut turns = self.turns.lock().await;
        let mut jobs = Vec::with_capacity(active_jobs.len());
        for (id, info) in active_jobs.iter() {
            let mut graph = info.execution_graph.write().await;
            // Stages whose inputs are there begin to run.
            graph.revive();
            let run_id = run_of(graph.job_name()).to_owned();
            jobs.push(Job { id, run_id, graph });
        }
        let demands: Vec<_> = jobs.iter().map(|job| demand_of(&job.graph)).collect();
        let mut busy: HashMap<String, u32> = HashMap::new();
        for (executor, slots) in demands.iter().flat_map(|(.., demand)| &demand.running) {
            *busy.entry(executor.clone()).or_default() += slots;
        }
        let offers = self.offers(executors.as_ref(), &busy).await;
        let (runs, mut claims): (Vec<String>, Vec<Claim>) = self
            .by_run(&demands)
            .into_iter()
            .filter(|(_, run)| run.has_job)
            .map(|(run_id, run)| (run_id, run.claim()))
            .unzip();
        turns.keep(&runs, &claims);
        turns.note(&runs, &mut claims);
        Ok(give(&mut jobs, &runs, claims, offers, &mut turns))
    }

    /// A slot is free when no task runs there; nobody needs to give it back.
    async fn unbind_tasks(&self, _: Vec<ExecutorSlot>) -> Result<()> {
        Ok(())
    }

    async fn register_executor(
        &self,
        metadata: ExecutorMetadata,
        spec: ExecutorData,
    ) -> Result<()> {
        if let Some(Leaving::Left { .. }) = self.leaving.get(&metadata.id) {
            let told = format!("executor {} was told to leave", metadata.id);
            return Err(BallistaError::Configuration(told));
        }
        self.executors.register_executor(metadata, spec).await
    }

    async fn save_executor_metadata(&self, metadata: ExecutorMetadata) -> Result<()> {
        self.executors.save_executor_metadata(metadata).await
    }

    async fn get_executor_metadata(&self, executor_id: &str) -> Result<ExecutorMetadata> {
        self.executors.get_executor_metadata(executor_id).await
    }

    async fn registered_executor_metadata(&self) -> Vec<ExecutorMetadata> {
        self.executors.registered_executor_metadata().await
    }

    async fn save_executor_heartbeat(&self, heartbeat: ExecutorHeartbeat) -> Result<()> {
        if let Some(Leaving::Left { .. }) = self.leaving.get(&heartbeat.executor_id) {
            // It was under way when the executor left.
            return Ok(());
        }
        self.executors.save_executor_heartbeat(heartbeat).await
    }

    async fn remove_executor(&self, executor_id: &str) -> Result<()> {
        self.leaving.forget_drain(executor_id);
        self.executors.remove_executor(executor_id).await
    }

    fn executor_heartbeats(&self) -> HashMap<String, ExecutorHeartbeat> {
        self.executors.executor_heartbeats()
    }

    fn get_executor_heartbeat(&self, executor_id: &str) -> Option<ExecutorHeartbeat> {
        self.executors.get_executor_heartbeat(executor_id)
    }

    async fn cluster_state_events(&self) -> Result<ClusterStateEventStream> {
        self.executors.cluster_state_events().await
    }
}

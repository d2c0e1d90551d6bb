//! The list of executors.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use ballista_core::serde::protobuf::ExecutorHeartbeat;
use ballista_core::serde::protobuf::executor_metric::Metric;
use ballista_core::serde::protobuf::executor_status;
use ballista_scheduler::cluster::ClusterState;
use chrono::{DateTime, Utc};
use cinemill_jobs::fleet::{Executor, ExecutorState};

use super::Fleet;
use crate::slots::{Demand, Leaving, demand_of};

impl Fleet {
    /// All executors that are registered, by id.
    pub async fn executors(&self) -> Vec<Executor> {
        let busy = busy_by_executor(&self.demands().await);
        let registered = self.slots.registered_executor_metadata().await;
        let mut executors: Vec<Executor> = registered
            .into_iter()
            .map(|metadata| {
                let heartbeat = self.slots.get_executor_heartbeat(&metadata.id);
                let heartbeat = heartbeat.unwrap_or_default();
                Executor {
                    state: self.state_of(&metadata.id, &heartbeat),
                    slots: metadata.specification.vcores,
                    slots_busy: busy.get(&metadata.id).copied().unwrap_or_default(),
                    memory_bytes: memory(&heartbeat),
                    memory_peak_bytes: Some(heartbeat.peak_proc_physical_memory)
                        .filter(|bytes| *bytes > 0),
                    heartbeat_age_s: age_s(heartbeat.timestamp),
                    id: metadata.id,
                    host: metadata.host,
                    port: metadata.port,
                }
            })
            .collect();
        executors.sort_by(|a, b| a.id.cmp(&b.id));
        executors
    }

    /// What each job that goes on has and waits for: its name, since when it goes on, and that.
    pub(super) async fn demands(&self) -> Vec<(String, DateTime<Utc>, Demand)> {
        let running = self.scheduler.state.task_manager.get_running_job_cache();
        let mut demands = Vec::with_capacity(running.len());
        for info in running.values() {
            demands.push(demand_of(&*info.execution_graph.read().await));
        }
        demands
    }

    fn state_of(&self, executor: &str, heartbeat: &ExecutorHeartbeat) -> ExecutorState {
        if self.slots.leaving.get(executor).is_some_and(is_draining) {
            return ExecutorState::Draining;
        }
        let status = heartbeat
            .status
            .as_ref()
            .and_then(|status| status.status.as_ref());
        match status {
            Some(executor_status::Status::Active(_)) => ExecutorState::Active,
            _ => ExecutorState::Terminating,
        }
    }
}

fn is_draining(leaving: Leaving) -> bool {
    matches!(leaving, Leaving::Draining { .. })
}

fn busy_by_executor(demands: &[(String, DateTime<Utc>, Demand)]) -> HashMap<String, u32> {
    let mut busy: HashMap<String, u32> = HashMap::new();
    for (executor, slots) in demands.iter().flat_map(|(.., demand)| &demand.running) {
        *busy.entry(executor.clone()).or_default() += slots;
    }
    busy
}

/// Resident memory of the process, as of its last heartbeat.
fn memory(heartbeat: &ExecutorHeartbeat) -> Option<u64> {
    heartbeat
        .metrics
        .iter()
        .find_map(|metric| match metric.metric {
            Some(Metric::ProcPhysicalMemory(bytes)) => Some(bytes),
            _ => None,
        })
}

fn age_s(timestamp_s: u64) -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    now.as_secs().saturating_sub(timestamp_s)
}

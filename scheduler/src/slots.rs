//! Gives lost slots back.
//!
//! When a job ends early, Ballista 55 may never count the vcores of its tasks as free again (it
//! ignores the last word of a task whose stage was rolled back), and later jobs would wait for them
//! for ever. While no job goes on all vcores are free; so after an early end the executors are
//! registered anew as soon as nothing else runs.

use std::sync::Arc;

use ballista_core::serde::scheduler::ExecutorData;
use ballista_scheduler::cluster::ClusterState;
use tokio::sync::Mutex;

pub struct SlotKeeper {
    cluster: Arc<dyn ClusterState>,
    jobs: Mutex<Jobs>,
}

#[derive(Default)]
struct Jobs {
    going_on: usize,
    /// A job ended early since all slots were known to be free.
    in_doubt: bool,
}

impl SlotKeeper {
    pub fn new(cluster: Arc<dyn ClusterState>) -> Self {
        Self {
            cluster,
            jobs: Mutex::new(Jobs::default()),
        }
    }

    /// A job is about to begin.
    pub async fn begin(&self) {
        let mut jobs = self.jobs.lock().await;
        if jobs.going_on == 0 && jobs.in_doubt {
            self.free_all().await;
            jobs.in_doubt = false;
        }
        jobs.going_on += 1;
    }

    /// A job has ended.
    pub async fn end(&self, whole: bool) {
        let mut jobs = self.jobs.lock().await;
        jobs.going_on -= 1;
        jobs.in_doubt |= !whole;
    }

    async fn free_all(&self) {
        for metadata in self.cluster.registered_executor_metadata().await {
            let vcores = metadata.specification.vcores;
            let data = ExecutorData {
                executor_id: metadata.id.clone(),
                total_vcores: vcores,
                available_vcores: vcores,
            };
            let id = metadata.id.clone();
            let freed = match self.cluster.remove_executor(&id).await {
                Ok(()) => self.cluster.register_executor(metadata, data).await,
                Err(cause) => Err(cause),
            };
            if let Err(cause) = freed {
                tracing::warn!(executor = id, %cause, "could not free its slots");
            }
        }
    }
}

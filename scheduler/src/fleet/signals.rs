//! What autoscalers and operators want to know, as JSON and as Prometheus metrics.

use chrono::Utc;
use cinemill_engine::error::{Error, Kind, Result};
use cinemill_jobs::api::Run;
use cinemill_jobs::fleet::{ExecutorState, Slots};
use prometheus::{Encoder, GaugeVec, Opts, Registry, TextEncoder};

use super::Fleet;
use crate::slots::RunDemand;

impl Fleet {
    /// Slots and tasks as they are now. `runs` are all that the service knows.
    pub async fn slots(&self, runs: &[Run]) -> Slots {
        let demands = self.demands().await;
        let mut slots = Slots::default();
        for executor in self.executors().await {
            slots.total += u64::from(executor.slots);
            slots.busy += u64::from(executor.slots_busy);
            if executor.state != ExecutorState::Active {
                slots.draining += u64::from(executor.slots);
            }
            let state = executor.state.name().to_owned();
            *slots.executors.entry(state).or_default() += 1;
        }
        for run in runs {
            *slots.runs.entry(run.state_name().to_owned()).or_default() += 1;
        }
        let no_executors = slots.total == slots.draining;
        for mut run in self.slots.by_run(&demands).into_values() {
            if no_executors && !run.has_job {
                wait_for_first_executor(&mut run);
            }
            count(&mut slots, &run);
        }
        slots
    }
}

/// A run that was not planned yet, for want of an executor, wants at least one slot.
fn wait_for_first_executor(run: &mut RunDemand) {
    run.pending = 1;
    run.pending_since = Some(run.place.submitted_at);
}

fn count(slots: &mut Slots, run: &RunDemand) {
    slots.wanted += u64::from(run.wanted());
    slots.tasks_running += u64::from(run.running);
    slots.tasks_pending += u64::from(run.pending);
    if let Some(since) = run.pending_since {
        let age_ms = (Utc::now() - since).num_milliseconds().max(0);
        let age_s = std::time::Duration::from_millis(age_ms.unsigned_abs()).as_secs_f64();
        slots.oldest_pending_age_s = slots.oldest_pending_age_s.max(age_s);
    }
    let queue = slots.queues.entry(run.place.queue.clone()).or_default();
    queue.runs += 1;
    queue.tasks_running += u64::from(run.running);
    queue.tasks_pending += u64::from(run.pending);
}

/// The same in Prometheus' text format.
pub fn metrics(slots: &Slots) -> Result<String> {
    let failed = |cause| Error::new(Kind::Final, "write", "metrics", cause);
    let registry = Registry::new();
    let one = |name, help, value| gauge(&registry, name, help, &[], [(vec![], value)]);
    #[rustfmt::skip]
    let plain = [
        ("cinemill_task_slots", "Task slots of all executors.", slots.total),
        ("cinemill_task_slots_draining", "Task slots of executors that take no more tasks.", slots.draining),
        ("cinemill_task_slots_busy", "Task slots that run a task.", slots.busy),
        ("cinemill_task_slots_wanted", "Task slots that could be busy if there were enough.", slots.wanted),
        ("cinemill_tasks_running", "Tasks that run.", slots.tasks_running),
        ("cinemill_tasks_pending", "Tasks that wait for a slot.", slots.tasks_pending),
    ];
    for (name, help, value) in plain {
        one(name, help, value as f64).map_err(failed)?;
    }
    let age = "cinemill_oldest_pending_task_age_seconds";
    let help = "How long the oldest pending task has been waiting; 0 where none waits.";
    one(age, help, slots.oldest_pending_age_s).map_err(failed)?;
    let states = [
        (
            "cinemill_executors",
            "Executors, by state.",
            &slots.executors,
        ),
        (
            "cinemill_runs",
            "Runs that this scheduler knows, by state.",
            &slots.runs,
        ),
    ];
    for (name, help, by_state) in states {
        let values = by_state
            .iter()
            .map(|(state, n)| (vec![state.as_str()], *n as f64));
        gauge(&registry, name, help, &["state"], values).map_err(failed)?;
    }
    let queues = || slots.queues.iter();
    let running = queues().map(|(name, queue)| (vec![name.as_str()], queue.tasks_running as f64));
    let name = "cinemill_queue_tasks_running";
    gauge(
        &registry,
        name,
        "Tasks that run, by queue.",
        &["queue"],
        running,
    )
    .map_err(failed)?;
    let pending = queues().map(|(name, queue)| (vec![name.as_str()], queue.tasks_pending as f64));
    let name = "cinemill_queue_tasks_pending";
    let help = "Tasks that wait for a slot, by queue.";
    gauge(&registry, name, help, &["queue"], pending).map_err(failed)?;

    let mut text = Vec::new();
    TextEncoder::new()
        .encode(&registry.gather(), &mut text)
        .map_err(failed)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn gauge<'a>(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
    values: impl IntoIterator<Item = (Vec<&'a str>, f64)>,
) -> prometheus::Result<()> {
    let gauge = GaugeVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(gauge.clone()))?;
    for (labels, value) in values {
        gauge.get_metric_with_label_values(&labels)?.set(value);
    }
    Ok(())
}

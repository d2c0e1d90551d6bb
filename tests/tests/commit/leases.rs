//! Who may drive a run.

use cinemill_engine::sink::table::{CommitStep, LeaseOutcome, RunState};

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::world::World;

pub async fn granted_busy_done(world: &World) {
    let place = world.place("t");
    let mut driver = place.prepared("r1").await;
    assert_eq!(driver.lease.attempt(), 1);
    assert!(matches!(place.lease("r1").await, LeaseOutcome::Busy(_)));
    driver.lease.renew().await.unwrap();
    assert!(!place.table.is_dead("r1").await.unwrap());
    // Committed, but its driver is still at it.
    for step in CommitStep::ALL {
        driver.commit.step(step).await.unwrap();
        let asked = place.lease("r1").await;
        assert!(matches!(asked, LeaseOutcome::Busy(_)), "{step:?}");
    }
    let figures = serde_json::json!({ "rows": 6 });
    let end = driver.lease.finish(RunState::Succeeded, None, figures);
    end.await.unwrap();
    let LeaseOutcome::Done(record) = place.lease("r1").await else {
        panic!("not done");
    };
    assert_eq!((record.attempt, &record.summary["rows"]), (1, &6.into()));
    world.assert_settled(&place, "r1").await;
}

pub async fn taken_over_after_death(world: &World) {
    let place = world.place("t");
    let first = place.prepared("r1").await;
    let reports = place.tasks(&first).await;
    if world.is_local() {
        place.crash(first).await;
        let second = place.prepared("r1").await;
        assert_eq!(second.lease.attempt(), 2);
        let renamed = place.task("r1", 2, 0, None).await;
        assert_ne!(renamed.parts[0].path, reports[0].parts[0].path);
        second.complete().await;
    } else {
        // It only seemed dead, and is told so when it wakes up.
        place.expire("r1").await;
        let mut second = place.prepared("r1").await;
        assert_eq!(second.lease.attempt(), 2);
        let mut first = first;
        assert!(first.lease.renew().await.is_err());
        second.lease.renew().await.unwrap();
        second.complete().await;
        assert!(first.commit.run().await.is_err());
    }
    world.assert_settled(&place, "r1").await;
    let manifest = place.table.current().await.unwrap().unwrap().manifest;
    assert!(manifest.files[0].path.contains("-r1-2-c000"));
}

pub async fn committed_without_a_record(world: &World) {
    let place = world.place("t");
    let mut driver = place.prepared("r1").await;
    driver.steps(CommitStep::Manifest).await;
    place.crash(driver).await;
    assert_eq!(place.state("r1").await, Some(RunState::Running));
    let LeaseOutcome::Done(record) = place.lease("r1").await else {
        panic!("not done");
    };
    assert_eq!(record.state, RunState::Succeeded);
    world.assert_settled(&place, "r1").await;
    // Nor does it begin anew when another run has replaced it and the record is lost.
    place.publish("r2").await;
    let path = place.path("_runs/r1.json");
    place.store().delete(vec![path]).await.unwrap();
    assert!(matches!(place.lease("r1").await, LeaseOutcome::Done(_)));
    world.assert_settled(&place, "r2").await;
}

pub async fn many_ask_at_once(world: &World) {
    let place = world.place("t");
    for round in 0..5 {
        let run = format!("r{round}");
        let asked: Vec<_> = (0..8)
            .map(|_| {
                let (table, run) = (place.table.clone(), run.clone());
                tokio::spawn(async move { table.lease(&run, "job").await.unwrap() })
            })
            .collect();
        let mut granted = Vec::new();
        for asked in asked {
            // Kept until all have asked.
            if let LeaseOutcome::Granted(lease) = asked.await.unwrap() {
                granted.push(lease);
            }
        }
        assert_eq!(granted.len(), 1);
        for lease in granted {
            let end = lease.finish(RunState::Failed, None, serde_json::Value::Null);
            end.await.unwrap();
        }
    }
    let all = place.all().await;
    assert!(all.iter().all(|file| file.starts_with("_runs/")), "{all:?}");
}

/// The lock files come and go, and still no two ever hold the lease.
pub async fn never_two_at_once(world: &World) {
    let place = world.place("t");
    let (holders, times) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let drivers: Vec<_> = (0..4)
        .map(|_| {
            let (table, holders, times) = (place.table.clone(), holders.clone(), times.clone());
            tokio::spawn(async move {
                while times.load(Ordering::SeqCst) < 60 {
                    if let LeaseOutcome::Granted(lease) = table.lease("r", "job").await.unwrap() {
                        assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0);
                        times.fetch_add(1, Ordering::SeqCst);
                        tokio::task::yield_now().await;
                        holders.fetch_sub(1, Ordering::SeqCst);
                        let end = lease.finish(RunState::Failed, None, serde_json::Value::Null);
                        end.await.unwrap();
                    }
                    table.roll_back("r").await.unwrap();
                }
            })
        })
        .collect();
    for driver in drivers {
        driver.await.unwrap();
    }
    let record = place.table.run_record("r").await.unwrap().unwrap();
    assert_eq!(record.attempt, times.load(Ordering::SeqCst));
}

//! Several processes at one table. Locks and conditional writes do not know of processes, so tasks
//! of one process do as well.

use cinemill_engine::sink::table::{CommitStep, LeaseOutcome, RunState};

use cinemill_engine::sink::table::Commit;
use cinemill_engine::store::Store;
use object_store::path::Path as ObjectPath;

use crate::world::{Driver, Place, World, publication, visible};

async fn compete(driver: Driver) -> Result<String, String> {
    let Driver { run, lease, commit } = driver;
    let result = commit.run().await;
    let state = match result {
        Ok(_) => RunState::Succeeded,
        Err(_) => RunState::Failed,
    };
    lease
        .finish(state, None, serde_json::Value::Null)
        .await
        .unwrap();
    result.map(|_| run).map_err(|error| error.to_string())
}

pub async fn one_of_two_wins(world: &World) {
    for round in 0..6 {
        let place = world.place(&format!("t{round}"));
        // Both from nothing, and both from the same snapshot.
        if round % 2 == 1 {
            place.publish("r0").await;
        }
        let (one, two) = (place.prepared("r1").await, place.prepared("r2").await);
        let (one, two) = tokio::join!(tokio::spawn(compete(one)), tokio::spawn(compete(two)));
        let (winner, loser) = match (one.unwrap(), two.unwrap()) {
            (Ok(winner), Err(loser)) | (Err(loser), Ok(winner)) => (winner, loser),
            other => panic!("{other:?}"),
        };
        let words = format!("run {winner} published to");
        assert!(loser.contains(&words), "{loser}");
        world.assert_settled(&place, &winner).await;
        let lost = if winner == "r1" { "r2" } else { "r1" };
        assert_eq!(place.state(lost).await, Some(RunState::Failed));
    }
}

pub async fn a_slow_driver_cannot_publish(world: &World) {
    for step in [None, Some(CommitStep::Intent), Some(CommitStep::Publish)] {
        let place = world.place(&format!("t{step:?}"));
        place.publish("r0").await;
        let mut slow = place.prepared("slow").await;
        if let Some(step) = step {
            slow.steps(step).await;
        }
        place.publish("fast").await;
        let error = slow.commit.run().await.unwrap_err();
        assert!(error.to_string().contains("run fast published"), "{error}");
        let failed = slow
            .lease
            .finish(RunState::Failed, Some(error), serde_json::Value::Null);
        failed.await.unwrap();
        world.assert_settled(&place, "fast").await;
    }
}

pub async fn two_sweepers(world: &World) {
    let place = world.place("t");
    place.publish("r0").await;
    let mut dead = place.prepared("dead").await;
    dead.steps(CommitStep::Publish).await;
    place.crash(dead).await;
    let sweep = || {
        let table = place.table.clone();
        tokio::spawn(async move { table.roll_back("dead").await })
    };
    let (one, two, three) = tokio::join!(sweep(), sweep(), sweep());
    for outcome in [one, two, three] {
        outcome.unwrap().unwrap();
    }
    place.publish("r1").await;
    world.assert_settled(&place, "r1").await;
    assert_eq!(place.state("dead").await, Some(RunState::Failed));
}

/// Another run begins and commits meanwhile, and finds a lock or a fresh lease.
pub async fn a_living_run_is_not_swept(world: &World) {
    let place = world.place("t");
    let living = place.prepared("living").await;
    let before = place.all().await;
    place.publish("r1").await;
    let after = place.all().await;
    let staged = |all: &[String]| -> Vec<String> {
        let all = all.iter().filter(|f| f.starts_with("_staging/living"));
        all.cloned().collect()
    };
    assert_eq!(staged(&before), staged(&after));
    if world.is_local() {
        place.table.roll_back("living").await.unwrap();
        assert_eq!(staged(&before), staged(&place.all().await));
    }
    assert!(matches!(place.lease("living").await, LeaseOutcome::Busy(_)));
    assert_eq!(visible(&after).len(), 2);
    assert!(compete(living).await.is_err());
    world.assert_settled(&place, "r1").await;
}

/// Sweepers are at a dead run just as a new driver takes it up.
pub async fn sweepers_meet_a_new_attempt(world: &World) {
    for round in 0..6 {
        let place = world.place(&format!("t{round}"));
        place.publish("r0").await;
        let mut dead = place.prepared("r1").await;
        dead.steps(CommitStep::Publish).await;
        place.crash(dead).await;
        let sweep = || {
            let table = place.table.clone();
            tokio::spawn(async move {
                for _ in 0..5 {
                    // As a run that begins does it.
                    if table.is_dead("r1").await.unwrap() {
                        table.roll_back("r1").await.unwrap();
                    }
                }
            })
        };
        let (one, two, driven) = tokio::join!(sweep(), sweep(), async {
            loop {
                if let LeaseOutcome::Granted(lease) = place.lease("r1").await {
                    break lease;
                }
            }
        });
        let attempt = driven.attempt();
        assert_eq!(attempt, 2);
        let mut commit = Commit::begin(place.table.clone(), "r1").await.unwrap();
        let reports = vec![place.task("r1", attempt, 0, None).await];
        commit.prepare(publication(reports, 1, false)).unwrap();
        one.unwrap();
        two.unwrap();
        let (run, lease) = ("r1".to_owned(), driven);
        compete(Driver { run, lease, commit }).await.unwrap();
        world.assert_settled(&place, "r1").await;
    }
}

/// Tasks of a dead run still write while it is swept, into folders that come and go. That is
/// nobody's failure, and nothing stays once they have stopped.
pub async fn late_tasks_meet_a_sweep(world: &World) {
    let place = world.place("t");
    place.publish("r0").await;
    for round in 0..10 {
        let run = format!("dead-{round}");
        let dead = place.prepared(&run).await;
        place.crash(dead).await;
        let late = tokio::spawn(late_files(place.store().clone(), folder_of(&place, &run)));
        while !late.is_finished() {
            place.table.roll_back(&run).await.unwrap();
        }
        late.await.unwrap();
        place.table.roll_back(&run).await.unwrap();
    }
    place.publish("r1").await;
    world.assert_settled(&place, "r1").await;
}

fn folder_of(place: &Place, run: &str) -> ObjectPath {
    place.path(&format!("_staging/{run}/1"))
}

/// As tasks make files: the folder may be gone by then, or half gone.
async fn late_files(store: Store, folder: ObjectPath) {
    let Some(local) = store.file_path(&folder) else {
        for file in 0..3 {
            let path = folder.clone().join(format!("{file}.parquet"));
            store.write(&path, "late".into()).await.unwrap();
        }
        return;
    };
    for file in 0..300 {
        let _ = std::fs::create_dir_all(&local);
        let _ = std::fs::write(local.join(format!("{file}.parquet")), "late");
        tokio::task::yield_now().await;
    }
}

//! A driver dies, and others come.

use cinemill_engine::sink::table::{CommitStep, LeaseOutcome, RunState};

use crate::world::{Place, World, publication, visible};

fn is_committed(step: CommitStep) -> bool {
    !matches!(step, CommitStep::Intent | CommitStep::Publish)
}

/// `r1` dies after the step, while it replaces `r0`.
async fn crashed(world: &World, name: &str, step: CommitStep) -> Place {
    let place = world.place(&format!("{name}-{step:?}"));
    place.publish("r0").await;
    let mut driver = place.prepared("r1").await;
    driver.steps(step).await;
    place.crash(driver).await;
    let seen = place.assert_whole().await.unwrap();
    let expected = if is_committed(step) { "r1" } else { "r0" };
    assert_eq!(seen.run_id, expected, "after {step:?}");
    place
}

pub async fn crash_then_another_run(world: &World) {
    for step in CommitStep::ALL {
        let place = crashed(world, "other", step).await;
        place.publish("r2").await;
        world.assert_settled(&place, "r2").await;
        let expected = match is_committed(step) {
            true => RunState::Succeeded,
            false => RunState::Failed,
        };
        assert_eq!(place.state("r1").await, Some(expected), "after {step:?}");
    }
}

pub async fn crash_then_the_same_run(world: &World) {
    for step in CommitStep::ALL {
        let place = crashed(world, "same", step).await;
        if is_committed(step) {
            let again = place.lease("r1").await;
            assert!(matches!(again, LeaseOutcome::Done(_)), "{again:?}");
        } else {
            let driver = place.prepared("r1").await;
            assert_eq!(driver.lease.attempt(), 2);
            driver.complete().await;
        }
        world.assert_settled(&place, "r1").await;
    }
}

/// Both attempts made files visible; a third run sees to all of them.
pub async fn crash_of_two_attempts(world: &World) {
    let place = world.place("t");
    for _ in 0..2 {
        let mut driver = place.prepared("r1").await;
        driver.steps(CommitStep::Publish).await;
        place.crash(driver).await;
        assert!(place.assert_whole().await.is_none());
    }
    place.publish("r2").await;
    world.assert_settled(&place, "r2").await;
    assert_eq!(place.state("r1").await, Some(RunState::Failed));
}

pub async fn crash_while_tasks_write(world: &World) {
    let place = world.place("t");
    place.publish("r0").await;
    let driver = place.driver("r1").await;
    place.tasks(&driver).await;
    place.crash(driver).await;
    assert_eq!(place.assert_whole().await.unwrap().run_id, "r0");
    assert_eq!(visible(&place.all().await).len(), 2);
    // Nothing but a sweep, by a run that comes to nothing itself.
    let other = place.driver("r2").await;
    assert_eq!(place.state("r1").await, Some(RunState::Failed));
    other.commit.abort().await;
    let end = other
        .lease
        .finish(RunState::Cancelled, None, serde_json::Value::Null);
    end.await.unwrap();
    world.assert_settled(&place, "r0").await;
    let again = place.prepared("r1").await;
    again.complete().await;
    world.assert_settled(&place, "r1").await;
}

pub async fn a_failed_run_leaves_nothing(world: &World) {
    let place = world.place("t");
    place.publish("r0").await;
    let mut driver = place.driver("r1").await;
    let reports = vec![place.task("r1", 1, 0, Some(&["x", "y"])).await];
    driver
        .commit
        .prepare(publication(reports, 1, true))
        .unwrap();
    driver.steps(CommitStep::Publish).await;
    assert_eq!(visible(&place.all().await).len(), 4);
    driver.commit.abort().await;
    let failed = driver
        .lease
        .finish(RunState::Failed, None, serde_json::Value::Null);
    failed.await.unwrap();
    world.assert_settled(&place, "r0").await;
}

/// The run counts as succeeded although the old files are still there.
pub async fn deletions_that_failed_are_made_up_for(world: &World) {
    let place = world.place("t");
    place.publish("r0").await;
    let mut driver = place.prepared("r1").await;
    driver.steps(CommitStep::Manifest).await;
    let end = driver
        .lease
        .finish(RunState::Succeeded, None, serde_json::Value::Null);
    end.await.unwrap();
    assert_eq!(visible(&place.all().await).len(), 4);
    place.publish("r2").await;
    world.assert_settled(&place, "r2").await;
}

const KILLED: &str = "CINEMILL_TEST_KILLED";

/// The part of [`a_killed_process`] that is killed.
pub async fn killed(url: &str) {
    let place = Place::at(url);
    let mut driver = place.prepared("r1").await;
    driver.steps(CommitStep::Publish).await;
    let ready = place.path("_runs/ready");
    place
        .store()
        .write(&ready, b"".to_vec().into())
        .await
        .unwrap();
    std::future::pending::<()>().await;
}

/// Locks of a real process, which the kernel frees.
pub async fn a_killed_process(world: &World) {
    if !world.is_local() {
        return;
    }
    if let Ok(url) = std::env::var(KILLED) {
        return killed(&url).await;
    }
    let place = world.place("t");
    place.publish("r0").await;
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["local::a_killed_process", "--exact"])
        .env(KILLED, &place.url)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while !place.all().await.contains(&"_runs/ready".to_owned()) {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(matches!(place.lease("r1").await, LeaseOutcome::Busy(_)));
    place.table.roll_back("r1").await.unwrap();
    place.publish("r2").await;
    assert_eq!(
        visible(&place.all().await).len(),
        4,
        "the living one's stay"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    place.publish("r3").await;
    world.assert_settled(&place, "r3").await;
    assert_eq!(place.state("r1").await, Some(RunState::Failed));
}

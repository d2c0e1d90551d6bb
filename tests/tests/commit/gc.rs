//! Clearing away what crashes left, without a run that does it on the way.

use std::time::Duration;

use cinemill_engine::sink::table::{CommitStep, GarbageKind, GcOptions, GcReport, RunState};

use crate::world::{Place, World, visible};

async fn gc(place: &Place, older_than_s: u64) -> GcReport {
    let options = GcOptions {
        older_than: Duration::from_secs(older_than_s),
        dry_run: false,
    };
    place.table.gc(options).await.unwrap()
}

pub async fn what_a_crash_left_goes(world: &World) {
    for step in CommitStep::ALL {
        let place = world.place(&format!("t{step:?}"));
        place.publish("r0").await;
        let mut driver = place.prepared("r1").await;
        driver.steps(step).await;
        place.crash(driver).await;
        world.age(&place);
        gc(&place, 3600).await;
        let is_committed = !matches!(step, CommitStep::Intent | CommitStep::Publish);
        let (winner, state) = match is_committed {
            true => ("r1", RunState::Succeeded),
            false => ("r0", RunState::Failed),
        };
        world.assert_settled(&place, winner).await;
        assert_eq!(place.state("r1").await, Some(state), "after {step:?}");
        assert_eq!(gc(&place, 0).await.garbage, []);
        // The run id can be taken up again.
        if !is_committed {
            place.publish("r1").await;
            world.assert_settled(&place, "r1").await;
        }
    }
}

pub async fn a_living_run_is_left_alone(world: &World) {
    let place = world.place("t");
    place.publish("r0").await;
    for step in [CommitStep::Intent, CommitStep::Publish] {
        let run = format!("living-{step:?}");
        let mut driver = place.prepared(&run).await;
        driver.steps(step).await;
        world.age(&place);
        let before = (place.all().await, world.open_uploads());
        let report = gc(&place, 0).await;
        assert_eq!(report.garbage, []);
        assert!(report.living_runs.contains(&run));
        assert_eq!((place.all().await, world.open_uploads()), before);
        driver.complete().await;
        world.assert_settled(&place, &run).await;
    }
}

pub async fn two_at_once_and_twice(world: &World) {
    let place = world.place("t");
    place.publish("r0").await;
    for run in ["d1", "d2"] {
        let mut dead = place.prepared(run).await;
        dead.steps(CommitStep::Publish).await;
        place.crash(dead).await;
    }
    world.age(&place);
    let (one, two, three) = tokio::join!(gc(&place, 0), gc(&place, 0), gc(&place, 0));
    assert!(one.files + two.files + three.files >= 4);
    gc(&place, 0).await;
    world.assert_settled(&place, "r0").await;
    // And while a run begins and commits.
    let dead = place.prepared("d3").await;
    place.crash(dead).await;
    let (_, _) = tokio::join!(gc(&place, 0), place.publish("r1"));
    gc(&place, 0).await;
    world.assert_settled(&place, "r1").await;
}

pub async fn a_dry_run_touches_nothing(world: &World) {
    let place = world.place("t");
    place.publish("r0").await;
    let mut dead = place.prepared("dead").await;
    dead.steps(CommitStep::Publish).await;
    place.crash(dead).await;
    world.age(&place);
    let before = place.all().await;
    let options = GcOptions {
        older_than: Duration::ZERO,
        dry_run: true,
    };
    let dry = place.table.gc(options).await.unwrap();
    assert_eq!(place.all().await, before);
    let parts = dry.garbage.iter();
    let parts = parts.filter(|found| found.kind == GarbageKind::UnlistedPart);
    assert_eq!(parts.count(), 2);
    assert_eq!(gc(&place, 0).await.garbage, dry.garbage);
    world.assert_settled(&place, "r0").await;
}

/// It stood still for so long that its files went; its last request would publish their names.
pub async fn a_driver_that_was_given_up_cannot_commit(world: &World) {
    let place = world.place("t");
    place.publish("r0").await;
    let mut hung = place.prepared("r1").await;
    hung.steps(CommitStep::Publish).await;
    place.expire("r1").await;
    // Silent for longer than a lease lasts, but not for long enough.
    gc(&place, 3600).await;
    assert_eq!(visible(&place.all().await).len(), 4);
    world.age(&place);
    place.expire("r1").await;
    gc(&place, 3600).await;
    assert_eq!(visible(&place.all().await).len(), 2);
    // Also where the same run goes on elsewhere.
    let second = place.prepared("r1").await;
    let error = hung.commit.step(CommitStep::Manifest).await.unwrap_err();
    assert!(error.to_string().contains("no sign of life"), "{error}");
    second.complete().await;
    world.assert_settled(&place, "r1").await;
}

/// More uploads than the store lists at once.
pub async fn uploads_come_in_pages(world: &World) {
    let place = world.place("t");
    place.publish("r0").await;
    let server = world.server.as_ref().unwrap();
    server.faults().list_uploads_by(3);
    let uploads = place.store().uploads().unwrap();
    for number in 0..10 {
        // Several for one object, too.
        let path = place.path(&format!("part-0000{}-lost-c000.parquet", number / 2));
        uploads.create_multipart(&path).await.unwrap();
    }
    assert_eq!(gc(&place, 3600).await.uploads, 0);
    assert_eq!(gc(&place, 0).await.uploads, 10);
    world.assert_settled(&place, "r0").await;
}

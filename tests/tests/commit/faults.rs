//! What a bucket can do to a commit.

use cinemill_engine::error::Kind;
use cinemill_engine::sink::table::{Commit, CommitStep, LeaseOutcome, RunState};
use cinemill_tests::s3::{Faults, Hold, Moment, Trouble};

use crate::world::{Driver, World, visible};

/// More than a client tries.
const FOR_GOOD: u32 = 1000;

fn faults(world: &World) -> &Faults {
    world.server.as_ref().unwrap().faults()
}

pub async fn conditions_that_are_ignored(world: &World) {
    let place = world.place("t");
    faults(world).ignore_conditions(true);
    let error = Commit::begin(place.table.clone(), "r1").await.unwrap_err();
    assert!(error.to_string().contains("conditional writes"), "{error}");
    assert_eq!(place.all().await, Vec::<String>::new());
}

/// Each request has its effect, and the client repeats it without knowing.
pub async fn lost_answers(world: &World) {
    let place = world.place("t");
    place.publish("r0").await;
    let cases = [
        ("POST", "uploadId="),
        ("PUT", "partNumber="),
        ("PUT", "/_manifest.json"),
        ("PUT", "/_runs/"),
        ("PUT", "/intent-"),
        ("PUT", "/probe-"),
        ("PUT", "/_SUCCESS"),
        ("DELETE", "part-"),
        ("GET", "/_manifest.json"),
        // An upload whose id was lost with the answer is aborted by nobody; so it comes last.
        ("POST", "?uploads"),
    ];
    for (number, (method, target)) in cases.into_iter().enumerate() {
        for moment in [Moment::After, Moment::Before] {
            let run = format!("r-{number}-{moment:?}");
            faults(world).fail_next_to(1, Some(method), target, moment);
            place.publish(&run).await;
            if target != "?uploads" {
                world.assert_settled(&place, &run).await;
            }
            assert_eq!(place.assert_whole().await.unwrap().run_id, run);
        }
    }
}

pub async fn manifest_written_but_never_answered(world: &World) {
    let place = world.place("t");
    place.publish("r0").await;
    let driver = place.prepared("r1").await;
    faults(world).fail_next_to(FOR_GOOD, Some("PUT"), "/_manifest.json", Moment::After);
    let committed = driver.commit.run().await.unwrap();
    faults(world).fail_next(0, None, Moment::Before);
    assert_eq!(committed.run_id, "r1");
    let end = driver
        .lease
        .finish(RunState::Succeeded, None, serde_json::Value::Null);
    end.await.unwrap();
    world.assert_settled(&place, "r1").await;
}

/// The request may arrive yet, so its files stay until that has become impossible.
pub async fn manifest_never_written(world: &World) {
    let place = world.place("t");
    place.publish("r0").await;
    let driver = place.prepared("r1").await;
    faults(world).fail_next_to(FOR_GOOD, Some("PUT"), "/_manifest.json", Moment::Before);
    let error = driver.commit.run().await.unwrap_err();
    faults(world).fail_next(0, None, Moment::Before);
    let hint = error.hint.clone().unwrap_or_default();
    assert!(hint.contains("did not say whether"), "{error:?}");
    let end = driver
        .lease
        .finish(RunState::Failed, Some(error), serde_json::Value::Null);
    end.await.unwrap();
    assert_eq!(place.assert_whole().await.unwrap().run_id, "r0");
    assert_eq!(visible(&place.all().await).len(), 4);
    place.prepared("r1").await.complete().await;
    world.assert_settled(&place, "r1").await;
}

pub async fn manifest_refused(world: &World) {
    let place = world.place("t");
    place.publish("r0").await;
    let mut driver = place.prepared("r1").await;
    driver.steps(CommitStep::Publish).await;
    faults(world).deny_prefix(Some("t/_manifest.json"));
    // Neither written nor read: nothing is known, and nothing is deleted.
    assert!(driver.commit.run().await.is_err());
    faults(world).deny_prefix(None);
    place.expire("r1").await;
    place.publish("r2").await;
    world.assert_settled(&place, "r2").await;
}

/// Taken for dead between its publishing and its manifest, while another attempt works.
pub async fn a_hung_driver_wakes_up(world: &World) {
    let place = world.place("t");
    place.publish("r0").await;
    let mut hung = place.prepared("r1").await;
    hung.steps(CommitStep::Publish).await;
    place.expire("r1").await;
    // The second attempt, and a sweep by another run, must leave the visible files alone.
    let second = place.prepared("r1").await;
    place.expire("r1").await;
    let other = place.prepared("r2").await;
    hung.commit.step(CommitStep::Manifest).await.unwrap();
    assert_eq!(place.assert_whole().await.unwrap().run_id, "r1");
    assert!(second.commit.run().await.is_err());
    assert!(other.commit.run().await.is_err());
    assert_eq!(place.assert_whole().await.unwrap().run_id, "r1");
    let failed = other
        .lease
        .finish(RunState::Failed, None, serde_json::Value::Null);
    failed.await.unwrap();
    let again = place.lease("r1").await;
    assert!(matches!(again, LeaseOutcome::Done(_)), "{again:?}");
    world.assert_settled(&place, "r1").await;
}

/// One of the uploads is gone, as after a sweep by a run that took this one for dead.
pub async fn parts_that_cannot_be_published(world: &World) {
    let place = world.place("t");
    place.publish("r0").await;
    let driver = place.prepared("r1").await;
    place.expire("r1").await;
    place.table.roll_back("r1").await.unwrap();
    let error = driver.commit.run().await.unwrap_err();
    assert!(error.to_string().contains("publish"), "{error}");
    world.assert_settled(&place, "r0").await;
    assert_eq!(place.state("r1").await, Some(RunState::Failed));
}

/// As [`lost_answers`], with connections that break, and stores that fall silent.
pub async fn answers_that_break_off(world: &World) {
    let place = world.place("t");
    place.publish("r0").await;
    let cases = [
        ("PUT", "partNumber="),
        ("PUT", "/_manifest.json"),
        ("PUT", "/_runs/"),
        ("GET", "/_manifest.json"),
        ("GET", "list-type="),
        ("POST", "?delete"),
        ("POST", "uploadId="),
    ];
    let troubles = [
        (Trouble::Reset, Moment::Before),
        (Trouble::Reset, Moment::After),
        (Trouble::TruncatedBody, Moment::After),
        (Trouble::StallInBody, Moment::After),
        (Trouble::Stall, Moment::Before),
    ];
    for (number, (method, target)) in cases.into_iter().enumerate() {
        for (trouble, moment) in troubles {
            let run = format!("r-{number}-{trouble:?}-{moment:?}");
            let faults = faults(world);
            faults.trouble_next_to(1, trouble, Some(method), target, moment);
            place.publish(&run).await;
            assert_eq!(
                faults.failures_left(),
                0,
                "{method} {target} was never asked"
            );
            world.assert_settled(&place, &run).await;
        }
    }
}

/// The lease was renewed, but its driver does not know: it is still its own.
pub async fn a_renewal_that_was_never_answered(world: &World) {
    let place = world.place("t");
    let mut driver = place.prepared("r1").await;
    faults(world).fail_next_to(FOR_GOOD, Some("PUT"), "/_runs/", Moment::After);
    let lost = driver.lease.renew().await;
    faults(world).fail_next(0, None, Moment::Before);
    // Recognised by its content at once, or else by the next renewal.
    assert!(lost.is_ok() || lost.is_err_and(|error| error.kind == Kind::Retryable));
    driver.lease.renew().await.unwrap();
    driver.complete().await;
    world.assert_settled(&place, "r1").await;
}

/// The manifest was written, its answers were lost, and the next run has replaced it by the time
/// the driver asks what became of it.
pub async fn replaced_before_the_answer_came(world: &World) {
    let place = world.place("t");
    place.publish("r0").await;
    let Driver { lease, commit, .. } = place.prepared("r1").await;
    let target = "/_manifest.json";
    faults(world).fail_next_to(1, Some("PUT"), target, Moment::After);
    let hold = faults(world).hold(Some("PUT"), target, Moment::After);
    let slow = tokio::spawn(commit.run());
    waiting(&hold, 1).await;
    let next = place.prepared("r2").await;
    let next = tokio::spawn(next.complete());
    waiting(&hold, 2).await;
    hold.release();
    assert_eq!(slow.await.unwrap().unwrap().run_id, "r1");
    let end = lease.finish(RunState::Succeeded, None, serde_json::Value::Null);
    end.await.unwrap();
    assert_eq!(next.await.unwrap().run_id, "r2");
    world.assert_settled(&place, "r2").await;
}

async fn waiting(hold: &Hold, count: usize) {
    while hold.waiting() < count {
        tokio::task::yield_now().await;
    }
}

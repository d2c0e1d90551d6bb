//! Runs without a crash.

use cinemill_engine::error::Kind;
use cinemill_engine::sink::table::{CommitStep, Publication, RunState};

use crate::world::{World, publication};

pub async fn first_publish(world: &World) {
    let place = world.place("t");
    let driver = place.prepared("r1").await;
    // Written, but nobody sees it.
    assert_eq!(
        crate::world::visible(&place.all().await),
        Vec::<String>::new()
    );
    let manifest = driver.complete().await;
    assert_eq!((manifest.rows, manifest.files.len()), (6, 2));
    assert_eq!(manifest.files[1].path, "part-00001-r1-c000.snappy.parquet");
    world.assert_settled(&place, "r1").await;
}

pub async fn replace(world: &World) {
    let place = world.place("t");
    for run in ["r1", "r2", "r3"] {
        place.publish(run).await;
        world.assert_settled(&place, run).await;
    }
    let manifest = place.table.current().await.unwrap().unwrap().manifest;
    assert_eq!(manifest.earlier_runs, ["r2", "r1"]);
    let (bytes, _) = place
        .store()
        .read(&place.path("_manifest.json"))
        .await
        .unwrap()
        .unwrap();
    let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let entry = &json["entries"][0];
    assert_eq!(
        entry["url"],
        place.table.location().join(&manifest.files[0].path).url()
    );
    assert_eq!(entry["meta"]["content_length"], manifest.files[0].bytes);
}

pub async fn partitioned(world: &World) {
    let place = world.place("t");
    for (run, first, second) in [
        ("r1", ["1", "2"], ["3", "4"]),
        ("r2", ["2", "5"], ["6", ""]),
    ] {
        let mut driver = place.driver(run).await;
        let reports = vec![
            place.task(run, 1, 0, Some(&first)).await,
            place.task(run, 1, 1, Some(&second)).await,
        ];
        driver
            .commit
            .prepare(publication(reports, 2, true))
            .unwrap();
        driver.complete().await;
        world.assert_settled(&place, run).await;
    }
    let all = place.all().await;
    let null = "k=__HIVE_DEFAULT_PARTITION__/part-00001-r2-c001.snappy.parquet";
    assert!(all.contains(&null.to_owned()), "{all:?}");
}

pub async fn empty_table(world: &World) {
    let place = world.place("t");
    let mut driver = place.driver("r1").await;
    let spec = place.spec("r1", 1, false);
    let schema = crate::world::schema();
    let mut writer = cinemill_engine::sink::writer::PartitionWriter::new(spec, &schema, 0).unwrap();
    writer.write_empty().await.unwrap();
    let reports = vec![writer.finish().await.unwrap()];
    driver
        .commit
        .prepare(publication(reports, 1, false))
        .unwrap();
    let manifest = driver.complete().await;
    assert_eq!((manifest.rows, manifest.files.len()), (0, 1));
    world.assert_settled(&place, "r1").await;
}

pub async fn each_step_twice(world: &World) {
    let place = world.place("t");
    place.publish("r0").await;
    let mut driver = place.prepared("r1").await;
    for step in CommitStep::ALL {
        driver.commit.step(step).await.unwrap();
        let again = driver.commit.step(step).await;
        assert!(again.is_ok(), "{step:?} again: {again:?}");
    }
    let Ok(_) = driver
        .lease
        .finish(RunState::Succeeded, None, serde_json::Value::Null)
        .await
    else {
        panic!("the record was not written");
    };
    world.assert_settled(&place, "r1").await;
}

pub async fn wrong_reports_are_refused(world: &World) {
    let place = world.place("t");
    place.publish("r0").await;
    let mut driver = place.driver("r1").await;
    let reports = place.tasks(&driver).await;
    let (one, two) = (reports[0].clone(), reports[1].clone());
    let mut copied = two.clone();
    copied.parts = one.parts.clone();
    for wrong in [
        vec![],
        vec![one.clone()],
        vec![one.clone(), one.clone()],
        vec![one.clone(), two.clone(), two.clone()],
        vec![one.clone(), copied],
    ] {
        let refused = driver
            .commit
            .prepare(publication(wrong, 2, false))
            .unwrap_err();
        assert_eq!(refused.kind, Kind::Retryable, "{refused}");
    }
    let extra = driver.commit.prepare(publication(vec![one, two], 1, false));
    assert!(extra.is_err());
    assert!(driver.commit.step(CommitStep::Intent).await.is_err());
    driver.commit.abort().await;
    let failed = driver
        .lease
        .finish(RunState::Failed, None, serde_json::Value::Null);
    failed.await.unwrap();
    world.assert_settled(&place, "r0").await;
    assert_eq!(place.state("r1").await, Some(RunState::Failed));
}

/// The first one wrote all and died before its report arrived.
pub async fn a_task_that_ran_twice(world: &World) {
    let place = world.place("t");
    let mut driver = place.driver("r1").await;
    place.task("r1", 1, 0, None).await;
    let reports = place.tasks(&driver).await;
    driver
        .commit
        .prepare(publication(reports, 2, false))
        .unwrap();
    driver.complete().await;
    world.assert_settled(&place, "r1").await;
}

pub async fn rejects_outlive_a_crash(world: &World) {
    let place = world.place("t");
    let mut driver = place.driver("r1").await;
    let reports = place.tasks(&driver).await;
    let staged = "_staging/r1/audit-1/a.parquet";
    let bytes = b"rejects".to_vec();
    place
        .store()
        .write(&place.path(staged), bytes.into())
        .await
        .unwrap();
    let rejects = vec![(staged.to_owned(), "a.parquet".to_owned())];
    driver
        .commit
        .prepare(Publication {
            rejects,
            ..publication(reports, 2, false)
        })
        .unwrap();
    driver.steps(CommitStep::Manifest).await;
    place.crash(driver).await;
    place.publish("r2").await;
    world.assert_settled(&place, "r2").await;
    let kept = "_rejects/r1/a.parquet".to_owned();
    assert!(place.all().await.contains(&kept));
    assert_eq!(place.state("r1").await, Some(RunState::Succeeded));
}

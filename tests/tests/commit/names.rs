//! Names and places that are not plain.

use cinemill_engine::error::Kind;
use cinemill_engine::sink::table::Commit;

use crate::world::{World, publication};

pub async fn odd_names(world: &World) {
    let keys = ["", " ", "a b", "a%2Fb", "a/b=c", "é ü", "日本", "x#1"];
    for name in ["a b", "100%", "k=v", "é/日本", "a%20b"] {
        let place = world.place(name);
        for run in ["r1", "r2"] {
            let mut driver = place.driver(run).await;
            let reports = vec![place.task(run, 1, 0, Some(&keys)).await];
            driver
                .commit
                .prepare(publication(reports, 1, true))
                .unwrap();
            let manifest = driver.complete().await;
            assert_eq!(manifest.files.len(), keys.len());
            world.assert_settled(&place, run).await;
        }
        let all = place.all().await;
        for folder in ["k=a b/", "k=a%252Fb/", "k=a%2Fb%3Dc/", "k=é ü/", "k=x%231/"] {
            assert!(
                all.iter().any(|f| f.starts_with(folder)),
                "{folder}: {all:?}"
            );
        }
    }
}

pub async fn a_folder_that_cannot_be_made(world: &World) {
    if world.is_local() {
        let file = world.place("file");
        let path = file.path("");
        file.store()
            .write(&path, b"x".to_vec().into())
            .await
            .unwrap();
        let place = world.place("file/t");
        let error = place.table.lease("r1", "job").await.unwrap_err();
        assert_eq!(error.kind, Kind::Final, "{error}");
        assert!(error.to_string().contains("Not a directory"), "{error}");
    } else if let Some(server) = &world.server {
        server.faults().deny_prefix(Some("denied/"));
        let place = world.place("denied/t");
        let error = place.table.lease("r1", "job").await.unwrap_err();
        assert_eq!(error.kind, Kind::Input, "{error}");
        let error = Commit::begin(place.table.clone(), "r1").await.unwrap_err();
        assert_eq!(error.kind, Kind::Final, "{error}");
    }
}

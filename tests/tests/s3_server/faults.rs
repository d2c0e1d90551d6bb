use super::*;

#[tokio::test]
async fn faults_happen_as_told() {
    let Fixture {
        folder: _folder,
        server,
    } = start().await;
    let store = client(&server);
    let path = key("a");
    let create = || store.put_opts(&path, "mine".into(), PutMode::Create.into());

    server.faults().fail_next(2, Some("PUT"), Moment::Before);
    assert!(matches!(
        store.head(&path).await,
        Err(Error::NotFound { .. })
    ));
    assert!(create().await.is_err() && create().await.is_err());
    assert!(names(&store, "").await.is_empty());
    server.faults().fail_next(1, None, Moment::After);
    assert!(create().await.is_err());
    assert!(matches!(create().await, Err(Error::AlreadyExists { .. })));
    server
        .faults()
        .fail_next_to(1, Some("PUT"), "/_SUCCESS", Moment::Before);
    store.put(&key("b"), "b".into()).await.unwrap();
    assert!(store.put(&key("t/_SUCCESS"), "".into()).await.is_err());
    assert_eq!(server.faults().failures_left(), 0);

    server.faults().ignore_conditions(true);
    create().await.unwrap();
    server.faults().ignore_conditions(false);
    assert!(matches!(create().await, Err(Error::AlreadyExists { .. })));

    server.faults().deny_prefix(Some("secret/"));
    let denied = key("secret/x");
    assert!(matches!(
        store.put(&denied, "x".into()).await,
        Err(Error::PermissionDenied { .. })
    ));
    assert!(matches!(
        store.get(&denied).await,
        Err(Error::PermissionDenied { .. })
    ));
    assert!(matches!(
        store.create_multipart(&denied).await,
        Err(Error::PermissionDenied { .. })
    ));
    assert!(store.delete(&denied).await.is_err());
    server.faults().deny_prefix(None);
    store.put(&denied, "x".into()).await.unwrap();
}

#[test]
fn a_stopped_server_is_gone_and_comes_back_with_what_it_had() {
    let folder = tempfile::tempdir().unwrap();
    let server = S3Server::start_blocking(folder.path()).unwrap();
    server.create_bucket(BUCKET).unwrap();
    let store = client(&server);
    let port = server.port();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let path = key("part");
    let (id, parts) = runtime.block_on(upload_two_parts(&store, &path));
    drop(server);
    assert!(runtime.block_on(store.head(&path)).is_err());
    let server = S3Server::start_at(folder.path(), port).unwrap();
    runtime.block_on(async {
        store.complete_multipart(&path, &id, parts).await.unwrap();
        assert_eq!(names(&store, "").await, ["part"]);
    });
    drop(server);
}

#[tokio::test]
async fn a_held_request_waits_until_it_is_let_go() {
    let Fixture {
        folder: _folder,
        server,
    } = start().await;
    let store = client(&server);
    for moment in [Moment::Before, Moment::After] {
        let path = key(&format!("{moment:?}"));
        let hold = server.faults().hold(Some("PUT"), path.as_ref(), moment);
        store.put(&key("other"), "b".into()).await.unwrap();
        let put = tokio::spawn({
            let (store, path) = (client(&server), path.clone());
            async move { store.put(&path, "a".into()).await }
        });
        while hold.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        let is_there = store.head(&path).await.is_ok();
        assert_eq!(is_there, moment == Moment::After);
        assert!(!put.is_finished());
        hold.release();
        put.await.unwrap().unwrap();
        assert!(store.head(&path).await.is_ok());
    }
}

/// What a client sees of each kind of trouble.
#[tokio::test]
async fn each_kind_of_trouble_shows() {
    let Fixture {
        folder: _folder,
        server,
    } = start().await;
    let store = client(&server);
    let path = key("a");
    store.put(&path, vec![b'x'; 100_000].into()).await.unwrap();
    let get = || async { store.get(&path).await?.bytes().await };
    for trouble in Trouble::ALL {
        let after = Moment::After;
        server.faults().trouble_next_to(1, trouble, None, "", after);
        let met = tokio::time::timeout(Duration::from_millis(300), get()).await;
        match trouble {
            Trouble::Stall | Trouble::StallInBody => assert!(met.is_err(), "{trouble:?}: {met:?}"),
            _ => assert!(met.unwrap().is_err(), "{trouble:?}"),
        }
        assert_eq!(get().await.unwrap().len(), 100_000);
    }
}

/// One in ten, and the same ones each time.
#[tokio::test]
async fn troubles_follow_from_their_seed() {
    let Fixture {
        folder: _folder,
        server,
    } = start().await;
    let store = client(&server);
    let path = key("a");
    store.put(&path, "x".into()).await.unwrap();
    let mut seen = Vec::new();
    for seed in [1, 1, 2] {
        let kinds = [Trouble::InternalError, Trouble::SlowDown];
        server.faults().trouble_one_in(10, &kinds, seed);
        let mut failed = Vec::new();
        for _ in 0..200 {
            failed.push(store.head(&path).await.is_err());
        }
        let met = server.faults().end_troubles();
        assert!((8..=40).contains(&met), "{met} of 200");
        assert_eq!(failed.iter().filter(|failed| **failed).count() as u64, met);
        seen.push(failed);
    }
    assert_eq!(seen[0], seen[1]);
    assert_ne!(seen[0], seen[2]);
}

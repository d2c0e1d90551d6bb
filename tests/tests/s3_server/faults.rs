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

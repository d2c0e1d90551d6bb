use super::*;

#[tokio::test]
async fn objects_are_put_read_listed_copied_and_deleted() {
    let Fixture {
        folder: _folder,
        server,
    } = start().await;
    let store = client(&server);
    // Longer than s3s-fs can take by itself.
    let long = format!(
        "{}/part-{}.parquet",
        ["a-segment-of-a-long-key"; 30].join("/"),
        "0".repeat(97)
    );
    let texts = [
        "t/b.csv",
        "t/a.csv",
        "t/sub/c.csv",
        "u",
        "t/ä €.csv",
        long.as_str(),
    ];
    for name in texts {
        let put = store
            .put(&key(name), PutPayload::from(name.to_owned()))
            .await
            .unwrap();
        let head = store.head(&key(name)).await.unwrap();
        assert_eq!((head.e_tag, head.size), (put.e_tag, name.len() as u64));
        assert_eq!(read(&store, name).await.unwrap(), name.as_bytes());
    }
    for page in [1, 2, 1000] {
        let listed = list(&store, "t/", page).await;
        let listed_names: Vec<&str> = listed
            .iter()
            .map(|object| object.location.as_ref())
            .collect();
        assert_eq!(
            listed_names,
            ["t/a.csv", "t/b.csv", "t/sub/c.csv", "t/ä €.csv"]
        );
        for object in listed {
            assert_eq!(
                object.e_tag,
                store.head(&object.location).await.unwrap().e_tag
            );
        }
    }
    let level = store.list_with_delimiter(Some(&key("t"))).await.unwrap();
    assert_eq!(
        (level.objects.len(), level.common_prefixes),
        (3, vec![key("t/sub")])
    );

    store.copy(&key("u"), &key(&long)).await.unwrap();
    assert_eq!(read(&store, &long).await.unwrap(), b"u");
    store.delete(&key("u")).await.unwrap();
    store.delete(&key("never/there")).await.unwrap();
    // A folder on the disk is no object.
    for missing in ["u", "t", "t/sub", "never/there"] {
        assert!(
            matches!(store.head(&key(missing)).await, Err(Error::NotFound { .. })),
            "{missing}"
        );
        assert!(
            matches!(read(&store, missing).await, Err(Error::NotFound { .. })),
            "{missing}"
        );
    }
    assert!(fs::read(server.object_path(BUCKET, "t/a.csv")).is_ok());
}

#[tokio::test]
async fn other_buckets_and_keys_are_refused() {
    let Fixture { folder, server } = start().await;
    let store = |bucket: &str, secret: &str| {
        AmazonS3Builder::new()
            .with_endpoint(server.endpoint())
            .with_allow_http(true)
            .with_region(server.region())
            .with_access_key_id(server.access_key())
            .with_secret_access_key(secret)
            .with_bucket_name(bucket)
            .build()
            .unwrap()
    };
    let put = store("other", server.secret_key())
        .put(&key("a"), PutPayload::from("a"))
        .await;
    assert!(matches!(put, Err(Error::NotFound { .. })), "{put:?}");
    assert!(!folder.path().join("other").exists());
    let put = store(BUCKET, "wrong")
        .put(&key("a"), PutPayload::from("a"))
        .await;
    assert!(
        matches!(put, Err(Error::PermissionDenied { .. })),
        "{put:?}"
    );
    assert!(names(&client(&server), "").await.is_empty());
}

#[tokio::test]
async fn reads_honour_conditions_and_ranges() {
    let Fixture {
        folder: _folder,
        server,
    } = start().await;
    let store = client(&server);
    let path = key("t/a.parquet");
    let old = store.put(&path, "0123456789".into()).await.unwrap().e_tag;
    let get = |if_match: &Option<String>, range: Option<object_store::GetRange>| {
        let options = GetOptions {
            if_match: if_match.clone(),
            range,
            ..Default::default()
        };
        let (store, path) = (store.clone(), path.clone());
        async move {
            Ok::<_, Error>(
                store
                    .get_opts(&path, options)
                    .await?
                    .bytes()
                    .await?
                    .to_vec(),
            )
        }
    };
    assert_eq!(get(&old, Some((2..5).into())).await.unwrap(), b"234");
    assert_eq!(
        get(&old, Some(object_store::GetRange::Suffix(3)))
            .await
            .unwrap(),
        b"789"
    );
    assert_eq!(
        get(&old, Some(object_store::GetRange::Suffix(99)))
            .await
            .unwrap(),
        b"0123456789"
    );
    assert_eq!(
        get(&None, Some(object_store::GetRange::Offset(8)))
            .await
            .unwrap(),
        b"89"
    );
    store.put(&path, "9876543210".into()).await.unwrap();
    let changed = get(&old, Some((2..5).into())).await;
    assert!(
        matches!(changed, Err(Error::Precondition { .. })),
        "{changed:?}"
    );
    let current = store.head(&path).await.unwrap().e_tag;
    assert_eq!(get(&current, Some((2..5).into())).await.unwrap(), b"765");
    let options = GetOptions {
        if_none_match: current,
        ..Default::default()
    };
    let same = store.get_opts(&path, options).await;
    assert!(matches!(same, Err(Error::NotModified { .. })));
}

use super::*;

#[tokio::test]
async fn an_upload_shows_when_it_is_completed_by_whomever() {
    let Fixture {
        folder: _folder,
        server,
    } = start().await;
    let (executor, driver) = (client(&server), client(&server));
    let path = key("out/part-0.parquet");
    let (id, parts) = upload_two_parts(&executor, &path).await;
    assert!(matches!(
        driver.get(&path).await,
        Err(Error::NotFound { .. })
    ));
    assert!(names(&driver, "").await.is_empty());
    assert_eq!(server.open_uploads(BUCKET).unwrap(), ["out/part-0.parquet"]);
    drop(executor);

    let done = driver
        .complete_multipart(&path, &id, parts.clone())
        .await
        .unwrap();
    assert!(
        done.e_tag
            .as_ref()
            .unwrap()
            .trim_matches('"')
            .ends_with("-2"),
        "{done:?}"
    );
    assert_eq!(names(&driver, "").await, ["out/part-0.parquet"]);
    let listed = list(&driver, "out/", 10).await.remove(0);
    let head = driver.head(&path).await.unwrap();
    assert_eq!(
        (&listed.e_tag, listed.size),
        (&done.e_tag, PART_BYTES as u64 + 7)
    );
    assert_eq!(head.e_tag, done.e_tag);
    assert!(
        read(&driver, "out/part-0.parquet")
            .await
            .unwrap()
            .ends_with(b"xxxthe end")
    );
    assert!(server.open_uploads(BUCKET).unwrap().is_empty());
    // The ETag holds for conditions, as that of a plain object.
    driver
        .put_opts(&path, "new".into(), as_version(done.e_tag).into())
        .await
        .unwrap();

    let again = driver.complete_multipart(&path, &id, parts).await;
    assert!(matches!(again, Err(Error::NotFound { .. })), "{again:?}");
    assert_eq!(read(&driver, "out/part-0.parquet").await.unwrap(), b"new");
}

#[tokio::test]
async fn an_upload_can_be_aborted_and_a_wrong_completion_leaves_it_alone() {
    let Fixture { folder, server } = start().await;
    let store = client(&server);
    // A name of 110 bytes.
    let path = key(&format!("out/part-1-{}", "a".repeat(103)));
    let (id, parts) = upload_two_parts(&store, &path).await;
    let wrong = [
        vec![parts[1].clone(), parts[0].clone()],
        vec![
            parts[0].clone(),
            PartId {
                content_id: "0".repeat(32),
            },
        ],
        vec![parts[0].clone(), parts[1].clone(), parts[1].clone()],
    ];
    for parts in wrong {
        assert!(store.complete_multipart(&path, &id, parts).await.is_err());
    }
    assert!(
        store
            .complete_multipart(&key("elsewhere"), &id, parts.clone())
            .await
            .is_err()
    );
    assert!(names(&store, "").await.is_empty());
    store.complete_multipart(&path, &id, parts).await.unwrap();

    let (id, parts) = upload_two_parts(&store, &path).await;
    store.abort_multipart(&path, &id).await.unwrap();
    assert!(matches!(
        store.complete_multipart(&path, &id, parts).await,
        Err(Error::NotFound { .. })
    ));
    assert!(matches!(
        store.put_part(&path, &id, 2, "x".into()).await,
        Err(Error::NotFound { .. })
    ));
    assert!(matches!(
        store.abort_multipart(&path, &id).await,
        Err(Error::NotFound { .. })
    ));
    assert_eq!(
        read(&store, path.as_ref()).await.unwrap().len(),
        PART_BYTES + 7
    );
    let left = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left
        .filter(|name| name.to_string_lossy().starts_with(".upload"))
        .collect();
    assert_eq!(left, [".uploads"]);
}

#[tokio::test]
async fn open_uploads_are_listed() {
    let Fixture {
        folder: _folder,
        server,
    } = start().await;
    let store = client(&server);
    for name in ["b/2", "b/1", "c/3"] {
        store.create_multipart(&key(name)).await.unwrap();
    }
    let url = format!("{}/{BUCKET}?prefix=b%2F&uploads=", server.endpoint());
    let credential = AwsCredential {
        key_id: server.access_key().to_owned(),
        secret_key: server.secret_key().to_owned(),
        token: None,
    };
    let mut request: HttpRequest = hyper::Request::get(&url)
        .body(HttpRequestBody::empty())
        .unwrap();
    AwsAuthorizer::new(&credential, "s3", server.region()).authorize(&mut request, None);
    let answer = reqwest::Client::new()
        .get(&url)
        .headers(request.headers().clone())
        .send()
        .await
        .unwrap();
    let text = answer.text().await.unwrap();
    let keys: Vec<&str> = text
        .split("<Key>")
        .skip(1)
        .filter_map(|rest| rest.split('<').next())
        .collect();
    assert_eq!(keys, ["b/1", "b/2"], "{text}");
}

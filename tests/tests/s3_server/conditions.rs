use super::*;

#[tokio::test]
async fn conditional_puts_see_what_is_there() {
    let Fixture {
        folder: _folder,
        server,
    } = start().await;
    let store = client(&server);
    let path = key("table/_commit");
    let first = store
        .put_opts(&path, "one".into(), PutMode::Create.into())
        .await
        .unwrap();
    let again = store
        .put_opts(&path, "two".into(), PutMode::Create.into())
        .await;
    assert!(
        matches!(again, Err(Error::AlreadyExists { .. })),
        "{again:?}"
    );
    assert_eq!(read(&store, "table/_commit").await.unwrap(), b"one");

    let second = store
        .put_opts(&path, "two".into(), as_version(first.e_tag.clone()).into())
        .await
        .unwrap();
    assert_ne!(first.e_tag, second.e_tag);
    let stale = store
        .put_opts(
            &path,
            "three".into(),
            as_version(first.e_tag.clone()).into(),
        )
        .await;
    assert!(
        matches!(stale, Err(Error::Precondition { .. })),
        "{stale:?}"
    );
    let missing = store
        .put_opts(&key("none"), "x".into(), as_version(first.e_tag).into())
        .await;
    assert!(
        matches!(missing, Err(Error::Precondition { .. })),
        "{missing:?}"
    );
    assert_eq!(read(&store, "table/_commit").await.unwrap(), b"two");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_racing_creates_wins() {
    let Fixture {
        folder: _folder,
        server,
    } = start().await;
    for round in 0..20 {
        let racers: Vec<_> = (0..8)
            .map(|racer: u8| {
                let store = client(&server);
                let path = key(&format!("race/{round}"));
                tokio::spawn(async move {
                    let put = store
                        .put_opts(&path, vec![racer; 100_000].into(), PutMode::Create.into())
                        .await;
                    (racer, put)
                })
            })
            .collect();
        let mut winners = Vec::new();
        for racer in racers {
            match racer.await.unwrap() {
                (racer, Ok(_)) => winners.push(racer),
                (_, error) => assert!(
                    matches!(error, Err(Error::AlreadyExists { .. })),
                    "{error:?}"
                ),
            }
        }
        assert_eq!(winners.len(), 1);
        let bytes = read(&client(&server), &format!("race/{round}"))
            .await
            .unwrap();
        assert_eq!(bytes, vec![winners[0]; 100_000]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_racing_updates_wins_and_readers_see_whole_versions() {
    let Fixture {
        folder: _folder,
        server,
    } = start().await;
    let path = key("counter");
    client(&server).put(&path, "0".into()).await.unwrap();
    let racers: Vec<_> = (0..4)
        .map(|_| {
            let (store, path) = (client(&server), path.clone());
            tokio::spawn(async move {
                for _ in 0..25 {
                    loop {
                        let got = store.get(&path).await.unwrap();
                        let version = as_version(got.meta.e_tag.clone());
                        let text = String::from_utf8(got.bytes().await.unwrap().to_vec()).unwrap();
                        let next = (text.parse::<u32>().unwrap() + 1).to_string();
                        if store
                            .put_opts(&path, next.into(), version.into())
                            .await
                            .is_ok()
                        {
                            break;
                        }
                    }
                }
            })
        })
        .collect();
    for racer in racers {
        racer.await.unwrap();
    }
    assert_eq!(read(&client(&server), "counter").await.unwrap(), b"100");
}

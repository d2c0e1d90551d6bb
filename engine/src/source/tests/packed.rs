//! Compressed files.

use super::*;
use crate::error::Kind;

const TEXT: &[u8] = b"\xef\xbb\xbfid\tyear\n1\t1990\n2\t\\N\n";

fn titles() -> InputSpec {
    imdb(&["id", "year:int"], BadRecords::Fail)
}

async fn read_as(path: &str, content: &[u8]) -> Result<Vec<String>> {
    let world = World::with(&[(path, content)]).await;
    world.table("t", path, &titles()).await?;
    world.rows("select * from t").await
}

#[tokio::test]
async fn packed_in_any_way() {
    let (start, end) = TEXT.split_at(9);
    for (path, content) in [
        ("a.tsv", TEXT.to_vec()),
        ("a.tsv.gz", gzip(TEXT)),
        ("A.TSV.GZ", gzip(TEXT)),
        ("a.tsv.gz", [gzip(start), gzip(b""), gzip(end)].concat()),
        ("a.tsv.zst", zstd(TEXT)),
        ("a.tsv.zst", [zstd(start), zstd(end)].concat()),
    ] {
        let rows = read_as(path, &content).await.unwrap();
        assert_eq!(rows, ["1|1990", "2|~"], "{path}");
    }
}

/// Much more than one window, one request and one batch.
fn long() -> Vec<u8> {
    let mut text = b"id\tyear\n".to_vec();
    for id in 0..1_000_000 {
        text.extend(format!("{id}\t{}\n", id % 2000).bytes());
    }
    text
}

#[tokio::test]
async fn long_files() {
    let text = long();
    let expected = ["1000000|999500000|499999500000"];
    for (path, content) in [
        ("a.tsv", text.clone()),
        ("a.tsv.gz", gzip(&text)),
        ("a.tsv.zst", zstd(&text)),
    ] {
        let world = World::with(&[(path, &content)]).await;
        world.table("t", path, &titles()).await.unwrap();
        let sql = "select count(*), sum(year), sum(cast(id as bigint)) from t";
        assert_eq!(world.rows(sql).await.unwrap(), expected, "{path}");
    }
}

#[tokio::test]
async fn broken_files() {
    broken_file("a.tsv.gz", &gzip(&long()), "gzip").await;
    broken_file("a.tsv.zst", &zstd(&long()), "zstd").await;
}

async fn broken_file(path: &str, content: &[u8], name: &str) {
    let sound = content.len();
    let cut = content[..sound / 2].to_vec();
    let no_trailer = content[..sound - 3].to_vec();
    let garbage = [content, b"garbage"].concat();
    for (what, broken) in [
        ("cut", cut),
        ("no trailer", no_trailer),
        ("garbage", garbage),
    ] {
        let error = read_as(path, &broken).await.unwrap_err();
        assert_eq!(error.kind, Kind::Input, "{what}: {error}");
        assert!(
            error.cause.contains(path) && error.cause.contains(name),
            "{what}: {error}"
        );
        assert!(error.hint.is_some());
    }
}

#[tokio::test]
async fn misnamed_files() {
    for (path, content, cause) in [
        ("a.tsv.gz", TEXT.to_vec(), "ends in .gz but is not gzip"),
        ("a.tsv.zst", gzip(TEXT), "ends in .zst but is not zstd"),
        ("a.tsv", gzip(TEXT), "is gzip but does not end in .gz"),
        ("a.tsv", zstd(TEXT), "is zstd but does not end in .zst"),
    ] {
        let error = read_as(path, &content).await.unwrap_err();
        assert_eq!(error.kind, Kind::Input);
        assert_eq!(error.cause, format!("memory:///{path} {cause}"));
    }
}

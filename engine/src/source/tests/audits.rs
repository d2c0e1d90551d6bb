//! What a scan leaves behind about its input.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use serde_json::{Value, json};

use super::super::fetch::Sizes;
use super::super::range::{Output, RangeScan, ScanMetrics};
use super::super::rejects::AuditFolder;
use super::*;
use crate::error::Kind;

const COLUMNS: [&str; 2] = ["id", "year:int"];

/// A file of some ranges in which each tenth record is a reject, two of them in two ways.
fn content() -> Vec<u8> {
    let mut text = b"id\tyear\n".to_vec();
    for id in 0..300_000 {
        let line = match id {
            100_010 | 200_010 => format!("{id}\tx\ty\n").into_bytes(),
            20 => b"20\xff\t1\n".to_vec(),
            _ if id % 10 == 0 => format!("{id}\tbad\r\n").into_bytes(),
            _ => format!("{id}\t{}\r\n", id % 100).into_bytes(),
        };
        text.extend(line);
    }
    text
}

async fn world_with_audit(path: &str, bytes: &[u8], mode: BadRecords) -> (World, Arc<TextSpec>) {
    let world = World::with(&[(path, bytes)]).await;
    let mut spec = world.discover(path, &imdb(&COLUMNS, mode)).await.unwrap();
    spec.audit = Some("memory:///audit%20of/run".to_owned());
    let spec = Arc::new(spec);
    world.register("t", &spec);
    (world, spec)
}

/// All objects below the audit folder.
async fn objects(world: &World) -> BTreeMap<String, Vec<u8>> {
    let prefix = Path::from("audit of/run");
    let metas: Vec<_> = world.store.list(Some(&prefix)).try_collect().await.unwrap();
    let mut objects = BTreeMap::new();
    for meta in metas {
        let name = meta.location.filename().unwrap().to_owned();
        objects.insert(name, world.get(meta.location.as_ref()).await);
    }
    objects
}

fn audits(objects: &BTreeMap<String, Vec<u8>>) -> Vec<RangeAudit> {
    let audits = objects.iter().filter(|(name, _)| name.ends_with(".json"));
    audits
        .map(|(_, content)| serde_json::from_slice(content).unwrap())
        .collect()
}

#[tokio::test]
async fn every_range_is_audited() {
    every_range_is_audited_case("a.tsv", content(), BadRecords::Drop, 3).await;
    every_range_is_audited_case("a.tsv", content(), BadRecords::Permissive, 3).await;
    every_range_is_audited_case("a.tsv.gz", gzip(&content()), BadRecords::Drop, 1).await;
}

async fn every_range_is_audited_case(path: &str, bytes: Vec<u8>, mode: BadRecords, ranges: usize) {
    let (world, spec) = world_with_audit(path, &bytes, mode).await;
    let rows = if mode == BadRecords::Drop {
        270_000
    } else {
        300_000
    };
    assert_eq!(
        world.rows("select count(*) from t").await.unwrap(),
        [rows.to_string()]
    );
    let first = objects(&world).await;
    let found = audits(&first);
    assert_eq!(found.len(), ranges);
    assert!(
        found
            .iter()
            .all(|audit| first.contains_key(&audit.object_name()))
    );

    let merged = merge(&spec, found.clone()).unwrap();
    assert_eq!(merged.len(), 1);
    let file = &merged[0];
    assert_eq!(
        (file.records, file.rows, file.rejects),
        (300_000, rows, 30_000)
    );
    assert!(file.missing.is_empty(), "{:?}", file.missing);
    let reasons: Vec<(&str, u64)> = file.reasons.iter().map(|(r, n)| (r.as_str(), *n)).collect();
    assert_eq!(
        reasons,
        [
            ("bad_value:year", 29_999),
            ("invalid_utf8", 1),
            ("surplus_fields", 2)
        ]
    );

    let mut rejects = Vec::new();
    for url in &file.reject_objects {
        let name = url.strip_prefix("memory:///audit%20of/run/");
        let lines = std::str::from_utf8(&first[name.unwrap()]).unwrap();
        rejects.extend(
            lines
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap()),
        );
    }
    assert_eq!(rejects.len(), 30_000);
    let plain = content();
    for reject in &rejects {
        let offset = usize::try_from(reject["offset"].as_u64().unwrap()).unwrap();
        let record = plain[offset..]
            .split(|byte| matches!(byte, b'\r' | b'\n'))
            .next()
            .unwrap();
        assert_eq!(
            reject["record"].as_str().unwrap(),
            String::from_utf8_lossy(record)
        );
    }
    let odd = rejects
        .iter()
        .find(|reject| reject["reasons"] == json!(["invalid_utf8"]))
        .unwrap();
    assert_eq!(odd["record_base64"], json!("MjD/CTE="));
    assert_eq!(odd["input"], json!("titles"));
    let both = json!(["surplus_fields", "bad_value:year"]);
    assert_eq!(
        rejects
            .iter()
            .filter(|reject| reject["reasons"] == both)
            .count(),
        2
    );

    // Once more, with other columns: the same objects with the same bytes.
    world.rows("select sum(year) from t").await.unwrap();
    assert_eq!(objects(&world).await, first);
    for audit in found {
        let split = Split {
            file: audit.file_index,
            start: audit.start,
            end: audit.end,
        };
        let again = audit_range(&world.context.runtime_env(), &spec, split)
            .await
            .unwrap();
        assert_eq!(again, audit);
    }
    assert_eq!(objects(&world).await, first);
}

#[tokio::test]
async fn coverage() {
    let (world, spec) = world_with_audit("a.tsv", &content(), BadRecords::Drop).await;
    world.rows("select * from t").await.unwrap();
    let all = audits(&objects(&world).await);
    let mut sorted = all.clone();
    sorted.sort_by_key(|audit| audit.start);

    // Duplicates count once, a missing range is named.
    let twice = [all.clone(), all.clone()].concat();
    assert_eq!(
        merge(&spec, twice).unwrap(),
        merge(&spec, all.clone()).unwrap()
    );
    for (left_out, audit) in sorted.iter().enumerate() {
        let mut some = sorted.clone();
        some.remove(left_out);
        let merged = merge(&spec, some).unwrap();
        let missing = Split {
            file: 0,
            start: audit.start,
            end: audit.end,
        };
        assert_eq!(merged[0].missing, [missing]);
    }
    let whole = Split {
        file: 0,
        start: spec.files[0].body_start,
        end: spec.files[0].size,
    };
    assert_eq!(merge(&spec, Vec::new()).unwrap()[0].missing, [whole]);

    let change = |change: fn(&mut RangeAudit)| {
        let mut other = sorted[1].clone();
        change(&mut other);
        merge(&spec, [all.clone(), vec![other]].concat())
            .unwrap_err()
            .cause
    };
    assert!(change(|audit| audit.rows += 1).ends_with("another audit of this range differs"));
    assert!(change(|audit| audit.start += 1).ends_with("it overlaps another one"));
    assert!(change(|audit| audit.input.push('x')).ends_with("it is of another input"));
    assert!(change(|audit| audit.file_index = 7).ends_with("it is of another input"));
}

#[tokio::test]
async fn a_scan_that_fails_or_stops_leaves_no_audit() {
    let (world, _) = world_with_audit("a.tsv", &content(), BadRecords::Fail).await;
    let error = world.rows("select count(*) from t").await.unwrap_err();
    assert_eq!(error.kind, Kind::Input);
    assert!(objects(&world).await.is_empty());

    let (world, spec) = world_with_audit("a.tsv", &content(), BadRecords::Drop).await;
    struct Impatient;
    impl Output for Impatient {
        fn batch(&mut self, _: datafusion::arrow::array::RecordBatch) -> bool {
            false
        }
        fn closed(&self) -> bool {
            true
        }
    }
    let reader = scan(&world, &spec, Sizes::default())
        .open(splits(&spec, 1, 1 << 30)[0][0])
        .unwrap();
    let run = tokio::task::spawn_blocking(move || reader.run(&mut Impatient))
        .await
        .unwrap();
    assert_eq!(run.unwrap(), None);
    assert!(objects(&world).await.is_empty());
}

fn scan(world: &World, spec: &Arc<TextSpec>, sizes: Sizes) -> RangeScan {
    let projection: Vec<usize> = (0..spec.columns.len()).collect();
    RangeScan {
        spec: Arc::clone(spec),
        projection: projection.into(),
        schema: spec.schema(),
        batch_rows: 10,
        store: Arc::clone(&world.store),
        audit: AuditFolder::of(spec, &world.context.runtime_env()).unwrap(),
        sizes,
        metrics: ScanMetrics::new(&Default::default(), 0),
    }
}

struct Count(usize);

impl Output for Count {
    fn batch(&mut self, batch: datafusion::arrow::array::RecordBatch) -> bool {
        self.0 += batch.num_rows();
        true
    }

    fn closed(&self) -> bool {
        false
    }
}

/// Ranges of any length, requests of any size: the same rows, and rejects in objects of any size.
#[tokio::test]
async fn any_cut_gives_the_same_audit() {
    any_cut_gives_the_same_audit_case(1, 1, 0, 1).await;
    any_cut_gives_the_same_audit_case(2, 3, 1, 40).await;
    any_cut_gives_the_same_audit_case(7, 5, 64, 100).await;
    any_cut_gives_the_same_audit_case(1000, 64, 8, 1 << 20).await;
}

async fn any_cut_gives_the_same_audit_case(
    range_bytes: u64,
    fetch_bytes: u64,
    tail_bytes: u64,
    rejects_max: usize,
) {
    let text = b"id\tyear\r\n1\tx\r\n\r\n2\t2\r3\ty\n\n4\n5\t5\t\t\n6\t6";
    let (world, spec) = world_with_audit("a.tsv", text, BadRecords::Drop).await;
    let sizes = Sizes {
        fetch_bytes,
        ahead: 2,
        tail_bytes,
        window_bytes: 3,
    };
    let scan = scan(&world, &spec, sizes);
    let (mut rows, mut found) = (0, Vec::new());
    let (mut start, size) = (spec.files[0].body_start, spec.files[0].size);
    while start < size {
        let end = (start + range_bytes).min(size);
        let reader = scan
            .open(Split {
                file: 0,
                start,
                end,
            })
            .unwrap();
        let reader = reader.with_rejects_max(rejects_max);
        let run = tokio::task::spawn_blocking(move || {
            let mut count = Count(0);
            (reader.run(&mut count), count.0)
        });
        let (audit, read) = run.await.unwrap();
        rows += read;
        found.push(audit.unwrap().unwrap());
        start = end;
    }
    assert_eq!(rows, 2);
    let merged = merge(&spec, found).unwrap();
    assert_eq!(
        (merged[0].records, merged[0].rows, merged[0].rejects),
        (6, 2, 4)
    );
    let objects = objects(&world).await;
    let rejects: String = merged[0]
        .reject_objects
        .iter()
        .map(|url| String::from_utf8(objects[url.rsplit('/').next().unwrap()].clone()).unwrap())
        .collect();
    let records: Vec<String> = rejects
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["record"]
                .as_str()
                .unwrap()
                .into()
        })
        .collect();
    assert_eq!(records, ["1\tx", "3\ty", "4", "5\t5\t\t"]);
}

//! What is found at a path, and how it is cut.

use super::*;
use crate::error::Kind;
use proptest::prelude::*;

fn titles() -> InputSpec {
    imdb(&["id", "year:int"], BadRecords::Fail)
}

#[tokio::test]
async fn a_folder_of_parts_with_columns_in_any_order() {
    let world = World::with(&[
        ("in/part-2.tsv", b"YEAR\tother\tid\n2\tx\tb\n"),
        ("in/part-1.tsv", b"id\tyear\r\na\t1\r\n"),
        ("in/part-3.tsv.gz", &gzip(b"year\tid\n3\tc\n")),
        ("in/part-4.tsv", b""),
        ("in/part-5.tsv.gz", &gzip(b"")),
        ("in/_SUCCESS", b""),
        ("in/_metadata", b"not a table"),
        ("in/.part-1.tsv.crc", b"not a table"),
        ("in/deeper/part-9.tsv", b"not a table"),
    ])
    .await;
    let spec = world.table("t", "in", &titles()).await.unwrap();
    let names: Vec<&str> = spec.files.iter().map(SourceFile::name).collect();
    assert_eq!(names, ["part-1.tsv", "part-2.tsv", "part-3.tsv.gz"]);
    assert_eq!(spec.files[0].body_start, 9);
    assert_eq!(
        (spec.files[1].fields.as_slice(), spec.files[1].field_count),
        ([2, 0].as_slice(), 3)
    );
    assert_eq!(
        world.rows("select * from t order by id").await.unwrap(),
        ["a|1", "b|2", "c|3"]
    );
}

#[tokio::test]
async fn a_header_alone_is_an_empty_table() {
    a_header_alone_is_an_empty_table_case("a.tsv", b"\xef\xbb\xbfid\tyear\n".to_vec()).await;
    a_header_alone_is_an_empty_table_case("a.tsv", b"id\tyear".to_vec()).await;
    a_header_alone_is_an_empty_table_case("a.tsv.gz", gzip(b"id\tyear\r\n")).await;
}

async fn a_header_alone_is_an_empty_table_case(path: &str, content: Vec<u8>) {
    let world = World::with(&[(path, &content)]).await;
    world.table("t", path, &titles()).await.unwrap();
    assert!(world.rows("select * from t").await.unwrap().is_empty());
    assert_eq!(world.rows("select count(*) from t").await.unwrap(), ["0"]);
}

#[tokio::test]
async fn what_cannot_be_used() {
    what_cannot_be_used_case(
        "b.tsv",
        "memory:///b.tsv does not exist, or is a folder without files in it",
    )
    .await;
    what_cannot_be_used_case("empty.tsv", "memory:///empty.tsv is empty").await;
    what_cannot_be_used_case("empty.gz", "memory:///empty.gz is empty").await;
    what_cannot_be_used_case("blank.tsv", "memory:///blank.tsv is empty").await;
    what_cannot_be_used_case("parts", "memory:///parts holds nothing but empty files").await;
    what_cannot_be_used_case(
        "x.tsv",
        "memory:///x.tsv has no column `year`; its columns are id, b, c",
    )
    .await;
    what_cannot_be_used_case("y.tsv", "memory:///y.tsv has more than one column `year`").await;
}

async fn what_cannot_be_used_case(path: &str, cause: &str) {
    let world = World::with(&[
        ("empty.tsv", b""),
        ("empty.gz", &gzip(b"")),
        ("blank.tsv", b" \t\r\n\n"),
        ("parts/1.tsv", b""),
        ("x.tsv", b"id\tb\tc\n"),
        ("y.tsv", b"id\tyear\tyear\n"),
    ])
    .await;
    let error = world.discover(path, &titles()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Input);
    assert_eq!(
        error.to_string(),
        format!("failed to read input titles: {cause}")
    );
}

#[tokio::test]
async fn a_long_header_is_read() {
    let names: Vec<String> = (0..40_000).map(|index| format!("column_{index}")).collect();
    let text = format!("{}\tid\tyear\n", names.join("\t"));
    let world = World::with(&[("a.tsv", text.as_bytes())]).await;
    let spec = world.discover("a.tsv", &titles()).await.unwrap();
    assert_eq!(spec.files[0].fields, [40_000, 40_001]);
    assert_eq!(spec.files[0].body_start, text.len() as u64);
}

#[tokio::test]
async fn the_number_of_records_is_guessed() {
    let mut text = b"id\tyear\n".to_vec();
    for id in 0..100_000 {
        text.extend(format!("tt{id:07}\t1999\n").bytes());
    }
    let world = World::with(&[("a.tsv", &text), ("b.tsv", b"id\tyear\n1\t1")]).await;
    let records = |spec: TextSpec| spec.files[0].records_estimate;
    let guess = records(world.discover("a.tsv", &titles()).await.unwrap());
    assert!((99_000..101_000).contains(&guess), "{guess}");
    assert_eq!(
        records(world.discover("b.tsv", &titles()).await.unwrap()),
        1
    );
}

#[tokio::test]
async fn a_file_that_changed_is_noticed() {
    for (before, after) in [
        ("id\tyear\n1\t1990\n", "id\tyear\n1\t1991\n"),
        ("id\tyear\n1\t1\n", "x"),
    ] {
        let world = World::with(&[("a.tsv", before.as_bytes())]).await;
        world.table("t", "a.tsv", &titles()).await.unwrap();
        world.put("a.tsv", after.as_bytes()).await;
        let error = world.rows("select * from t").await.unwrap_err();
        assert_eq!(error.kind, Kind::Retryable);
        assert_eq!(error.cause, "memory:///a.tsv changed while it was read");
    }
}

#[tokio::test]
async fn local_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a b.tsv");
    std::fs::write(&file, "id\tyear\n1\t1990\n").unwrap();
    let context = SessionContext::new();
    let store: Arc<dyn ObjectStore> = Arc::new(object_store::local::LocalFileSystem::new());
    let path = Path::from_absolute_path(&file).unwrap();
    let spec = discover(&store, "file:///", &path, &titles())
        .await
        .unwrap();
    let world = World { store, context };
    world.register("t", &Arc::new(spec));
    assert_eq!(world.rows("select * from t").await.unwrap(), ["1|1990"]);
    for content in ["id", "id\tyear\n1\t1990\n2\t1991\n"] {
        std::fs::write(&file, content).unwrap();
        let error = world.rows("select * from t").await.unwrap_err();
        assert!(
            error.cause.ends_with("a b.tsv changed while it was read"),
            "{error}"
        );
        assert_eq!(error.kind, Kind::Retryable);
    }
    std::fs::remove_file(&file).unwrap();
    let error = world.rows("select * from t").await.unwrap_err();
    assert_eq!(error.kind, Kind::Input, "{error}");
    assert!(error.cause.ends_with("a b.tsv does not exist"), "{error}");
}

fn file(size: u64, body_start: u64, compression: Compression) -> SourceFile {
    SourceFile {
        path: "a.tsv".to_owned(),
        size,
        e_tag: None,
        last_modified_ms: 0,
        compression,
        fields: vec![0],
        field_count: 1,
        body_start,
        records_estimate: 0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn splits_cover_each_file_once(
        sizes in prop::collection::vec((0u64..300_000_000, 0u64..100, 0u8..3), 0..8),
        target in 0usize..20,
        split_bytes_max in 0u64..200_000_000,
    ) {
        let kind = [Compression::None, Compression::Gzip, Compression::Zstd];
        let files: Vec<SourceFile> = sizes
            .into_iter()
            .map(|(size, start, compression)| match kind[usize::from(compression)] {
                Compression::None => file(size, start.min(size), Compression::None),
                other => file(size, 0, other),
            })
            .collect();
        let spec = TextSpec {
            input: "t".to_owned(),
            store_url: STORE.to_owned(),
            format: TextFormat::imdb_tsv(),
            columns: vec![Column::new("a", ColumnType::String)],
            mode: BadRecords::Drop,
            files,
            audit: None,
            max_record_bytes: 1,
        };
        let groups = splits(&spec, target, split_bytes_max);
        prop_assert!(groups.len() <= target.max(1));
        prop_assert!(groups.iter().all(|group| !group.is_empty() && group.is_sorted()));
        let mut all: Vec<Split> = groups.concat();
        all.sort();
        for (index, file) in (0u32..).zip(&spec.files) {
            let mut covered = file.body_start;
            for split in all.iter().filter(|split| split.file == index) {
                prop_assert_eq!(split.start, covered);
                prop_assert!(split.end > split.start);
                let whole = file.compression != Compression::None;
                let length = split.end - split.start;
                prop_assert!(whole || length >= 1 << 20 || length == file.size - file.body_start);
                prop_assert!(whole || length < split_bytes_max.max(1 << 20) * 2);
                covered = split.end;
            }
            prop_assert_eq!(covered, file.size);
        }
    }
}

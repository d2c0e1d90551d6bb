//! `cinemill gc` on what real processes left.

use std::fs;
use std::path::Path;

use cinemill_tests::processes::{Cinemill, poll};
use cinemill_tests::published::{staged, visible_files};
use cinemill_tests::s3::Moment;
use object_store::aws::AmazonS3Builder;
use object_store::multipart::MultipartStore as _;
use object_store::path::Path as ObjectPath;
use serde_json::Value;
use tempfile::TempDir;

use crate::fixture::{BUCKET, Lake, Table, age, assert_code, run, text, write_input};

fn gc(cinemill: &Cinemill, output: &str, more: &[&str]) -> Value {
    let mut arguments = vec!["gc", output, "--json"];
    arguments.extend(more);
    let ended = cinemill.run(&arguments).unwrap();
    assert_code(&ended, 0, &[]);
    serde_json::from_str(&ended.stdout).unwrap()
}

fn begin_upload(lake: &Lake, key: &str) {
    let builder = lake.environment().into_iter();
    let builder =
        builder.filter_map(|(name, value)| Some((name.to_lowercase().parse().ok()?, value)));
    let builder = builder.fold(AmazonS3Builder::new(), |builder, (key, value)| {
        builder.with_config(key, value)
    });
    let store = builder.with_bucket_name(BUCKET).build().unwrap();
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    let path = ObjectPath::parse(key).unwrap();
    runtime.block_on(store.create_multipart(&path)).unwrap();
}

/// The driver of a run in the bucket died long ago.
fn expire(lake: &Lake, folder: &str, run_id: &str) {
    let path = lake.folder(folder).join(format!("_runs/{run_id}.json"));
    let mut record: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    record["updated_at"] = "2020-01-01T00:00:00Z".into();
    fs::write(path, serde_json::to_vec(&record).unwrap()).unwrap();
}

/// Its files are visible, and the manifest does not list them.
#[test]
fn a_run_to_s3_that_was_killed_while_it_published_is_cleared_up() {
    let lake = Lake::new();
    let cinemill = lake.cinemill();
    let out = lake.folder("out");
    let faults = lake.server().faults();
    let hold = faults.hold(Some("PUT"), "out/_manifest.json", Moment::Before);
    let driver = cinemill
        .start(&run("run", "s3://lake/out", "dead"))
        .unwrap();
    poll("the manifest", || (hold.waiting() > 0).then_some(())).unwrap();
    let visible = visible_files(&out).unwrap();
    assert!(!visible.is_empty());

    // It lives.
    let report = gc(&cinemill, "s3://lake/out", &["--older-than", "0s"]);
    assert_eq!(report["living_runs"], serde_json::json!(["dead"]));
    assert_eq!(visible_files(&out).unwrap(), visible);
    driver.kill().unwrap();
    drop(hold);

    // It is dead, but not for long: a manifest may be on its way.
    expire(&lake, "out", "dead");
    gc(&cinemill, "s3://lake/out", &[]);
    assert_eq!(visible_files(&out).unwrap(), visible);

    age(&out);
    expire(&lake, "out", "dead");
    let dry = gc(&cinemill, "s3://lake/out", &["--dry-run"]);
    let rejects = fs::read_dir(out.join("_rejects/dead")).unwrap().count();
    let hidden = staged(&out).unwrap().len();
    assert_eq!(dry["files"], visible.len() + rejects + hidden);
    assert_eq!(visible_files(&out).unwrap(), visible);
    let report = gc(&cinemill, "s3://lake/out", &[]);
    assert_eq!(report["files"], dry["files"]);
    lake.assert_nothing_is_left("out");
    let rejects = fs::read_dir(out.join("_rejects/dead"));
    assert_eq!(rejects.map_or(0, Iterator::count), 0);
    let again = gc(&cinemill, "s3://lake/out", &[]);
    assert_eq!(again["garbage"], serde_json::json!([]));
    assert_code(&lake.run("s3://lake/out", "dead"), 0, &[]);
    lake.table("out");
}

/// Uploads that nobody wrote down, as after a crash between their beginning and their note.
#[test]
fn forgotten_uploads_are_aborted_and_those_of_others_are_not() {
    let lake = Lake::new();
    assert_code(&lake.run("s3://lake/out", "r1"), 0, &[]);
    let part = "part-00000-lost-c000.snappy.parquet";
    let keys = [
        format!("out/{part}"),
        format!("out/year=2001/{part}"),
        format!("out2/{part}"),
        "out/backup.tar".to_owned(),
    ];
    keys.iter().for_each(|key| begin_upload(&lake, key));
    let cinemill = lake.cinemill();
    assert_eq!(gc(&cinemill, "s3://lake/out", &[])["uploads"], 0);
    let dry = gc(
        &cinemill,
        "s3://lake/out",
        &["--older-than", "0s", "--dry-run"],
    );
    assert_eq!((&dry["uploads"], lake.open_uploads().len()), (&2.into(), 4));
    let report = gc(&cinemill, "s3://lake/out", &["--older-than", "0s"]);
    assert_eq!(report["garbage"], dry["garbage"]);
    assert_eq!(lake.open_uploads(), [keys[3].as_str(), keys[2].as_str()]);
    lake.table("out");
}

#[test]
fn a_folder_on_a_disk_is_cleared_of_what_is_not_the_tables() {
    let folder = TempDir::new().unwrap();
    let (input, output) = (folder.path().join("in"), folder.path().join("out"));
    write_input(&input, 1000);
    let cinemill = Cinemill::default();
    let publish = |run_id: &str| {
        let [input, output] = [&input, &output].map(|path| text(path));
        let run = [
            "run",
            "imdb_titles",
            "--input",
            input,
            "--output",
            output,
            "--run-id",
            run_id,
        ];
        assert_code(&cinemill.run(&run).unwrap(), 0, &[]);
    };
    publish("r1");
    let put = |path: &str| {
        let path = output.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    };
    let garbage = [
        "part-00000-gone-c000.snappy.parquet",
        "year=2001/part-00000-gone-2-c000.snappy.parquet",
        "_rejects/gone/0.jsonl",
        "_staging/gone/1/x.parquet",
        "._manifest.json.tmp",
    ];
    let others = ["notes.txt", "data/part-1.parquet", "other.parquet"];
    let checkpoint = "_checkpoints/gone/credited-1/part-00000-gone-c000.snappy.parquet";
    garbage
        .iter()
        .chain(&others)
        .chain([&checkpoint])
        .for_each(|path| put(path));
    let output_text = text(&output);

    let young = gc(&cinemill, output_text, &["--dry-run"]);
    assert_eq!(young["garbage"].as_array().unwrap().len(), 1, "{young}");
    assert_eq!(young["checkpoints"][0]["run_id"], "gone", "{young}");
    age(&output);
    let report = gc(&cinemill, output_text, &[]);
    let mut found: Vec<&str> = (report["garbage"].as_array().unwrap().iter())
        .map(|garbage| garbage["path"].as_str().unwrap())
        .collect();
    found.sort();
    let mut expected = garbage.to_vec();
    expected.sort();
    assert_eq!(found, expected);
    let there = |path: &str| Path::new(&output).join(path).exists();
    assert!(garbage.iter().all(|path| !there(path)));
    assert!(others.iter().all(|path| there(path)));
    assert!(!there("year=2001") && !there("_staging") && !there("_checkpoints"));
    others
        .iter()
        .for_each(|path| fs::remove_file(output.join(path)).unwrap());
    let before = Table::read(&output);
    publish("r2");
    Table::read(&output).assert_same(&before);
    let words = cinemill.run(&["gc", output_text]).unwrap();
    assert_code(&words, 0, &["removed 0 files of 0 bytes and 0 uploads"]);
}

/// Tables lie below the folder that somebody named by mistake, one of them by day.
#[test]
fn tables_in_folders_below_are_others() {
    let folder = TempDir::new().unwrap();
    let input = folder.path().join("in");
    write_input(&input, 1000);
    let cinemill = Cinemill::default();
    let above = folder.path().join("tables");
    let tables = ["titles", "day=2001-01-01"].map(|name| above.join(name));
    for output in &tables {
        let [input, output] = [&input, output].map(|path| text(path));
        let run = ["run", "imdb_titles", "--input", input, "--output", output];
        assert_code(&cinemill.run(&run).unwrap(), 0, &[]);
    }
    let report = gc(&cinemill, text(&above), &["--older-than", "0s"]);
    assert_eq!(report["garbage"], serde_json::json!([]));
    // Also where the folder above has been a table's.
    fs::create_dir(above.join("_runs")).unwrap();
    fs::write(above.join("_runs/r.json"), "{}").unwrap();
    let report = gc(&cinemill, text(&above), &["--older-than", "0s"]);
    assert_eq!(report["garbage"], serde_json::json!([]));
    tables.iter().for_each(|table| drop(Table::read(table)));
}

#[test]
fn an_age_without_a_unit_is_refused() {
    let ended = Cinemill::default().run(&["gc", "out", "--older-than", "24"]);
    assert_code(&ended.unwrap(), 2, &["24h"]);
}

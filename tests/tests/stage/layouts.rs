//! What jobs make of staged files: the same table, in one piece or in parts, on a disk or in S3.

use std::fs;
use std::path::Path;

use cinemill_tests::published::whole;
use cinemill_tests::s3::S3Server;
use cinemill_tests::samples;
use cinemill_tests::web::{Page, Web};
use tempfile::TempDir;

use crate::fixture::{FILE, Site, assert_code, assert_fails, gzip, text, titles, visible};
use cinemill_tests::processes::Cinemill;

const SAMPLE: [&str; 4] = [
    "title.basics.tsv",
    "title.crew.tsv",
    "title.ratings.tsv",
    "name.basics.tsv",
];

/// Stages IMDb's files from a site on loopback, and compares the job's table with the originals'.
#[test]
fn a_job_finds_the_same_in_what_was_staged() {
    let folder = TempDir::new().unwrap();
    let original = folder.path().join("original");
    samples::make(20_000, 3, &original).unwrap();
    let expected = samples::embedded(&original).unwrap();
    let web = Web::start().unwrap();
    for name in SAMPLE {
        let packed = gzip(&fs::read(original.join(name)).unwrap());
        web.put(&format!("{name}.gz"), Page::new(packed));
    }
    web.put("title.akas.tsv.gz", Page::new(gzip(b"titleId\ttitle\n")));

    let s3_folder = TempDir::new().unwrap();
    let server = S3Server::start_blocking(s3_folder.path()).unwrap();
    server.create_bucket("lake").unwrap();
    let cinemill = Cinemill::default().with_s3(&server);
    let local = folder.path().join("raw");
    for to in [text(&local), "s3://lake/raw"] {
        for split in [None, Some("1")] {
            let url = web.url();
            let mut arguments = vec!["stage", "imdb", "--from", &url, "--to", to];
            arguments.extend(split.into_iter().flat_map(|mb| ["--split-mb", mb]));
            let ended = cinemill.run(&arguments).unwrap();
            assert_code(&ended, 0, &[]);
            assert_eq!(split.is_some(), ended.says("2 parts"), "{}", ended.stdout);
            let output = TempDir::new().unwrap();
            let output = text(output.path());
            let run = ["run", samples::JOB, "--input", to, "--output", output];
            assert_code(&cinemill.run(&run).unwrap(), 0, &["20000 rows"]);
            let table = whole(Path::new(output)).unwrap();
            assert_eq!(table.rows.difference(&expected.rows), None);
        }
    }
    assert_eq!(server.open_uploads("lake").unwrap(), Vec::<String>::new());
}

#[test]
fn the_way_a_file_lies_there_may_change() {
    let s3_folder = TempDir::new().unwrap();
    let server = S3Server::start_blocking(s3_folder.path()).unwrap();
    server.create_bucket("lake").unwrap();
    let mut in_s3 = Site::new(Page::default());
    in_s3.cinemill = Cinemill::default().with_s3(&server);
    in_s3.to = "s3://lake/raw".to_owned();
    let on_disk = Site::new(Page::default());
    let folders = [server.object_path("lake", "raw"), on_disk.path("raw")];
    for (site, folder) in [in_s3, on_disk].iter().zip(folders) {
        let stage = |split: Option<&str>, count: usize, version: &str| {
            site.web.put(FILE, Page::new(titles(version, count)));
            let more: Vec<&str> = split
                .into_iter()
                .flat_map(|mb| ["--split-mb", mb])
                .collect();
            site.staged(&more, &[]);
            assert_eq!(site.count(), count);
            visible(&folder)
        };
        assert_eq!(stage(None, 50_000, "aa"), [FILE]);
        let parts = stage(Some("1"), 50_000, "aa");
        assert_eq!(parts.len(), 4, "{parts:?}");
        assert!(
            parts
                .iter()
                .all(|name| name.starts_with("title.basics.tsv/part-0000"))
        );
        // Fewer parts than before, other sizes, then one piece again.
        assert_eq!(stage(Some("1"), 20_000, "bb").len(), 2);
        assert_eq!(stage(Some("2"), 80_000, "bb").len(), 3);
        assert_eq!(stage(Some("100"), 60_000, "bb"), [FILE]);
        stage(Some("1"), 60_000, "cc");
        assert_eq!(stage(None, 60_000, "dd"), [FILE]);
    }
}

/// Larger than what one request carries.
#[test]
fn large_files_are_uploaded_in_parts() {
    let s3_folder = TempDir::new().unwrap();
    let server = S3Server::start_blocking(s3_folder.path()).unwrap();
    server.create_bucket("lake").unwrap();
    let content = titles("aa", 500_000);
    assert!(content.len() > 9 << 20, "{} bytes", content.len());
    let mut site = Site::new(Page::new(content.clone()));
    site.cinemill = Cinemill::default().with_s3(&server);
    site.to = "s3://lake/raw".to_owned();
    site.staged(
        &["--archive", "s3://lake/archive"],
        &["archived as s3://lake/archive/"],
    );
    let staged = fs::read(server.object_path("lake", &format!("raw/{FILE}"))).unwrap();
    assert!(staged == content);
    assert_eq!(visible(&server.object_path("lake", "archive")).len(), 1);
    site.staged(&[], &["unchanged, skipped"]);
    assert_eq!(server.open_uploads("lake").unwrap(), Vec::<String>::new());

    site.to = "s3://absent/raw".to_owned();
    assert_fails(&site.stage(&[]), 21, &["bucket"]);
}

#[test]
fn a_folder_whose_list_does_not_fit_is_not_read() {
    let site = Site::new(Page::new(titles("aa", 50_000)));
    site.staged(&["--split-mb", "1"], &["4 parts"]);
    let folder = Path::new(&site.to).join("title.basics.tsv");
    let output = TempDir::new().unwrap();
    let part = folder.join(&visible(&folder)[1]);
    // What the list does not name does not matter.
    fs::write(folder.join("part-00009-other.tsv.gz"), titles("bb", 10)).unwrap();
    assert_eq!(site.count(), 50_000);
    fs::write(&part, titles("cc", 10)).unwrap();
    assert_fails(
        &site.run_job(output.path()),
        12,
        &["_parts.json says", "cinemill stage"],
    );
    fs::remove_file(&part).unwrap();
    assert_fails(&site.run_job(output.path()), 12, &["lacks part-"]);
    fs::write(folder.join("_parts.json"), "{\"parts\": []}").unwrap();
    assert_fails(&site.run_job(output.path()), 12, &["is being staged"]);
    fs::write(folder.join("_parts.json"), "{").unwrap();
    assert_fails(&site.run_job(output.path()), 12, &["cannot be read"]);
    site.staged(&["--split-mb", "1"], &["4 parts"]);
    assert_eq!(site.count(), 50_000);
}

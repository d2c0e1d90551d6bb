//! Buckets and objects that are missing, or that one may not use.

use std::fs;

use cinemill_tests::processes::{Cinemill, Ended};
use cinemill_tests::s3::S3Server;
use tempfile::TempDir;

use crate::fixture::{
    CREW, JOB, NAMES, RATINGS, Small, TITLES, assert_fails, assert_nothing_published, text,
};

/// A bucket with a good data set in `in`.
struct Bucket {
    _folder: TempDir,
    server: S3Server,
    small: Small,
}

impl Bucket {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let server = S3Server::start_blocking(folder.path()).unwrap();
        server.create_bucket("lake").unwrap();
        let small = Small::new();
        for name in [TITLES, CREW, RATINGS, NAMES] {
            let target = server.object_path("lake", &format!("in/{name}"));
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::copy(small.input().join(name), target).unwrap();
        }
        Self {
            _folder: folder,
            server,
            small,
        }
    }

    fn run_as(&self, cinemill: &Cinemill, input: &str, output: &str) -> Ended {
        let ended = cinemill
            .run(&["run", JOB, "--input", input, "--output", output])
            .unwrap();
        assert_nothing_published(&self.small.output());
        assert_nothing_published(&self.server.object_path("lake", "out"));
        ended
    }

    fn run(&self, input: &str, output: &str) -> Ended {
        let cinemill = Cinemill::default().with_s3(&self.server);
        self.run_as(&cinemill, input, output)
    }
}

#[test]
fn a_missing_bucket_is_named() {
    let bucket = Bucket::new();
    let output = bucket.small.output();
    let ended = bucket.run("s3://nowhere/in", text(&output));
    assert_fails(&ended, 12, &["nowhere"]);
}

#[test]
fn a_missing_folder_in_a_bucket_is_named() {
    let bucket = Bucket::new();
    let output = bucket.small.output();
    let ended = bucket.run("s3://lake/elsewhere", text(&output));
    assert_fails(&ended, 12, &["s3://lake/elsewhere"]);
}

#[test]
fn a_missing_bucket_for_the_output_is_named() {
    let ended = Bucket::new().run("s3://lake/in", "s3://nowhere/out");
    assert_fails(&ended, 21, &["nowhere"]);
}

#[test]
fn an_object_that_may_not_be_read_is_named() {
    let bucket = Bucket::new();
    bucket.server.faults().deny_prefix(Some("in/title.crew"));
    let output = bucket.small.output();
    let ended = bucket.run("s3://lake/in", text(&output));
    assert_fails(&ended, 12, &["title.crew.tsv"]);
}

#[test]
fn a_bucket_that_may_not_be_written_is_named() {
    let bucket = Bucket::new();
    bucket.server.faults().deny_prefix(Some("out"));
    let ended = bucket.run("s3://lake/in", "s3://lake/out");
    assert_fails(&ended, 21, &["s3://lake/out"]);
}

#[test]
fn wrong_keys_are_told_and_not_shown() {
    let bucket = Bucket::new();
    let stranger = Cinemill::default()
        .with_s3(&bucket.server)
        .with("AWS_SECRET_ACCESS_KEY", "0123mistaken");
    let output = bucket.small.output();
    let ended = bucket.run_as(&stranger, "s3://lake/in", text(&output));
    assert_fails(&ended, 12, &["hint:"]);
    assert!(!ended.says("0123mistaken"), "{}", ended.stderr);
}

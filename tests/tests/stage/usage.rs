//! Wrong command lines and wrong sources.

use std::fs;

use cinemill_tests::processes::Cinemill;
use cinemill_tests::web::{Page, Trouble};
use tempfile::TempDir;

use crate::fixture::{FILE, Site, assert_code, assert_fails, text, titles};

#[test]
fn wrong_words_are_told() {
    let folder = TempDir::new().unwrap();
    let to = text(folder.path());
    let run = |arguments: &[&str]| Cinemill::default().run(arguments).unwrap();
    let ended = run(&["stage", "imbd", "--to", to]);
    assert_fails(
        &ended,
        2,
        &["imbd", "fred, imdb, kaggle, movielens", "--source-file"],
    );
    assert_code(&run(&["stage", "--to", to]), 2, &["SOURCE"]);
    assert_code(&run(&["stage", "imdb"]), 2, &["--to"]);
    assert_code(
        &run(&["stage", "imdb", "--to", to, "--split-mb", "0"]),
        2,
        &["--split-mb"],
    );
    let ended = run(&["stage", "imdb", "--to", "gs://bucket/x"]);
    assert_fails(&ended, 2, &["gs://bucket/x"]);
    let own = folder.path().join("own.toml");
    let arguments = ["stage", "--source-file", text(&own), "--to", to];
    assert_fails(&run(&arguments), 2, &["own.toml"]);
    fs::write(&own, "[[file]]\nname = \"../up\"\n").unwrap();
    assert_fails(&run(&arguments), 10, &["`../up`"]);
    fs::write(&own, "[[file]]\nname = \"a.csv\"\n").unwrap();
    assert_fails(&run(&arguments), 2, &["--from"]);
}

#[test]
fn one_file_that_fails_does_not_keep_the_others_from_it() {
    let site = Site::new(Page::new(titles("aa", 100)));
    let own = "[[file]]\nname = \"absent.tsv.gz\"\n[[file]]\nname = \"title.basics.tsv.gz\"\n";
    fs::write(site.path("own.toml"), own).unwrap();
    assert_fails(
        &site.stage(&[]),
        12,
        &["absent.tsv.gz", "title.basics.tsv.gz: "],
    );
    assert_eq!(site.count(), 100);
}

#[test]
fn a_folder_or_a_bucket_is_a_source_too() {
    let site = Site::new(Page::new(titles("aa", 100)));
    site.staged(&[], &[]);
    let (own, copy) = (site.path("own.toml"), site.path("copy"));
    let (own, copy) = (text(&own), text(&copy));
    let arguments = [
        "stage",
        "--source-file",
        own,
        "--from",
        &site.to,
        "--to",
        copy,
    ];
    assert_code(&site.cinemill.run(&arguments).unwrap(), 0, &["staged"]);
    assert_code(&site.cinemill.run(&arguments).unwrap(), 0, &["unchanged"]);
    assert_eq!(
        fs::read(site.path("copy").join(FILE)).unwrap(),
        site.found()
    );
}

#[test]
fn a_target_that_cannot_be_written_is_told() {
    let mut site = Site::new(Page::new(titles("aa", 100)));
    fs::write(site.path("file"), "x").unwrap();
    site.to = text(&site.path("file/below")).to_owned();
    let ended = site.stage(&[]);
    assert_fails(&ended, 21, &["file/below"]);
}

#[test]
fn a_redirect_is_followed() {
    let site = Site::new(Page::new(titles("aa", 100)));
    let elsewhere = "Location: /elsewhere.gz\r\n";
    site.web.put("elsewhere.gz", Page::new(titles("bb", 101)));
    site.web.put(
        FILE,
        Page::default().with([Trouble::Status(302, elsewhere)]),
    );
    site.staged(&[], &[]);
    assert_eq!(site.count(), 101);
}

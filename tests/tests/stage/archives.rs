//! The other built-in sources: zip archives, and a file whose URL is not its name.

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use cinemill_tests::processes::Cinemill;
use cinemill_tests::web::{Page, Web};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::fixture::{assert_code, assert_fails, text, visible};

fn archive(members: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        writer
            .start_file(*name, SimpleFileOptions::default())
            .unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn stage(source: &str, from: &str, to: &Path) -> cinemill_tests::processes::Ended {
    let arguments = ["stage", source, "--from", from, "--to", text(to)];
    Cinemill::default().run(&arguments).unwrap()
}

#[test]
fn the_files_of_movielens_come_out_of_their_archive() {
    let web = Web::start().unwrap();
    let folder = TempDir::new().unwrap();
    let to = folder.path().join("raw");
    let ratings = "userId,movieId,rating,timestamp\n1,1,4.0,964982703\n".repeat(1000);
    let content = archive(&[
        ("ml-latest-small/README.txt", "terms"),
        ("ml-latest-small/links.csv", "links"),
        ("ml-latest-small/movies.csv", "movies"),
        ("ml-latest-small/ratings.csv", &ratings),
        ("ml-latest-small/tags.csv", "tags"),
    ]);
    web.put("ml-latest-small.zip", Page::new(content.clone()));
    assert_code(&stage("movielens", &web.url(), &to), 0, &["ratings.csv"]);
    assert_eq!(
        visible(&to),
        ["links.csv", "movies.csv", "ratings.csv", "tags.csv"]
    );
    assert_eq!(fs::read_to_string(to.join("ratings.csv")).unwrap(), ratings);
    assert_code(&stage("movielens", &web.url(), &to), 0, &["unchanged"]);

    // Damage, and a file that is not in there, change nothing.
    let mut damaged = content.clone();
    let place = content.len() / 2;
    damaged[place] ^= 0x55;
    let lacking = archive(&[("a/movies.csv", "other"), ("a/ratings.csv", "x")]);
    let twice = archive(&[("a/movies.csv", "other"), ("b/movies.csv", "x")]);
    for (bad, cause) in [
        (content[..content.len() - 9].to_vec(), "zip"),
        (lacking, "holds no links.csv"),
        (twice, "more than one movies.csv"),
        (b"<html>".to_vec(), "zip"),
    ] {
        web.put("ml-latest-small.zip", Page::new(bad));
        assert_fails(&stage("movielens", &web.url(), &to), 12, &[cause]);
        assert_eq!(fs::read_to_string(to.join("movies.csv")).unwrap(), "movies");
    }
}

#[test]
fn an_archive_of_kaggle_is_named_by_the_user() {
    let folder = TempDir::new().unwrap();
    let to = folder.path().join("raw");
    let downloaded = folder.path().join("the-movies-dataset.zip");
    let metadata = "adult,budget\nFalse,1\n";
    fs::write(
        &downloaded,
        archive(&[("movies_metadata.csv", metadata), ("links.csv", "x")]),
    )
    .unwrap();
    assert_code(
        &stage("kaggle", text(&downloaded), &to),
        0,
        &["movies_metadata.csv"],
    );
    assert_eq!(visible(&to), ["movies_metadata.csv"]);
    assert_eq!(
        fs::read_to_string(to.join("movies_metadata.csv")).unwrap(),
        metadata
    );
    assert_code(&stage("kaggle", text(&downloaded), &to), 0, &["unchanged"]);

    let arguments = ["stage", "kaggle", "--to", text(&to)];
    let ended = Cinemill::default().run(&arguments).unwrap();
    assert_fails(&ended, 2, &["--from"]);
    assert_fails(
        &stage("kaggle", "/absent.zip", &to),
        12,
        &["does not exist"],
    );

    // A signature in a URL is told to the server and to nobody else.
    let web = Web::start().unwrap();
    web.put(
        "d.zip?sig=SECRET",
        Page::new(fs::read(&downloaded).unwrap()),
    );
    let ended = stage("kaggle", &format!("{}/d.zip?sig=SECRET", web.url()), &to);
    assert_code(&ended, 0, &[]);
    let note = fs::read_to_string(to.join("_stage/archive.zip.json")).unwrap();
    assert!(!ended.says("SECRET") && !note.contains("SECRET"));
    web.remove("d.zip?sig=SECRET");
    let ended = stage("kaggle", &format!("{}/d.zip?sig=SECRET", web.url()), &to);
    assert_fails(&ended, 12, &["404"]);
    assert!(!ended.says("SECRET"));
}

#[test]
fn the_price_index_gets_a_name_of_its_own() {
    let web = Web::start().unwrap();
    let folder = TempDir::new().unwrap();
    let csv = "DATE,CUSR0000SS62031\n1999-01-01,102.700\n";
    let page = Page {
        e_tag: None,
        modified: None,
        ..Page::new(csv)
    };
    web.put("fredgraph.csv?id=CUSR0000SS62031", page);
    assert_code(
        &stage("fred", &web.url(), folder.path()),
        0,
        &["CUSR0000SS62031.csv"],
    );
    let staged = fs::read_to_string(folder.path().join("CUSR0000SS62031.csv")).unwrap();
    assert_eq!(staged, csv);
}

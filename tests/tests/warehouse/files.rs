//! Files that are not those which the manifest lists.

use std::fs;
use std::path::PathBuf;

use cinemill_tests::processes::assert_code;
use cinemill_tests::published::visible_files;

use crate::films::ROWS;
use crate::site::Site;

fn part(site: &Site, name: &str) -> PathBuf {
    let folder = site.files(name);
    let files = visible_files(&folder).unwrap();
    folder.join(
        files
            .into_iter()
            .find(|file| file.ends_with(".parquet"))
            .unwrap(),
    )
}

#[test]
fn a_missing_or_changed_file_is_named_and_nothing_is_sent() {
    for site in [Site::postgres(), Site::redshift()] {
        let films = site.publish("films", ROWS);
        let file = part(&site, "films");
        let name = file.file_name().unwrap().to_str().unwrap();
        let whole = fs::read(&file).unwrap();

        fs::write(&file, [&whole[..], b"!"].concat()).unwrap();
        let (is, listed) = (whole.len() + 1, whole.len());
        let told = format!("it has {is} bytes, but the manifest says {listed}");
        assert_code(&site.load(&films, &["--create"]), 12, &[name, &told]);

        let mut damaged = whole.clone();
        damaged[listed - 20..].fill(0);
        fs::write(&file, damaged).unwrap();
        assert_code(&site.load(&films, &["--create"]), 12, &[name]);

        fs::remove_file(&file).unwrap();
        let told = "the manifest lists it, but it is not there";
        assert_code(&site.load(&films, &["--create"]), 12, &[name, told]);

        fs::write(&file, whole).unwrap();
        site.loads(&films, &["--create"]);
    }
}

#[test]
fn the_folder_or_its_manifest_may_be_named() {
    let site = Site::postgres();
    let films = site.publish("films", ROWS);
    site.loads(&format!("{films}/_manifest.json"), &["--create"]);
    site.has_loaded(&films, &[]);
    site.has_loaded(&format!("{films}/"), &[]);
    assert_code(
        &site.load(&site.place("none"), &[]),
        12,
        &["nothing was published there"],
    );
}

/// Redshift is never sent a folder: it would read everything that lies there.
#[test]
fn redshift_copies_by_a_manifest_that_goes_again() {
    let site = Site::redshift();
    let films = site.publish("films", ROWS);
    site.loads(&films, &["--create"]);
    let received = site.stand_in().received();
    let copy = received.iter().find(|sql| sql.starts_with("COPY")).unwrap();
    assert!(
        copy.contains("/films/_loads/") && copy.ends_with("MANIFEST"),
        "{copy}"
    );
    let left = fs::read_dir(site.files("films").join("_loads"));
    assert_eq!(left.map_or(0, Iterator::count), 0);
}

/// What a loader that was killed leaves goes with `cinemill gc`.
#[test]
fn a_manifest_that_a_crash_left_is_garbage() {
    let site = Site::redshift();
    let films = site.publish("films", ROWS);
    let folder = site.files("films").join("_loads");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("dead.json"), "{}").unwrap();
    let gc = |age: &str| {
        let arguments = ["gc", &films, "--older-than", age];
        site.cinemill.run(&arguments).unwrap()
    };
    assert_code(&gc("1h"), 0, &["removed 0 files"]);
    assert_code(
        &gc("0s"),
        0,
        &["manifests of loads that crashed: 1", "removed 1 files"],
    );
    site.loads(&films, &["--create"]);
}

//! What has not changed is passed over; what came is archived.

use std::fs;
use std::path::Path;

use cinemill_tests::web::Page;
use serde_json::Value;

use crate::fixture::{FILE, Site, text, titles, visible};

#[test]
fn an_unchanged_file_is_not_fetched_again() {
    let site = Site::new(Page::new(titles("aa", 1000)));
    site.staged(&[], &["staged", "sha256"]);
    site.web.asked();
    site.staged(&[], &["unchanged, skipped"]);
    let asked = site.web.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].status, 304);
    assert!(asked[0].header("if-none-match").is_some());

    site.web.put(FILE, Page::new(titles("bb", 1001)));
    let ended = site.staged(&[], &["staged"]);
    assert!(!ended.says("unchanged"));
    assert_eq!(site.count(), 1001);
}

#[test]
fn a_server_that_knows_no_conditions_is_believed_by_its_marks_or_by_the_content() {
    let content = titles("aa", 1000);
    let unmarked = Page {
        e_tag: None,
        modified: None,
        ..Page::new(content.clone())
    };
    let site = Site::new(unmarked);
    site.staged(&[], &[]);
    site.staged(&[], &["unchanged, skipped"]);
    // Another tag for the same bytes.
    let page = Page {
        e_tag: Some("\"other\"".to_owned()),
        ..Page::new(content)
    };
    site.web.put(FILE, page);
    site.staged(&[], &["unchanged, skipped"]);
    site.web.asked();
    site.staged(&[], &["unchanged, skipped"]);
    assert_eq!(site.web.asked()[0].status, 304);
}

#[test]
fn what_is_gone_or_was_changed_in_the_target_is_staged_again() {
    let content = titles("aa", 1000);
    let site = Site::new(Page::new(content.clone()));
    site.staged(&[], &[]);
    let place = Path::new(&site.to).join(FILE);
    fs::remove_file(&place).unwrap();
    assert!(!site.staged(&[], &[]).says("unchanged"));
    assert_eq!(site.found(), content);
    fs::write(&place, "spoilt").unwrap();
    assert!(!site.staged(&[], &[]).says("unchanged"));
    assert_eq!(site.found(), content);
    // A note that cannot be read says nothing.
    fs::write(Path::new(&site.to).join(format!("_stage/{FILE}.json")), "{").unwrap();
    assert!(!site.staged(&[], &[]).says("unchanged"));
    site.staged(&[], &["unchanged"]);
}

#[test]
fn files_are_archived_as_they_came_below_the_date() {
    let content = titles("aa", 40_000);
    let site = Site::new(Page::new(content.clone()));
    let archive = site.path("archive");
    // One that was staged without is fetched again for the archive's sake.
    site.staged(&["--split-mb", "1"], &["parts"]);
    let more = ["--split-mb", "1", "--archive", text(&archive)];
    site.staged(&more, &["archived as"]);
    let days = visible(&archive);
    assert_eq!(days.len(), 1);
    assert!(days[0].ends_with(&format!("/{FILE}")), "{days:?}");
    assert_eq!(days[0].len(), "2026-11-21/".len() + FILE.len());
    assert_eq!(fs::read(archive.join(&days[0])).unwrap(), content);
    site.staged(&more, &["unchanged, skipped"]);
}

#[test]
fn json_tells_of_each_file() {
    let content = titles("aa", 1000);
    let bytes = content.len();
    let site = Site::new(Page::new(content));
    for unchanged in [false, true] {
        let ended = site.staged(&["--json"], &[]);
        let told: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(told[0]["file"], FILE);
        assert_eq!(told[0]["unchanged"], unchanged);
        assert_eq!(told[0]["bytes"], bytes);
        assert_eq!(told[0]["outputs"][0], FILE);
    }
    site.web.remove(FILE);
    let ended = site.stage(&["--json"]);
    assert_eq!(ended.code(), Some(12));
    let told: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(told[0]["error"]["kind"], "input");
}

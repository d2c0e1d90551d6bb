//! What comes of servers that break off, lie, change files or refuse.

use cinemill_tests::web::{Page, Trouble};

use crate::fixture::{FILE, Site, assert_fails, titles};

const COUNT: usize = 20_000;

fn statuses(site: &Site) -> Vec<u16> {
    site.web.asked().iter().map(|asked| asked.status).collect()
}

#[test]
fn a_broken_download_goes_on_where_it_broke() {
    let content = titles("aa", COUNT);
    let breaks = [100_000, 50_000, 1].map(Trouble::BreakAfter);
    let site = Site::new(Page::new(content.clone()).with(breaks));
    site.staged(&[], &["broke off", "trying again", "staged"]);
    assert_eq!(site.found(), content);
    let asked = site.web.asked();
    let ranges: Vec<_> = asked.iter().map(|asked| asked.header("range")).collect();
    let expected = [
        None,
        Some("bytes=100000-"),
        Some("bytes=150000-"),
        Some("bytes=150001-"),
    ];
    assert_eq!(ranges, expected);
    assert!(
        asked[1..]
            .iter()
            .all(|asked| asked.status == 206 && asked.header("if-range").is_some())
    );
}

#[test]
fn a_server_without_ranges_or_marks_is_asked_for_all_again() {
    let content = titles("aa", COUNT);
    let plain = Page {
        e_tag: None,
        modified: None,
        ..Page::new(content.clone())
    };
    let weak = Page {
        e_tag: Some("W/\"1\"".to_owned()),
        modified: None,
        ..Page::new(content.clone())
    };
    let whole = Page {
        ranges: false,
        ..Page::new(content.clone())
    };
    for page in [plain, weak, whole] {
        let site = Site::new(page.with([Trouble::BreakAfter(100_000)]));
        site.staged(&[], &["broke off"]);
        assert_eq!(site.found(), content);
        assert_eq!(statuses(&site), [200, 200]);
    }
}

#[test]
fn a_file_that_changes_half_way_is_fetched_from_its_beginning() {
    let (old, new) = (titles("aa", COUNT), titles("bb", COUNT + 7));
    for (modified, status) in [(true, 200), (false, 200)] {
        let mut page = Page::new(old.clone()).with([Trouble::BreakAfter(100_000)]);
        let mut next = Page::new(new.clone());
        if !modified {
            (page.modified, next.modified) = (None, None);
        }
        page.next = Some(Box::new(next));
        let site = Site::new(page);
        site.staged(&[], &["broke off"]);
        assert_eq!(site.found(), new);
        assert_eq!(statuses(&site), [200, status]);
    }
}

#[test]
fn a_rest_that_does_not_fit_is_not_taken() {
    let content = titles("aa", COUNT);
    let troubles = [Trouble::BreakAfter(100_000), Trouble::WrongRest];
    let site = Site::new(Page::new(content.clone()).with(troubles));
    site.staged(&[], &["went on with something else"]);
    assert_eq!(site.found(), content);
    assert_eq!(statuses(&site), [200, 206, 200]);
}

#[test]
fn trouble_that_passes_is_waited_for() {
    let content = titles("aa", 100);
    let troubles = [
        Trouble::Status(500, ""),
        Trouble::Status(429, "Retry-After: 1\r\n"),
        Trouble::Status(503, ""),
        Trouble::BreakAfter(0),
    ];
    let site = Site::new(Page::new(content.clone()).with(troubles));
    site.staged(&[], &["answers 500", "answers 429", "answers 503"]);
    assert_eq!(site.found(), content);
}

#[test]
fn trouble_that_lasts_ends_in_bounded_time() {
    let content = titles("aa", 100);
    for trouble in [
        Trouble::Status(500, ""),
        Trouble::BreakAfter(0),
        Trouble::Length(10),
    ] {
        let site = Site::new(Page::new(content.clone()).with(vec![trouble; 300]));
        assert_fails(&site.stage(&[]), 20, &[FILE, "hint: run it again"]);
        assert!(site.web.asked().len() < 20);
        site.assert_nothing_visible();
    }
}

#[test]
fn a_server_that_is_not_there_fails_the_staging() {
    let site = Site::new(Page::new(titles("aa", 10)));
    let (own, to) = (site.path("own.toml"), site.to.clone());
    let port = cinemill_tests::processes::free_port().unwrap();
    let from = format!("http://127.0.0.1:{port}");
    let own = crate::fixture::text(&own);
    let arguments = ["stage", "--source-file", own, "--from", &from, "--to", &to];
    let ended = site.cinemill.run(&arguments).unwrap();
    assert_fails(&ended, 20, &["Connection refused"]);
}

#[test]
fn refusals_are_told_at_once() {
    for status in [401, 403, 404, 410] {
        let page = Page::new(titles("aa", 10)).with([Trouble::Status(status, "")]);
        let site = Site::new(page);
        assert_fails(&site.stage(&[]), 12, &[FILE, &status.to_string()]);
        assert_eq!(site.web.asked().len(), 1);
        site.assert_nothing_visible();
    }
    let site = Site::new(Page::new(titles("aa", 10)));
    site.web.remove(FILE);
    assert_fails(&site.stage(&[]), 12, &["404"]);
}

#[test]
fn damage_is_fetched_again_once_and_never_staged() {
    let content = titles("aa", COUNT);
    let place = content.len() / 2;
    let once = Page::new(content.clone()).with([Trouble::Flip(place)]);
    let site = Site::new(once);
    site.staged(&[], &["it is damaged"]);
    assert_eq!(site.found(), content);

    // Told too short, so that the end is missing; damaged at its source; no gzip at all.
    let short = Page::new(content.clone()).with(vec![Trouble::Length(-5); 9]);
    let flipped = Page::new(content.clone()).with(vec![Trouble::Flip(content.len() - 6); 9]);
    let html = Page::new("<html>Sorry</html>");
    for page in [short, flipped, html] {
        let site = Site::new(page);
        assert_fails(&site.stage(&["--split-mb", "1"]), 12, &[FILE]);
        assert_eq!(site.web.asked().len(), 2);
        site.assert_nothing_visible();
    }
}

#[test]
fn a_failed_staging_leaves_the_file_of_before() {
    let (old, new) = (titles("aa", COUNT), titles("bb", COUNT + 7));
    let site = Site::new(Page::new(old.clone()));
    site.staged(&[], &[]);
    site.web.put(
        FILE,
        Page::new(new.clone()).with(vec![Trouble::BreakAfter(0); 300]),
    );
    assert_fails(&site.stage(&[]), 20, &[]);
    assert_eq!(site.found(), old);
    assert_eq!(site.count(), COUNT);
    site.web.put(FILE, Page::new(new));
    site.staged(&[], &[]);
    assert_eq!(site.count(), COUNT + 7);
}

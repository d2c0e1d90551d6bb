//! Killed, cancelled and simultaneous stagings.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use cinemill_tests::processes::{Cinemill, Running, poll};
use cinemill_tests::s3::S3Server;
use cinemill_tests::web::{Page, Trouble};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::fixture::{FILE, Site, assert_code, assert_fails, titles};

const OLD: usize = 60_000;
const NEW: usize = 80_000;

fn until_asked(site: &Site, running: &mut Running) {
    poll("a request", || (!site.web.asked().is_empty()).then_some(())).unwrap();
    assert!(!running.is_over());
}

#[test]
fn a_staging_killed_half_way_leaves_nothing_visible_and_may_be_repeated() {
    let content = titles("aa", OLD);
    let page = Page::new(content.clone()).with([Trouble::StallAfter(100_000)]);
    let site = Site::new(page);
    let mut running = site.start(&[]);
    until_asked(&site, &mut running);
    running.kill().unwrap();
    site.assert_nothing_visible();
    site.staged(&[], &[]);
    assert_eq!(site.found(), content);
    // The killed one's work folder went with the next staging.
    let left: Vec<_> = fs::read_dir(site.path("work")).unwrap().flatten().collect();
    let folders = left.iter().filter(|entry| entry.path().is_dir());
    assert_eq!(folders.count(), 0);
}

#[test]
fn a_cancelled_staging_ends_at_once() {
    for signal in [Signal::INT, Signal::TERM] {
        let page = Page::new(titles("aa", OLD)).with([Trouble::StallAfter(100_000)]);
        let site = Site::new(page);
        let mut running = site.start(&[]);
        until_asked(&site, &mut running);
        let began = Instant::now();
        running.signal(signal);
        assert_fails(&running.wait().unwrap(), 22, &["cancelled"]);
        assert!(began.elapsed() < Duration::from_secs(5));
        site.assert_nothing_visible();
    }
}

/// At every moment a job finds all of the old file or all of the new one.
fn kill_at_all_moments(site: &Site, split: &[&str]) {
    let (old, new) = (titles("aa", OLD), titles("bb", NEW));
    let restore = || {
        site.web.put(FILE, Page::new(old.clone()));
        site.staged(split, &[]);
        site.web.put(FILE, Page::new(new.clone()));
    };
    restore();
    let began = Instant::now();
    site.staged(split, &[]);
    let length = began.elapsed();
    let (mut seen_old, moments) = (0, 12);
    for moment in 1..=moments {
        restore();
        let running = site.start(split);
        thread::sleep(length * moment / moments);
        running.kill().unwrap();
        let count = site.count();
        assert!([OLD, NEW].contains(&count), "{count} titles");
        seen_old += u32::from(count == OLD);
    }
    assert!(seen_old > 0, "every staging was done before it was killed");
    site.staged(split, &[]);
    assert_eq!(site.count(), NEW);
}

#[test]
fn a_staging_over_a_disk_may_be_killed_at_any_moment() {
    let site = Site::new(Page::default());
    kill_at_all_moments(&site, &["--split-mb", "1"]);
}

#[test]
fn a_staging_over_s3_may_be_killed_at_any_moment() {
    let folder = TempDir::new().unwrap();
    let server = S3Server::start_blocking(folder.path()).unwrap();
    server.create_bucket("lake").unwrap();
    let mut site = Site::new(Page::default());
    site.cinemill = Cinemill::default().with_s3(&server);
    site.to = "s3://lake/raw".to_owned();
    kill_at_all_moments(&site, &["--split-mb", "1"]);
    kill_at_all_moments(&site, &[]);
}

/// The first parts that come are not taken for all, either.
#[test]
fn a_first_staging_in_parts_may_be_killed_at_any_moment() {
    let content = titles("aa", OLD);
    let split = ["--split-mb", "1"];
    let whole = Site::new(Page::new(content.clone()));
    let began = Instant::now();
    whole.staged(&split, &[]);
    let (length, moments) = (began.elapsed(), 12);
    for moment in 1..=moments {
        let site = Site::new(Page::new(content.clone()));
        let running = site.start(&split);
        thread::sleep(length * moment / moments);
        running.kill().unwrap();
        let output = TempDir::new().unwrap();
        let ended = site.run_job(output.path());
        match ended.code() {
            Some(0) => assert_eq!(site.count(), OLD),
            _ => assert_fails(&ended, 12, &[]),
        }
        site.staged(&split, &[]);
        assert_eq!(site.count(), OLD);
    }
}

#[test]
fn stagings_side_by_side_do_no_harm() {
    let s3_folder = TempDir::new().unwrap();
    let server = S3Server::start_blocking(s3_folder.path()).unwrap();
    server.create_bucket("lake").unwrap();
    let mut in_s3 = Site::new(Page::default());
    in_s3.cinemill = Cinemill::default().with_s3(&server);
    in_s3.to = "s3://lake/raw".to_owned();
    let on_disk = Site::new(Page::default());
    for site in [in_s3, on_disk] {
        for (round, split) in [&["--split-mb", "1"][..], &[]]
            .iter()
            .cycle()
            .take(6)
            .enumerate()
        {
            let count = OLD + 1000 * round;
            let version = ["aa", "bb", "cc"][round % 3];
            site.web.put(FILE, Page::new(titles(version, count)));
            let running: Vec<Running> = (0..3).map(|_| site.start(split)).collect();
            for one in running {
                assert_code(&one.wait().unwrap(), 0, &[]);
            }
            assert_eq!(site.count(), count);
        }
    }
}

#[test]
fn what_killed_stagings_left_in_the_target_goes_in_time() {
    let site = Site::new(Page::new(titles("aa", 100)));
    let own = Path::new(&site.to).join("_stage");
    fs::create_dir_all(&own).unwrap();
    let (old, young) = (own.join("old.tmp"), own.join("young.tmp"));
    fs::write(&young, "x").unwrap();
    let file = fs::File::create(&old).unwrap();
    let day_and_more = Duration::from_secs(25 * 60 * 60);
    file.set_modified(std::time::SystemTime::now() - day_and_more)
        .unwrap();
    site.staged(&[], &[]);
    assert!(!old.exists() && young.exists());
}

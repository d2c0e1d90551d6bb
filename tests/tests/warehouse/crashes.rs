//! Whatever dies, and whoever comes at the same time: the table is the old one or the new one, and
//! the ledger knows which.

use std::thread;
use std::time::{Duration, Instant};

use cinemill_tests::processes::{Running, assert_code, poll};
use cinemill_tests::s3::{Hold, Moment};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rustix::process::Signal;

use crate::site::{Site, Table};

const TITLES: &str = "public.imdb_titles";
const KILLS: u32 = 20;

/// A site with one snapshot loaded, another one to load, and what the table holds with either.
struct Change {
    site: Site,
    new: String,
    tables: [Table; 2],
}

impl Change {
    fn new(site: Site) -> Self {
        let old = site.publish_titles("old", 5_000, 1);
        let new = site.publish_titles("new", 40_000, 2);
        let tables = [site.published("old"), site.published("new")];
        site.loads(&old, &["--create"]);
        Self { site, new, tables }
    }

    /// The table is one of the two, as the ledger says: one entry for each.
    #[track_caller]
    fn assert_either(&self) {
        // What a loader that died had begun, the server ends.
        let over = || (!has_session(&self.site)).then_some(());
        poll("the loader's session to end", over).unwrap();
        let entries = self.site.entries(TITLES);
        let rows = self.site.rows(TITLES);
        assert!((1..=2).contains(&entries), "{entries} entries");
        assert_eq!(rows.len(), self.tables[entries - 1].len());
        assert!(rows == self.tables[entries - 1], "rows of neither snapshot");
    }

    #[track_caller]
    fn assert_new(&self) {
        self.assert_either();
        assert_eq!(self.site.entries(TITLES), 2);
    }

    /// Back to the old snapshot, as if the new one had never been loaded.
    fn undo(&self) {
        if self.site.entries(TITLES) == 2 {
            let old = self.site.place("old");
            self.site.loads(&old, &[]);
            self.site
                .execute("DELETE FROM cinemill.loads WHERE load_number > 1");
        }
    }
}

/// Holds up the reading of rows of the new snapshot: the load stands in the middle of its `COPY`.
fn hold_files(site: &Site) -> Hold {
    site.lake()
        .faults()
        .hold(Some("GET"), "/new/part-", Moment::Before)
}

fn wait_for(hold: &Hold) {
    poll("the load to read files", || {
        (hold.waiting() > 0).then_some(())
    })
    .unwrap();
}

#[test]
fn a_loader_may_be_killed_at_any_moment() {
    let change = Change::new(Site::postgres());
    let (site, new) = (&change.site, &change.new);
    let began = Instant::now();
    site.loads(new, &[]);
    let length = began.elapsed();
    let mut random = ChaCha8Rng::seed_from_u64(20);
    for _ in 0..KILLS {
        change.undo();
        let moment = length.mul_f64(random.random_range(0.0..1.2));
        let running = site.start_load(new, &[]);
        thread::sleep(moment);
        running.kill().unwrap();
        change.assert_either();
        // Who comes next does what is left, once.
        assert_code(&site.load(new, &[]), 0, &[]);
        change.assert_new();
    }
}

#[test]
fn a_loader_killed_amid_the_copy_leaves_the_old_table() {
    let change = Change::new(Site::postgres_over_s3());
    amid_the_copy(&change, |_| {}).kill().unwrap();
    change.assert_either();
    assert_eq!(change.site.entries(TITLES), 1);
    change.site.loads(&change.new, &[]);
    change.assert_new();
}

/// Starts a load, and does something while it copies.
fn amid_the_copy(change: &Change, fault: impl Fn(&Site)) -> Running {
    let site = &change.site;
    let mut hold = hold_files(site);
    let running = site.start_load(&change.new, &[]);
    poll("the copy to begin", || {
        if is_copying(site) {
            return Some(());
        }
        if hold.waiting() > 0 {
            // It looks at the files before the transaction begins.
            let next = hold_files(site);
            std::mem::replace(&mut hold, next).release();
        }
        None
    })
    .unwrap();
    fault(site);
    hold.release();
    running
}

fn is_copying(site: &Site) -> bool {
    let copies = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'COPY%' AND state = 'active'";
    !site.database().query(copies).unwrap().is_empty()
}

#[test]
fn a_dropped_connection_is_made_again() {
    let change = Change::new(Site::postgres_over_s3());
    let running = amid_the_copy(&change, |site| {
        assert!(site.database().terminate_connections("admin").unwrap() > 0);
    });
    let ended = running.wait().unwrap();
    assert_code(&ended, 0, &["trying again", "loaded"]);
    change.assert_new();
}

#[test]
fn a_server_may_start_again_in_the_middle() {
    let change = Change::new(Site::postgres_over_s3());
    let running = amid_the_copy(&change, |site| {
        site.database().kill().unwrap();
        thread::sleep(Duration::from_secs(1));
        site.database().restart().unwrap();
    });
    let ended = running.wait().unwrap();
    assert_code(&ended, 0, &["trying again", "loaded"]);
    change.assert_new();
}

#[test]
fn a_server_that_stays_away_fails_the_load() {
    let change = Change::new(Site::postgres_over_s3());
    let running = amid_the_copy(&change, |site| site.database().kill().unwrap());
    let ended = running.wait().unwrap();
    assert!([Some(20), Some(30)].contains(&ended.code()), "{ended:?}");
    change.site.database().restart().unwrap();
    assert_eq!(change.site.entries(TITLES), 1);
    change.assert_either();
}

#[test]
fn two_loaders_at_once_load_once() {
    let change = Change::new(Site::postgres());
    let loaders: Vec<Running> = (0..4)
        .map(|_| change.site.start_load(&change.new, &[]))
        .collect();
    let ended: Vec<_> = loaders
        .into_iter()
        .map(|loader| loader.wait().unwrap())
        .collect();
    for ended in &ended {
        assert_code(ended, 0, &[]);
    }
    let loaded = ended
        .iter()
        .filter(|ended| ended.says("imdb_titles loaded"))
        .count();
    assert_eq!(loaded, 1);
    change.assert_new();
}

/// None of them finds a table, a schema or a ledger.
#[test]
fn two_loaders_at_once_make_one_table() {
    let site = Site::postgres();
    let titles = site.publish_titles("new", 5_000, 2);
    let loaders: Vec<Running> = (0..4)
        .map(|_| site.start_load(&titles, &["--create"]))
        .collect();
    for loader in loaders {
        assert_code(&loader.wait().unwrap(), 0, &[]);
    }
    assert_eq!(site.entries(TITLES), 1);
    assert_eq!(site.rows(TITLES), site.published("new"));
}

#[test]
fn an_interrupted_load_is_rolled_back_and_says_so() {
    let change = Change::new(Site::postgres_over_s3());
    let running = amid_the_copy(&change, |_| {});
    running.signal(Signal::INT);
    let ended = running.wait().unwrap();
    // It may have been faster than the signal.
    assert!([Some(22), Some(0)].contains(&ended.code()), "{ended:?}");
    change.assert_either();

    change.undo();
    let hold = hold_files(&change.site);
    let running = change.site.start_load(&change.new, &["--deadline", "3s"]);
    wait_for(&hold);
    let ended = running.wait().unwrap();
    assert_code(&ended, 23, &[]);
    hold.release();
    assert_eq!(change.site.entries(TITLES), 1);
    change.assert_either();
}

/// Holds a lock on the table of titles for a while, as somebody else's session.
fn hold_lock<T>(site: &Site, lock: &str, during: impl FnOnce() -> T) -> T {
    thread::scope(|scope| {
        let sql = format!("BEGIN; {lock}; SELECT pg_sleep(20); ROLLBACK");
        scope.spawn(move || site.database().query(&sql));
        poll("the lock to be taken", || {
            let held =
                "SELECT 1 FROM pg_locks WHERE relation = 'imdb_titles'::regclass AND granted";
            (!site.database().query(held).unwrap().is_empty()).then_some(())
        })
        .unwrap();
        let done = during();
        let sleepers = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                        WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()";
        site.database().query(sleepers).unwrap();
        done
    })
}

/// Whether a loader still has a session on the server.
fn has_session(site: &Site) -> bool {
    let sessions = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'cinemill'";
    !site.database().query(sessions).unwrap().is_empty()
}

/// Cancelled while it waits: before it changed anything, and with all done but the commit.
#[test]
fn a_load_that_waits_for_a_lock_can_be_cancelled() {
    let change = Change::new(Site::postgres());
    for lock in [
        "LOCK TABLE imdb_titles IN ROW EXCLUSIVE MODE; SELECT 1 FROM imdb_titles FOR UPDATE",
        "LOCK TABLE imdb_titles IN SHARE UPDATE EXCLUSIVE MODE",
    ] {
        hold_lock(&change.site, lock, || {
            let began = Instant::now();
            let ended = change.site.load(&change.new, &["--deadline", "5s"]);
            assert_code(&ended, 23, &["cancelled"]);
            assert!(began.elapsed() < Duration::from_secs(15), "{lock}");
            assert!(!has_session(&change.site), "{lock}");
        });
        assert_eq!(change.site.entries(TITLES), 1, "{lock}");
        change.assert_either();
    }
    change.site.loads(&change.new, &[]);
    change.assert_new();
}

/// Readers see the old rows until the new ones are committed, and never wait.
#[test]
fn readers_see_the_old_table_until_the_new_one_is_there() {
    let change = Change::new(Site::postgres());
    let running = change.site.start_load(&change.new, &[]);
    let sizes = change.tables.each_ref().map(Vec::len);
    let mut running = running;
    let mut seen = Vec::new();
    while !running.is_over() {
        let rows = change
            .site
            .database()
            .query("SELECT count(*) FROM imdb_titles")
            .unwrap();
        let count: usize = rows[0][0].as_ref().unwrap().parse().unwrap();
        assert!(sizes.contains(&count), "{count} rows are neither table's");
        seen.push(count);
    }
    assert!(seen.is_sorted());
    assert_code(&running.wait().unwrap(), 0, &[]);
    change.assert_new();
}

//! A client that submits one job after the other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use super::Tally;
use super::tables::{DataSet, Place, Tables};
use crate::fleet::Fleet;
use crate::processes::{Cinemill, Ended, Result};
use crate::published::{Published, whole};
use crate::samples::JOB;
use crate::service::Story;

/// Given explicitly, it is how long to wait for a scheduler at the beginning too.
const SCHEDULER_WAIT: &str = "CINEMILL_WAIT_FOR_SCHEDULER_S";
/// A client that has not ended by then hangs.
const HANG: Duration = Duration::from_secs(240);
/// How often a run is submitted that fails in a way that may pass.
const TRIES_MAX: usize = 20;
/// How often a job is run in calm times until what the faults left is gone.
const CALM_RUNS_MAX: usize = 20;
/// Failures that may pass: the run's, and the scheduler's absence.
const PASSING: [i32; 2] = [20, 30];

pub struct Worker<'a> {
    number: usize,
    seed: u64,
    cinemill: Cinemill,
    address: String,
    tables: &'a Tables<'a>,
    tally: &'a Tally,
}

/// One run to be.
struct Task<'a> {
    run_id: String,
    set: &'a DataSet,
    place: &'a Place,
    detached: bool,
}

impl<'a> Worker<'a> {
    pub fn new(
        number: usize,
        seed: u64,
        fleet: &Fleet,
        tables: &'a Tables<'a>,
        tally: &'a Tally,
    ) -> Self {
        Self {
            number,
            seed,
            cinemill: fleet.cinemill().with(SCHEDULER_WAIT, "60"),
            address: fleet.address(),
            tables,
            tally,
        }
    }

    /// Runs jobs of its own choice until told to stop; the last one is followed to its end.
    pub fn work_until(&self, over: &AtomicBool) {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed.wrapping_add(1 + self.number as u64));
        let mut round = 0;
        while !over.load(Ordering::SeqCst) {
            round += 1;
            let is_local = random.random_bool(0.4);
            let set = &self.tables.sets[random.random_range(0..self.tables.sets.len())];
            let detached = random.random_bool(0.4);
            let worked = self.place(is_local).and_then(|place| {
                self.work(&Task {
                    run_id: format!("c{}-{round}", self.number),
                    set,
                    place: &place,
                    detached,
                })
            });
            if let Err(error) = worked {
                self.tally
                    .unexpected(format!("client {}: {error}", self.number));
                return;
            }
        }
    }

    /// Runs jobs without faults until both of its tables are clean.
    pub fn clear_up(&self) {
        for is_local in [true, false] {
            if let Err(error) = self.clear_up_one(is_local) {
                self.tally.left(error.to_string());
            }
        }
    }

    fn clear_up_one(&self, is_local: bool) -> Result<()> {
        let place = self.place(is_local)?;
        let mut found = Ok(());
        for round in 0..CALM_RUNS_MAX {
            self.work(&Task {
                run_id: format!("c{}-calm-{is_local}-{round}", self.number),
                set: &self.tables.sets[0],
                place: &place,
                detached: false,
            })?;
            found = whole(&place.folder).map(drop);
            if found.is_ok() {
                return self.collect_garbage(&place);
            }
            // What a dead driver left in a bucket is anybody's once its lease has run out.
            std::thread::sleep(Duration::from_secs(3));
        }
        found
    }

    /// A task that is killed between the begin of an upload and the note of it leaves what only a
    /// look at all uploads can find.
    fn collect_garbage(&self, place: &Place) -> Result<()> {
        let arguments = ["gc", &place.output, "--older-than", "0s", "--json"];
        let ended = self.cinemill.run(&arguments)?;
        if ended.code() != Some(0) {
            return Err(format!("gc failed: {}", ended.stderr).into());
        }
        let report: Value = serde_json::from_str(&ended.stdout)?;
        let uploads = report["uploads"]
            .as_u64()
            .ok_or("no uploads in gc's report")?;
        self.tally.collected(uploads);
        Ok(())
    }

    fn place(&self, is_local: bool) -> Result<Place> {
        let kind = if is_local { "local" } else { "bucket" };
        self.tables
            .place(&format!("out-{}-{kind}", self.number), is_local)
    }

    /// Submits a run until it has succeeded, and looks at the table each time.
    fn work(&self, task: &Task<'_>) -> Result<()> {
        let before = Published::read(&task.place.folder)?;
        let story = Story::follow(&self.address, &task.run_id)?;
        let began = Instant::now();
        for _ in 0..TRIES_MAX {
            let Some(ended) = self.submit(task)? else {
                self.tally.hung(format!("run {}", task.run_id));
                return Err("a client hung".into());
            };
            let code = ended.code().unwrap_or(-1);
            self.tally
                .note(&format!("run {} ended with {code}", task.run_id));
            self.check(task, before.as_ref(), code == 0)?;
            if code == 0 {
                let seconds = began.elapsed().as_secs_f64();
                self.tally.run(seconds, story.retries());
                return Ok(());
            }
            self.tally.failure(code);
            if !PASSING.contains(&code) {
                let said = ended.stderr;
                self.tally
                    .unexpected(format!("run {} ended with {code}: {said}", task.run_id));
                return Ok(());
            }
        }
        self.tally
            .hung(format!("run {} after {TRIES_MAX} tries", task.run_id));
        Ok(())
    }

    /// One client, or two for a detached run; `None` where one does not end.
    fn submit(&self, task: &Task<'_>) -> Result<Option<Ended>> {
        let input = self.tables.input(task.set, task.place)?;
        let (output, run_id) = (&task.place.output, &task.run_id);
        let mut arguments = vec![
            "submit", JOB, "--input", &input, "--output", output, "--run-id", run_id,
        ];
        if !task.detached {
            return self.client(&arguments);
        }
        arguments.push("--detach");
        match self.client(&arguments)? {
            Some(ended) if ended.code() == Some(0) => self.client(&["wait", run_id]),
            other => Ok(other),
        }
    }

    fn client(&self, arguments: &[&str]) -> Result<Option<Ended>> {
        self.cinemill.start(arguments)?.wait_at_most(HANG)
    }

    /// The table is the run's own, or, where the run failed, may be the one before.
    fn check(&self, task: &Task<'_>, before: Option<&Published>, done: bool) -> Result<()> {
        let found = match Published::read(&task.place.folder) {
            Ok(found) => found,
            Err(error) => {
                self.tally.wrong(format!("run {}: {error}", task.run_id));
                return Ok(());
            }
        };
        let is_own = found
            .as_ref()
            .is_some_and(|found| found.run_id == task.run_id);
        let told = match (&found, is_own) {
            (Some(found), true) => found.rows.difference(&task.set.reference.rows),
            _ if done => Some("the table is of another run".to_owned()),
            (Some(found), _) => before.map_or(Some("it is nobody's".to_owned()), |before| {
                before.rows.difference(&found.rows)
            }),
            (None, _) => before.map(|_| "the table is gone".to_owned()),
        };
        if let Some(difference) = told {
            self.tally
                .wrong(format!("run {}: {difference}", task.run_id));
        }
        Ok(())
    }
}

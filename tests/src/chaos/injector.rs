//! Fires the faults, and brings back what they took away.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rustix::process::Signal;

use super::schedule::{Fault, Kind, faults};
use super::{Options, Tally};
use crate::fleet::Fleet;
use crate::processes::Result;

/// How often it is looked whether something is due.
const PAUSE: Duration = Duration::from_millis(50);
/// How many more executors there may be than in calm times.
const EXTRA: usize = 2;

/// What brings something back.
#[derive(Debug, Clone, Copy)]
enum Return {
    Executor,
    Thaw(usize),
    Scheduler,
    ThawScheduler,
}

pub struct Injector<'a> {
    pub fleet: Fleet,
    tally: &'a Tally,
    executors: usize,
    schedule: Vec<Fault>,
    returns: Vec<(Instant, Return)>,
    frozen: BTreeSet<usize>,
    scheduler_is_away: bool,
}

impl<'a> Injector<'a> {
    pub fn new(fleet: Fleet, options: &Options, tally: &'a Tally) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(options.seed);
        Self {
            fleet,
            tally,
            executors: options.executors,
            schedule: faults(options.faults, options.duration, &mut random),
            returns: Vec::new(),
            frozen: BTreeSet::new(),
            scheduler_is_away: false,
        }
    }

    /// Fires all faults; in the end all is as it was.
    pub fn run(&mut self, duration: Duration) -> Result<()> {
        let began = Instant::now();
        let mut schedule = std::mem::take(&mut self.schedule).into_iter().peekable();
        while began.elapsed() < duration || schedule.peek().is_some() || !self.returns.is_empty() {
            if let Some(fault) = schedule.next_if(|fault| fault.at <= began.elapsed()) {
                self.fire(&fault)?;
            }
            self.bring_back()?;
            thread::sleep(PAUSE);
        }
        while self.running().len() < self.executors {
            self.bring(Return::Executor)?;
        }
        Ok(())
    }

    fn fire(&mut self, fault: &Fault) -> Result<()> {
        let running = self.running();
        let victim = running.get(fault.victim % running.len().max(1)).copied();
        match (fault.kind, victim) {
            (Kind::KillScheduler, _) if !self.scheduler_is_away => {
                self.fleet.scheduler.kill()?;
                self.scheduler_is_away = true;
                self.later(fault, Return::Scheduler);
            }
            (Kind::FreezeScheduler, _) if !self.scheduler_is_away => {
                self.fleet.scheduler.signal(Signal::STOP);
                self.scheduler_is_away = true;
                self.later(fault, Return::ThawScheduler);
            }
            (Kind::Join, _) if running.len() < self.executors + EXTRA => {
                self.bring(Return::Executor)?;
            }
            (Kind::Kill, Some(victim)) => self.kill(fault, victim)?,
            (Kind::KillAll, Some(_)) => {
                for victim in running {
                    self.kill(fault, victim)?;
                }
            }
            (Kind::Freeze, Some(victim)) => {
                self.fleet.executors[victim].signal(Signal::STOP);
                self.frozen.insert(victim);
                self.later(fault, Return::Thaw(victim));
            }
            (Kind::Drain | Kind::Join, Some(victim)) => {
                self.drain(fault, victim)?;
                self.later(fault, Return::Executor);
            }
            // Nobody is there to be hit.
            _ => {
                self.tally.note(&format!("{:?} finds nothing", fault.kind));
                return Ok(());
            }
        }
        self.tally.fault(fault.kind);
        Ok(())
    }

    /// By the command, or, half of the time and where the scheduler cannot be told, by a signal.
    fn drain(&self, fault: &Fault, victim: usize) -> Result<()> {
        let by_command = fault.victim.is_multiple_of(2) && !self.scheduler_is_away;
        let id = match by_command {
            true => self.fleet.executor_id(victim)?,
            false => None,
        };
        let Some(id) = id else {
            self.fleet.executors[victim].signal(Signal::TERM);
            return Ok(());
        };
        let ended = self.fleet.run(&["drain", &id])?;
        match ended.code() {
            Some(0) => Ok(()),
            code => Err(format!("drain ended with {code:?}: {}", ended.stderr).into()),
        }
    }

    fn kill(&mut self, fault: &Fault, victim: usize) -> Result<()> {
        self.frozen.remove(&victim);
        self.later(fault, Return::Executor);
        self.fleet.executors[victim].kill()
    }

    fn later(&mut self, fault: &Fault, what: Return) {
        self.returns.push((Instant::now() + fault.lasts, what));
    }

    fn bring_back(&mut self) -> Result<()> {
        let now = Instant::now();
        let due = |(at, _): &(Instant, Return)| *at <= now;
        let (now, later) = std::mem::take(&mut self.returns).into_iter().partition(due);
        self.returns = later;
        let now: Vec<(Instant, Return)> = now;
        now.into_iter().try_for_each(|(_, what)| self.bring(what))
    }

    fn bring(&mut self, what: Return) -> Result<()> {
        match what {
            Return::Thaw(executor) => {
                if self.frozen.remove(&executor) {
                    self.fleet.executors[executor].signal(Signal::CONT);
                }
            }
            Return::ThawScheduler => {
                self.fleet.scheduler.signal(Signal::CONT);
                self.scheduler_is_away = false;
            }
            Return::Scheduler => {
                self.fleet.start_scheduler()?;
                self.scheduler_is_away = false;
            }
            Return::Executor => {
                let members = self.fleet.executors.iter_mut();
                match members
                    .enumerate()
                    .find_map(|(i, m)| (!m.is_running()).then_some(i))
                {
                    Some(free) => self.fleet.start_executor(free)?,
                    None => drop(self.fleet.add_executor()?),
                }
            }
        }
        self.tally.note(&format!("return: {what:?}"));
        Ok(())
    }

    /// The executors whose processes there are, frozen ones too.
    fn running(&mut self) -> Vec<usize> {
        let members = self.fleet.executors.iter_mut().enumerate();
        members
            .filter_map(|(index, member)| member.is_running().then_some(index))
            .collect()
    }
}

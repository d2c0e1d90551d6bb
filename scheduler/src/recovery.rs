//! Runs that outlive their scheduler.

use std::time::Duration;

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_engine::sink::table::Table;
use cinemill_engine::store::Location;

use crate::ledger::Entry;

/// A run during which so many schedulers died may be what they died of.
const CRASHES_MAX: u32 = 10;

/// When late tasks of the scheduler before are cleared up after, each counted from the last, the
/// first from the end of the run that they belonged to.
pub const ORPHAN_WAITS: [Duration; 3] = [
    Duration::from_secs(3),
    Duration::from_secs(12),
    Duration::from_secs(60),
];

/// Prepares a run of the scheduler before for going on.
///
/// # Errors
/// Where it must not; the error is how it ends.
pub fn take_up(entry: &mut Entry) -> Result<()> {
    let refused = |kind, cause: String, hint: &str| {
        Err(Error::new(kind, "run", &entry.run.job, cause).hint(hint))
    };
    if entry.submission.is_none() {
        let cause = "a scheduler of an earlier version stopped while it went on".to_owned();
        return refused(Kind::Retryable, cause, "submit it again");
    }
    let crashes = entry.crashes + u32::from(!entry.left);
    if crashes > CRASHES_MAX {
        let cause = format!("{crashes} schedulers died while it went on");
        let hint = "look at their logs, and at the memory of their host; submit it again to try \
                    once more";
        return refused(Kind::Final, cause, hint);
    }
    entry.crashes = crashes;
    entry.left = false;
    entry.taken_up = true;
    Ok(())
}

/// Removes what late tasks of the scheduler before have staged of a run that is over. Nobody will
/// ever publish it; so what goes wrong here is no failure of the run.
pub async fn clear_up(output: &str, run_id: &str) {
    let cleared = async {
        let table = Table::open(Location::parse(output)?)?;
        table.roll_back(run_id).await
    };
    if let Err(error) = cleared.await {
        tracing::warn!(run = run_id, %error, "could not clear up after late tasks");
    }
}

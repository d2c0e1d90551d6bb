//! Who may read and write which tables: a file says it, and the warehouse is made to agree.
//!
//! What is to be ([`wanted`]) is compared with what is ([`existing`]); the difference is a list of
//! statements ([`change`]). Only the groups that the file names are looked at.

mod change;
mod existing;
mod file;
mod postgres;
mod redshift;
mod rights;
mod wanted;

use cinemill_engine::error::{Error, Kind, Result};
use tokio_util::sync::CancellationToken;

pub use change::Change;
pub use file::GrantsFile;

use super::Warehouse;
use super::script::Script;

const WHO_MAY: &str = "a superuser may; so may who owns the tables and schemas, may make groups \
                       (CREATEROLE in PostgreSQL), and is a member of who else makes tables";

/// The statements after which the warehouse is as the file says; none if it is so already.
///
/// # Errors
/// `Load` where the file names a schema, table or user that does not exist, else as
/// [`Warehouse::query`].
pub async fn plan(warehouse: &mut dyn Warehouse, file: &GrantsFile) -> Result<Vec<Change>> {
    let existing = existing::read(warehouse, file).await?;
    let wanted = wanted::of(warehouse.dialect(), file, &existing)?;
    Ok(change::between(&existing.groups, &wanted))
}

/// Executes the changes in one transaction, and makes sure that nothing is left to do.
///
/// # Errors
/// As [`Warehouse::transact`]; `Final` where this user may not grant.
pub async fn apply(
    warehouse: &mut dyn Warehouse,
    file: &GrantsFile,
    changes: &[Change],
    cancel: &CancellationToken,
) -> Result<()> {
    let mut script = Script::default();
    for change in changes {
        script.work(change.sql.as_str());
    }
    let done = warehouse.transact(&script, cancel).await;
    done.map_err(|error| match error.kind {
        Kind::Load | Kind::Final => {
            let cause = format!("{}; it was rolled back, nothing was changed", error.cause);
            Error::new(error.kind, "change", "the grants", cause).hint(WHO_MAY)
        }
        _ => error,
    })?;
    // PostgreSQL only warns of a GRANT by somebody who may not.
    match plan(warehouse, file).await?.first() {
        None => Ok(()),
        Some(change) => {
            let cause = format!("the warehouse did not do what it was told, such as: {change}");
            Err(Error::new(Kind::Final, "change", "the grants", cause).hint(WHO_MAY))
        }
    }
}

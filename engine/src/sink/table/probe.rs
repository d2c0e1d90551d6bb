//! Does the store honour conditional writes? Some S3-compatible servers ignore the condition and
//! answer that all went well; a commit there could silently lose to another.

use bytes::Bytes;

use super::Table;
use crate::error::{Error, Kind, Result};
use crate::store::{Expect, PutOutcome};

/// Writes one object twice as if it were new; the second time must be refused.
pub(super) async fn conditional_writes(table: &Table, staging: &str) -> Result<()> {
    let path = table.path(&format!(
        "{staging}/probe-{}",
        uuid::Uuid::new_v4().simple()
    ));
    let write = |text: &'static str| {
        table
            .store()
            .write_if(&path, Bytes::from_static(text.as_bytes()), &Expect::Absent)
    };
    let first = write("first").await?;
    let second = write("second").await;
    table.store().delete(vec![path.clone()]).await?;
    if first == PutOutcome::Conflict || second? != PutOutcome::Conflict {
        return Err(Error::new(
            Kind::Final,
            "publish to",
            table.location(),
            "the store does not honour conditional writes (If-None-Match), so two runs could \
             overwrite each other's table",
        )
        .hint("use a store that honours them: AWS S3, MinIO, or a local disk"));
    }
    Ok(())
}

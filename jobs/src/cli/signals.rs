//! Ctrl-C and SIGTERM.

use cinemill_engine::error::{Error, Kind, Result};
use tokio::signal::unix::{SignalKind, signal};

/// Waits for SIGINT or SIGTERM.
pub async fn interrupted() -> Result<()> {
    let failed = |cause| Error::new(Kind::Final, "listen for", "signals", cause);
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    tokio::select! {
        _ = terminate.recv() => {}
        done = tokio::signal::ctrl_c() => done.map_err(failed)?,
    }
    Ok(())
}

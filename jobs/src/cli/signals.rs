//! Ctrl-C and SIGTERM.

use cinemill_engine::error::{Error, Kind, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Notices each SIGINT and SIGTERM from its making on.
pub struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    pub fn new() -> Result<Self> {
        let listen = |kind| {
            signal(kind).map_err(|cause| Error::new(Kind::Final, "listen for", "signals", cause))
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Waits for SIGINT or SIGTERM.
pub async fn interrupted() -> Result<()> {
    Interrupts::new()?.next().await;
    Ok(())
}

//! Connections to executors that hold rows.

use std::sync::Arc;
use std::time::Duration;

use ballista_core::extension::EndpointOverrideFn;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long nothing may come before the peer is asked whether it is there.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(5);
/// How long it may take to answer that.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Ballista's hook for connections to executors. Without it, they wait for ever on a peer whose
/// packets are dropped on the way; so the piece of the run is given up, and executed again, within
/// seconds.
pub fn endpoint() -> EndpointOverrideFn {
    Arc::new(|endpoint| {
        Ok(endpoint
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
            .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
            .keep_alive_while_idle(true)
            .tcp_nodelay(true))
    })
}

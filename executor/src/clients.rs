//! Connections to other executors, kept for a while for the next file that is read there.
//!
//! Ballista has such a pool, but only its own execution engine can get at it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ballista_core::client::BallistaClient;
use ballista_core::client_pool::{BallistaClientPool, PooledClient};
use ballista_core::error::Result;
use ballista_core::extension::BallistaConfigGrpcEndpoint;
use ballista_core::utils::GrpcClientConfig;

/// How long an unused connection is kept, as Ballista has it.
const IDLE_MAX: Duration = Duration::from_secs(30);

type Key = (String, u16, GrpcClientConfig);

/// Connections with when they were used last, the latest at the end.
type Idle = HashMap<Key, Vec<(BallistaClient, Instant)>>;

/// The idle connections of a process. Cheap to clone.
#[derive(Clone, Default)]
pub struct Clients(Arc<Mutex<Idle>>);

impl Clients {
    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, key: &Key) -> Option<BallistaClient> {
        let mut idle = self.idle();
        idle.retain(|_, clients| {
            clients.retain(|(_, used)| used.elapsed() < IDLE_MAX);
            !clients.is_empty()
        });
        Some(idle.get_mut(key)?.pop()?.0)
    }
}

impl std::fmt::Debug for Clients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clients").finish_non_exhaustive()
    }
}

#[async_trait]
impl BallistaClientPool for Clients {
    async fn acquire(
        &self,
        host: &str,
        port: u16,
        config: &GrpcClientConfig,
        customize_endpoint: Option<Arc<BallistaConfigGrpcEndpoint>>,
    ) -> Result<PooledClient> {
        let key = (host.to_owned(), port, config.clone());
        let client = match self.take(&key) {
            Some(client) => client,
            None => {
                BallistaClient::try_new(
                    host,
                    port,
                    config.max_message_size,
                    config.use_tls,
                    customize_endpoint,
                    config.io_retries_times,
                    config.io_retry_wait_time_ms,
                    config.initial_connection_window_size,
                    config.initial_stream_window_size,
                )
                .await?
            }
        };
        let clients = self.clone();
        let give_back = move |client| {
            let used = (client, Instant::now());
            clients.idle().entry(key).or_default().push(used);
        };
        Ok(PooledClient::new(client, Box::new(give_back)))
    }

    /// Connections go as others are asked for.
    async fn evict_idle(&self) {}
}

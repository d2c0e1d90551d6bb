//! DataFusion's view of the stores.

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreRegistry;
use object_store::ObjectStore;
use url::Url;

/// Hands DataFusion the process's own store clients.
#[derive(Debug, Default)]
pub struct StoreRegistry {
    /// Stores that tests put in place of real ones.
    registered: dashmap::DashMap<String, Arc<dyn ObjectStore>>,
}

fn store_url(url: &Url) -> String {
    format!("{}://{}/", url.scheme(), url.host_str().unwrap_or_default())
}

impl ObjectStoreRegistry for StoreRegistry {
    fn register_store(
        &self,
        url: &Url,
        store: Arc<dyn ObjectStore>,
    ) -> Option<Arc<dyn ObjectStore>> {
        self.registered.insert(store_url(url), store)
    }

    fn get_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        let url = store_url(url);
        if let Some(store) = self.registered.get(&url) {
            return Ok(store.clone());
        }
        let store = super::open_url(&url).map_err(crate::error::Error::into_datafusion)?;
        Ok(store.objects().clone())
    }
}

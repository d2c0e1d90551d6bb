//! Redshift: through its Data API, or by PostgreSQL's wire protocol with temporary credentials.

mod batch;
mod credentials;
mod data_api;
mod failure;
mod manifest;

pub use batch::{BatchStatement, STATEMENTS_MAX, batch};
pub use credentials::connect;
pub use data_api::DataApi;
pub use manifest::CopyManifest;

/// What executes statements: a serverless workgroup, or a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compute {
    Workgroup(String),
    Cluster {
        name: String,
        /// `None` for the user that the identity of this process stands for.
        user: Option<String>,
    },
}

impl Compute {
    pub fn name(&self) -> &str {
        match self {
            Self::Workgroup(name) | Self::Cluster { name, .. } => name,
        }
    }
}

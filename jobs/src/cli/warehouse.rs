//! What the verbs for warehouses share.

use cinemill_engine::error::Result;
use cinemill_jobs::warehouse::target::Target;
use clap::Args;

/// The warehouse.
#[derive(Debug, Args)]
pub struct TargetArguments {
    /// Warehouse: postgres://user@host/database, redshift://workgroup/database (Data API), or
    /// redshift+pg://endpoint/database.
    #[arg(long = "to", value_name = "TARGET", env = "CINEMILL_WAREHOUSE")]
    target: String,
}

impl TargetArguments {
    pub fn target(&self) -> Result<Target> {
        Target::parse(&self.target)
    }
}

/// Who asks: a user on a machine.
pub fn client() -> String {
    let user = whoami::username().unwrap_or_else(|_| "unknown".to_owned());
    let machine = rustix::system::uname();
    format!("{user}@{}", machine.nodename().to_string_lossy())
}

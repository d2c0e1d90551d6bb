//! Which cluster a command is about.

use std::path::{Path, PathBuf};

use cinemill_engine::error::{Error, Kind, Result};
use cinemill_jobs::client::Client;
use cinemill_jobs::cluster::{EcsTarget, EmrTarget, LocalTarget, Target};
use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub struct TargetArguments {
    /// Where the cluster runs; follows from --cluster where not given.
    #[arg(long, value_enum)]
    target: Option<Platform>,

    /// Id of the EMR cluster, j-…, or name of the ECS cluster.
    #[arg(long, value_name = "ID", env = "CINEMILL_CLUSTER")]
    cluster: Option<String>,

    /// Folder of the local cluster's state and logs; .cinemill-cluster where not given.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

/// Where the scheduler of that cluster is.
#[derive(Debug, Args)]
pub struct ItsSchedulerArguments {
    /// Its scheduler, as host:port; what the platform says where not given.
    #[arg(long, env = "CINEMILL_SCHEDULER")]
    scheduler: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Platform {
    /// Processes on this machine, as `cluster local` starts them.
    Local,
    /// Amazon EMR.
    Emr,
    /// Amazon ECS.
    Ecs,
}

impl TargetArguments {
    pub fn platform(&self) -> Platform {
        match (&self.target, &self.state_dir, self.cluster()) {
            (Some(platform), ..) => *platform,
            (None, Some(_), _) | (None, None, None) => Platform::Local,
            (None, None, Some(id)) if id.starts_with("j-") => Platform::Emr,
            (None, None, Some(_)) => Platform::Ecs,
        }
    }

    /// The cluster, to be resized; here nobody else resizes it meanwhile.
    pub async fn open(&self) -> Result<Box<dyn Target>> {
        match self.platform() {
            Platform::Local => Ok(Box::new(LocalTarget::open(self.state_dir())?)),
            _ => self.look().await,
        }
    }

    /// The cluster, to be looked at.
    pub async fn look(&self) -> Result<Box<dyn Target>> {
        Ok(match self.platform() {
            Platform::Local => Box::new(LocalTarget::look(self.state_dir())?),
            Platform::Emr => Box::new(EmrTarget::open(self.id()?).await?),
            Platform::Ecs => Box::new(EcsTarget::open(self.id()?).await?),
        })
    }

    pub fn state_dir(&self) -> &Path {
        let given = self.state_dir.as_deref();
        given.unwrap_or(Path::new(".cinemill-cluster"))
    }

    /// Set and empty is as good as not set.
    fn cluster(&self) -> Option<&str> {
        self.cluster.as_deref().filter(|name| !name.is_empty())
    }

    /// The id of a cluster that is not here.
    ///
    /// # Errors
    /// `Usage` where none is given.
    pub fn id(&self) -> Result<&str> {
        self.cluster().ok_or_else(|| {
            Error::new(Kind::Usage, "find", "the cluster", "--cluster is missing")
                .hint("name the EMR cluster's id or the ECS cluster's name")
        })
    }
}

impl ItsSchedulerArguments {
    /// The one that was named.
    pub fn given(&self) -> Option<&str> {
        let given = self.scheduler.as_deref();
        given.filter(|scheduler| !scheduler.is_empty())
    }

    /// A client of the cluster's scheduler. Of a cluster that runs here it is always known which
    /// one that is.
    pub async fn client(&self, target: &dyn Target) -> Result<Client> {
        match self.given() {
            Some(scheduler) if !target.is_local() => Client::new(scheduler),
            _ => Client::new(target.describe().await?.scheduler()?),
        }
    }
}

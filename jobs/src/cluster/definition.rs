//! The file that says what kind of cluster is wanted.

use std::path::Path;

use cinemill_engine::error::{Error, Kind, Result};
use serde::Deserialize;

use super::{EcsDefinition, EmrDefinition};

/// A cluster's file; `target` says for which platform.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "target", rename_all = "lowercase")]
pub enum Definition {
    Emr(EmrDefinition),
    Ecs(EcsDefinition),
}

impl Definition {
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|cause| Error::new(Kind::Usage, "read cluster", path.display(), cause))?;
        let failed =
            |cause: String| Error::new(Kind::Definition, "read cluster", path.display(), cause);
        let wanted: Self = toml::from_str(&text)
            .map_err(|cause: toml::de::Error| failed(cause.to_string().replace('\n', " ")))?;
        wanted.check().map_err(|cause| failed(cause.to_owned()))?;
        Ok(wanted)
    }

    fn check(&self) -> std::result::Result<(), &'static str> {
        if self.name().trim().is_empty() {
            return Err("its name is empty");
        }
        match self {
            Self::Emr(wanted) => wanted.check(),
            Self::Ecs(wanted) => wanted.check(),
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Self::Emr(wanted) => &wanted.name,
            Self::Ecs(wanted) => &wanted.name,
        }
    }

    /// The same under another name.
    pub fn rename(&mut self, name: String) {
        match self {
            Self::Emr(wanted) => wanted.name = name,
            Self::Ecs(wanted) => wanted.name = name,
        }
    }

    /// The same with so many executors.
    ///
    /// # Errors
    /// `Usage` for fewer than there are core nodes.
    pub fn resize(&mut self, executors: u32) -> Result<()> {
        let executors = i32::try_from(executors).unwrap_or(i32::MAX);
        match self {
            Self::Emr(wanted) if executors < wanted.core.count => {
                let cause = format!("it has {} core nodes, each with one", wanted.core.count);
                Err(
                    Error::new(Kind::Usage, "create cluster", &wanted.name, cause)
                        .hint("ask for more executors, or for fewer core nodes in the file"),
                )
            }
            Self::Emr(wanted) => {
                wanted.task.count = executors - wanted.core.count;
                Ok(())
            }
            Self::Ecs(wanted) => {
                wanted.executor.count = executors;
                Ok(())
            }
        }
    }
}

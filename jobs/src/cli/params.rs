//! `--param`: values of a job's parameters.

use std::collections::BTreeMap;

use chrono::Utc;
use cinemill_engine::error::{Error, Kind, Result};
use cinemill_jobs::job::JobDefinition;
use clap::Args;

/// Values of the job's parameters.
#[derive(Debug, Args)]
pub struct ParamArguments {
    /// Value of a parameter of the job, or of run_date, which every job has; may be given several
    /// times.
    #[arg(long = "param", value_name = "NAME=VALUE")]
    params: Vec<String>,
}

impl ParamArguments {
    /// The given values.
    pub fn given(&self) -> Result<BTreeMap<String, String>> {
        let mut given = BTreeMap::new();
        for param in &self.params {
            let wrong = |cause| Error::new(Kind::Usage, "use --param", param, cause);
            let (name, value) = param
                .split_once('=')
                .ok_or_else(|| wrong("it is not of the form <name>=<value>"))?;
            if given.insert(name.to_owned(), value.to_owned()).is_some() {
                return Err(wrong("the parameter is given twice"));
            }
        }
        Ok(given)
    }

    /// The text of every parameter's value.
    pub fn settle(&self, job: &JobDefinition) -> Result<BTreeMap<String, String>> {
        job.settle_params(&self.given()?, Utc::now().date_naive())
    }
}

//! Requests, and what is wrong with them.

use serde_json::Value;

use super::super::http::ServiceError;
use super::super::{CLUSTER, WORKGROUP};
use crate::postgres::DATABASE;

/// The limits of the real one.
const MOST_STATEMENTS: usize = 40;
const MOST_BYTES: usize = 100 * 1024;
const LONGEST_TOKEN: usize = 64;

/// Statements to be run in one transaction.
#[derive(Debug, Clone)]
pub struct Request {
    pub statements: Vec<String>,
    /// Whether they came as a batch, of which each statement has a number.
    pub is_batch: bool,
    pub token: Option<String>,
    pub compute: Compute,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compute {
    Workgroup,
    Cluster,
}

impl Request {
    pub fn single(request: &Value) -> Result<Self, ServiceError> {
        if !request["Parameters"].is_null() {
            let message = "the stand-in does not know Parameters";
            return Err(ServiceError::validation(message));
        }
        let sql = request["Sql"].as_str();
        let sql = sql.ok_or_else(|| ServiceError::validation("Sql must not be null"))?;
        Self::new(request, vec![sql.to_owned()], false)
    }

    pub fn batch(request: &Value) -> Result<Self, ServiceError> {
        if request["ExecutionMode"] == "AUTO_COMMIT" {
            let message = "the stand-in runs every batch as one transaction";
            return Err(ServiceError::validation(message));
        }
        let texts = request["Sqls"].as_array().into_iter().flatten();
        let statements: Vec<String> = texts
            .filter_map(|sql| sql.as_str().map(str::to_owned))
            .collect();
        if !(1..=MOST_STATEMENTS).contains(&statements.len()) {
            let message = format!(
                "1 validation error detected: Value at 'sqls' failed to satisfy constraint: \
                 Member must have length between 1 and {MOST_STATEMENTS}"
            );
            return Err(ServiceError::validation(message));
        }
        Self::new(request, statements, true)
    }

    fn new(request: &Value, statements: Vec<String>, is_batch: bool) -> Result<Self, ServiceError> {
        if statements.iter().any(|sql| sql.len() > MOST_BYTES) {
            let message = "Cannot process the request. SQL statement exceeds 100 KB.";
            return Err(ServiceError::validation(message));
        }
        let token = request["ClientToken"].as_str();
        if token.is_some_and(|token| !(1..=LONGEST_TOKEN).contains(&token.len())) {
            let message = "Value at 'clientToken' must have length between 1 and 64";
            return Err(ServiceError::validation(message));
        }
        let database = request["Database"].as_str();
        is_known_database(
            database.ok_or_else(|| ServiceError::validation("Database must not be null"))?,
        )?;
        Ok(Self {
            statements,
            is_batch,
            token: token.map(str::to_owned),
            compute: Compute::of(request)?,
        })
    }
}

impl Compute {
    fn of(request: &Value) -> Result<Self, ServiceError> {
        let named = |name: &str| request[name].as_str();
        match (named("WorkgroupName"), named("ClusterIdentifier")) {
            (Some(WORKGROUP), None) => Ok(Self::Workgroup),
            (None, Some(CLUSTER)) => Ok(Self::Cluster),
            (Some(_), None) => Err(ServiceError::validation(
                "Redshift endpoint doesn't exist in this region.",
            )),
            (None, Some(name)) => Err(ServiceError::validation(format!(
                "Cluster {name} doesn't exist in this region."
            ))),
            _ => Err(ServiceError::validation(
                "Exactly one of ClusterIdentifier and WorkgroupName must be given.",
            )),
        }
    }
}

pub fn is_known_database(name: &str) -> Result<(), ServiceError> {
    if name == DATABASE {
        return Ok(());
    }
    let message = format!("FATAL: database \"{name}\" does not exist");
    Err(ServiceError::validation(message))
}

/// `id` or `id:number`.
pub fn id_of(request: &Value) -> Result<(&str, Option<usize>), ServiceError> {
    let id = request["Id"].as_str();
    let wrong = || {
        let pattern = "[a-z0-9]{8}(-[a-z0-9]{4}){3}-[a-z0-9]{12}(:\\d+)?";
        let message = format!("Value at 'id' must satisfy regular expression pattern: {pattern}");
        ServiceError::validation(message)
    };
    let id = id.ok_or_else(wrong)?;
    match id.split_once(':') {
        None => Ok((id, None)),
        Some((id, part)) => Ok((id, Some(part.parse().map_err(|_| wrong())?))),
    }
}

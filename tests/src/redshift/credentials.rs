//! Temporary users of the database: what `GetCredentials` of Redshift Serverless and
//! `GetClusterCredentialsWithIAM` of Redshift hand out.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{Duration, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::data_api::is_known_database;
use super::http::ServiceError;
use super::{CLUSTER, LOADER, WORKGROUP};
use crate::postgres::made_up;

/// How long a password is said to be good for; it is good for as long as the server runs.
const VALIDITY: Duration = Duration::minutes(15);

/// The passwords that were handed out.
#[derive(Debug, Default)]
pub struct Credentials {
    passwords: Mutex<BTreeSet<String>>,
}

impl Credentials {
    fn passwords(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.passwords
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub fn accept(&self, user: &str, password: &str) -> bool {
        user == LOADER && self.passwords().contains(password)
    }

    fn new_password(&self) -> String {
        let password = made_up();
        self.passwords().insert(password.clone());
        password
    }

    /// Redshift Serverless, by JSON.
    pub fn of_workgroup(&self, request: &Value) -> Result<Value, ServiceError> {
        if request["workgroupName"].as_str() != Some(WORKGROUP) {
            let message = "Workgroup not found";
            return Err(ServiceError::new("ResourceNotFoundException", message));
        }
        if let Some(database) = request["dbName"].as_str() {
            is_known_database(database)?;
        }
        let expiration = Utc::now() + VALIDITY;
        Ok(json!({
            "dbUser": LOADER,
            "dbPassword": self.new_password(),
            "expiration": expiration.timestamp(),
            "nextRefreshTime": expiration.timestamp(),
        }))
    }

    /// A cluster, by a form and XML.
    pub fn of_cluster(&self, form: &[(String, String)]) -> Result<String, ServiceError> {
        let value = |name: &str| {
            let mut found = form.iter().filter(|(key, _)| key == name);
            found.next().map(|(_, value)| value.as_str())
        };
        const ACTION: &str = "GetClusterCredentialsWithIAM";
        if value("Action") != Some(ACTION) {
            let message = "the stand-in does not know this action";
            return Err(ServiceError::new("InvalidAction", message));
        }
        if value("ClusterIdentifier") != Some(CLUSTER) {
            let message = "Cluster not found";
            return Err(ServiceError::new("ClusterNotFound", message));
        }
        let expiration = (Utc::now() + VALIDITY).to_rfc3339_opts(SecondsFormat::Secs, true);
        Ok(format!(
            "<{ACTION}Response xmlns=\"http://redshift.amazonaws.com/doc/2012-12-01/\">\
             <{ACTION}Result><DbUser>{LOADER}</DbUser><DbPassword>{}</DbPassword>\
             <Expiration>{expiration}</Expiration>\
             <NextRefreshTime>{expiration}</NextRefreshTime></{ACTION}Result>\
             <ResponseMetadata><RequestId>0</RequestId></ResponseMetadata></{ACTION}Response>",
            self.new_password()
        ))
    }
}

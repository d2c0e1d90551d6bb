//! Temporary credentials for the wire protocol.

use cinemill_engine::error::{Error, Kind, Result};

use super::Compute;
use super::failure::failure;
use crate::aws;
use crate::warehouse::dialect::Dialect;
use crate::warehouse::postgres::{self, Postgres};
use crate::warehouse::target::Server;

/// Connects as the database user that the identity of this process stands for.
///
/// # Errors
/// As [`postgres::connect`], and where no credentials can be had.
pub async fn connect(server: &Server, compute: &Compute) -> Result<Postgres> {
    let (user, password) = match compute {
        Compute::Workgroup(name) => of_workgroup(name, &server.database).await,
        Compute::Cluster { name, .. } => of_cluster(name, &server.database).await,
    }?;
    postgres::open(server, Dialect::Redshift, &user, Some(&password)).await
}

async fn of_workgroup(name: &str, database: &str) -> Result<(String, String)> {
    let client = aws_sdk_redshiftserverless::Client::new(&aws::config("Redshift").await?);
    let request = client
        .get_credentials()
        .workgroup_name(name)
        .db_name(database);
    let answer = request.send().await;
    let answer = answer.map_err(|cause| failure(cause, "get credentials of", name))?;
    both(answer.db_user, answer.db_password, name)
}

async fn of_cluster(name: &str, database: &str) -> Result<(String, String)> {
    let client = aws_sdk_redshift::Client::new(&aws::config("Redshift").await?);
    let request = client
        .get_cluster_credentials_with_iam()
        .cluster_identifier(name)
        .db_name(database);
    let answer = request.send().await;
    let answer = answer.map_err(|cause| failure(cause, "get credentials of", name))?;
    both(answer.db_user, answer.db_password, name)
}

fn both(user: Option<String>, password: Option<String>, name: &str) -> Result<(String, String)> {
    let cause = "the answer holds none";
    user.zip(password)
        .ok_or_else(|| Error::new(Kind::Final, "get credentials of", name, cause))
}

//! A stand-in for Redshift, on a PostgreSQL server: the Data API, the services that hand out
//! temporary credentials, and PostgreSQL's wire protocol.
//!
//! It is no Redshift. It knows the statements that a loader sends, refuses what Redshift is known to
//! refuse, and fails on purpose where it is told to ([`Faults`]). What it does differently:
//!
//! - Sort keys, distribution and encodings are read and forgotten; there is one node.
//! - Transactions are PostgreSQL's: two that write to one table wait for each other at the row, not
//!   at the table, and the later one never fails with error 1023 by itself.
//! - `TRUNCATE` is refused, where Redshift would commit the transaction, and `VACUUM` even where it
//!   stands alone; so are `IDENTITY` columns,
//!   `REFERENCES` of a column, `COPY` with a list of columns, `MERGE … REMOVE DUPLICATES`,
//!   `Parameters` and `AUTO_COMMIT`. That `MERGE` takes no view as its source is not checked.
//! - Functions and errors are PostgreSQL's, but for those that [`failure`] names. Names in double
//!   quotes keep their case.
//! - Users, groups and roles are all PostgreSQL's roles; whoever asks is the user [`LOADER`].
//! - Signatures are not verified, only whose they are, and temporary credentials do not expire.
//! - By the wire protocol there are simple queries only, with a password in the clear (within TLS),
//!   and no way to cancel one.
//! - Of Parquet's types, those match that are the same; Redshift may take some more.

mod copy;
mod credentials;
mod data_api;
mod failure;
mod faults;
mod http;
mod session;
mod sql;
mod storage;
mod wire;

use std::convert::Infallible;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::oneshot;

use self::credentials::Credentials;
use self::data_api::DataApi;
pub use self::faults::Faults;
use self::http::Front;
use self::session::Backend;
use self::storage::Storage;
use self::wire::{Wire, acceptor};
use crate::certificates::Certificates;
use crate::postgres::{DATABASE, Postgres};
use crate::processes::{Result, text};
use crate::s3::S3Server;

/// The one workgroup of Redshift Serverless that there is, and the one cluster.
pub const WORKGROUP: &str = "analytics";
pub const CLUSTER: &str = "warehouse";
/// The user of the database that clients become by their role.
pub const LOADER: &str = "IAMR:loader";

const CA_FILE: &str = "ca.pem";
const CATALOG: &str = include_str!("redshift/catalog.sql");

/// The stand-in, on ports of 127.0.0.1. It stops when dropped.
pub struct RedshiftServer {
    address: SocketAddr,
    wire_address: SocketAddr,
    backend: Arc<Backend>,
    /// Holds the certificate that clients of the wire protocol must trust.
    folder: TempDir,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
    // After all that speaks to it.
    postgres: Postgres,
}

impl RedshiftServer {
    pub fn start(lake: &S3Server) -> Result<Self> {
        Self::start_over(lake.environment())
    }

    /// Over the lake that a client of S3 would find with these variables.
    pub fn start_over(environment: Vec<(String, String)>) -> Result<Self> {
        let storage = Storage { environment };
        let access_key = storage.variable("AWS_ACCESS_KEY_ID");
        let access_key = access_key.ok_or("AWS_ACCESS_KEY_ID is missing")?.to_owned();
        let postgres = prepared()?;
        let faults = Arc::new(Faults::default());
        let backend = Arc::new(Backend {
            config: postgres.config(LOADER),
            storage,
            faults: Arc::clone(&faults),
            received: Mutex::default(),
        });
        let credentials = Arc::new(Credentials::default());
        let front = Arc::new(Front {
            access_key,
            faults,
            data_api: DataApi::new(Arc::clone(&backend)),
            credentials: Arc::clone(&credentials),
        });
        let (folder, certificates) = (TempDir::new()?, Certificates::for_loopback()?);
        fs::write(folder.path().join(CA_FILE), &certificates.authority)?;
        let wire = Arc::new(Wire {
            tls: acceptor(&certificates)?,
            credentials,
            backend: Arc::clone(&backend),
        });

        let (listener, wire_listener) = (listener()?, listener()?);
        let (address, wire_address) = (listener.local_addr()?, wire_listener.local_addr()?);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("redshift-server")
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = http::serve(listener, front) => {}
                    _ = wire::serve(wire_listener, wire) => {}
                    _ = stopped => {}
                }
            });
            runtime.shutdown_timeout(Duration::from_secs(5));
        });
        Ok(Self {
            address,
            wire_address,
            backend,
            folder,
            stop: Some(stop),
            thread: Some(thread),
            postgres,
        })
    }

    /// Where all three of AWS's services are.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What a process needs in its environment to use the stand-in and the lake.
    pub fn environment(&self) -> Vec<(String, String)> {
        let services = ["REDSHIFT", "REDSHIFT_DATA", "REDSHIFT_SERVERLESS"];
        let endpoints = services.map(|service| {
            let name = format!("AWS_ENDPOINT_URL_{service}");
            (name, self.endpoint())
        });
        let mut environment = self.backend.storage.environment.clone();
        environment.extend(endpoints);
        environment
    }

    /// A database, by the Data API.
    pub fn target(&self, database: &str) -> String {
        format!("redshift://{WORKGROUP}/{database}")
    }

    /// A database, by the wire protocol.
    pub fn wire_target(&self, database: &str) -> Result<String> {
        let (address, authority) = (self.wire_address, text(&self.ca_file())?);
        Ok(format!(
            "redshift+pg://{address}/{database}?workgroup={WORKGROUP}&sslrootcert={authority}"
        ))
    }

    pub fn wire_port(&self) -> u16 {
        self.wire_address.port()
    }

    /// The certificate that clients of the wire protocol must trust.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join(CA_FILE)
    }

    /// The only database there is.
    pub fn database(&self) -> &str {
        DATABASE
    }

    /// The server that holds the tables.
    pub fn postgres(&self) -> &Postgres {
        &self.postgres
    }

    /// What goes wrong on purpose.
    pub fn faults(&self) -> &Faults {
        &self.backend.faults
    }

    /// All SQL that came to be executed, in order.
    pub fn received(&self) -> Vec<String> {
        self.backend.received()
    }
}

impl Drop for RedshiftServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there has been reported by the thread itself.
            let _ = thread.join();
        }
    }
}

fn listener() -> Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// A server with what Redshift's databases have, and with the user of the clients.
fn prepared() -> Result<Postgres> {
    let postgres = Postgres::start()?;
    postgres.execute_batch(CATALOG)?;
    postgres.create_user(LOADER)?;
    postgres.execute_batch(&format!(
        "ALTER ROLE \"{LOADER}\" CREATEROLE; \
         GRANT CREATE, TEMPORARY ON DATABASE {DATABASE} TO \"{LOADER}\""
    ))?;
    Ok(postgres)
}

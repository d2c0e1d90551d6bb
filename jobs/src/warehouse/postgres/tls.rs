//! Connections, encrypted or not.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cinemill_engine::error::{Error, Kind, Result};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{CancelToken, Client, Config, NoTls, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::failure::connect_failure;
use crate::warehouse::target::Server;

const CANCEL_TIMEOUT: Duration = Duration::from_secs(3);

/// Whether a connection is encrypted. There is no middle way: an unverified server may be anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    Off,
    /// The server's certificate is verified, by the system's roots or by those of a PEM file.
    Verified {
        root: Option<PathBuf>,
    },
}

/// Connects, and keeps the connection going in the background.
///
/// # Errors
/// `Unreachable` where nobody answers, `Final` where the user, the password or a certificate is
/// wrong.
pub async fn connect(config: &mut Config, server: &Server) -> Result<Client> {
    match &server.tls {
        Tls::Off => open(config.ssl_mode(SslMode::Disable), NoTls, server).await,
        Tls::Verified { root } => {
            let connector = MakeRustlsConnect::new(verifying(root.as_deref())?);
            open(config.ssl_mode(SslMode::Require), connector, server).await
        }
    }
}

async fn open<T>(config: &Config, connector: T, server: &Server) -> Result<Client>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    let connected = config.connect(connector).await;
    let (client, connection) = connected.map_err(|cause| connect_failure(&cause, server))?;
    tokio::spawn(async move {
        // Whoever uses the client is told of the failure too.
        if let Err(cause) = connection.await {
            tracing::debug!(%cause, "a connection to a warehouse ended");
        }
    });
    Ok(client)
}

/// Asks the server to cancel what the connection is about. It may be too late for that, or the
/// server may not hear; so nothing is said of it.
pub async fn cancel(token: &CancelToken, tls: &Tls) {
    let asked = async {
        match tls {
            Tls::Off => token.cancel_query(NoTls).await,
            Tls::Verified { root } => match verifying(root.as_deref()) {
                Ok(config) => token.cancel_query(MakeRustlsConnect::new(config)).await,
                Err(_) => Ok(()),
            },
        }
    };
    if let Ok(Err(cause)) = tokio::time::timeout(CANCEL_TIMEOUT, asked).await {
        tracing::debug!(%cause, "a statement could not be cancelled");
    }
}

fn verifying(root: Option<&Path>) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    match root {
        Some(path) => {
            let wrong = |cause: String| {
                let place = path.display();
                Error::new(Kind::Usage, "read certificates", place, cause)
            };
            let found = CertificateDer::pem_file_iter(path).map_err(|c| wrong(c.to_string()))?;
            for certificate in found {
                let certificate = certificate.map_err(|c| wrong(c.to_string()))?;
                roots.add(certificate).map_err(|c| wrong(c.to_string()))?;
            }
            if roots.is_empty() {
                return Err(wrong("there are none in it".to_owned()));
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|cause| Error::new(Kind::Final, "set up", "TLS", cause))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

//! Which warehouse: what stands behind `--to`.

use std::fmt;
use std::path::PathBuf;

use cinemill_engine::error::{Error, Kind, Result};
use url::Url;

use super::Warehouse;
use super::postgres::{self, Tls};
use super::redshift::{self, Compute};

/// Where PostgreSQL's packages put its socket.
const SOCKET_FOLDER: &str = "/var/run/postgresql";
const POSTGRES_PORT: u16 = 5432;
const REDSHIFT_PORT: u16 = 5439;

/// A warehouse as a user names it. It never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Postgres(Server),
    /// Redshift by its Data API.
    RedshiftData {
        compute: Compute,
        database: String,
    },
    /// Redshift by PostgreSQL's wire protocol, with temporary credentials.
    RedshiftWire {
        server: Server,
        compute: Compute,
    },
}

/// A server that speaks PostgreSQL's wire protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// `None` for the name of the operating system's user.
    pub user: Option<String>,
    /// A host, or the folder of a socket.
    pub host: String,
    pub port: u16,
    pub database: String,
    pub tls: Tls,
}

impl Target {
    /// Reads `postgres://…`, `redshift://…` or `redshift+pg://…`.
    ///
    /// # Errors
    /// `Usage` for anything else, and for a password: it would show in the list of processes.
    pub fn parse(text: &str) -> Result<Self> {
        let usage = |cause: String| {
            Error::new(
                Kind::Usage,
                "understand target",
                without_password(text),
                cause,
            )
            .hint(
                "give postgres://user@host/database, redshift://workgroup/database, or \
                 redshift+pg://endpoint/database",
            )
        };
        let url = Url::parse(text).map_err(|cause| usage(cause.to_string()))?;
        let mut parameters = Parameters::of(&url);
        if url.password().is_some() || parameters.take("password").is_some() {
            let cause = "it holds a password, which would show in the list of processes";
            return Err(usage(cause.to_owned()).hint("use PGPASSWORD or the file ~/.pgpass"));
        }
        let target = match url.scheme() {
            "postgres" | "postgresql" => Self::postgres(&url, &mut parameters),
            "redshift" => Self::data_api(&url, &mut parameters),
            "redshift+pg" => Self::wire(&url, &mut parameters),
            other => Err(format!("`{other}` is no kind of warehouse")),
        };
        let target = target.map_err(usage)?;
        match parameters.0.first() {
            Some((unknown, _)) => Err(usage(format!("there is no parameter `{unknown}`"))),
            None => Ok(target),
        }
    }

    fn postgres(url: &Url, parameters: &mut Parameters) -> Result<Self, String> {
        let host = match (parameters.take("host"), host(url)) {
            (Some(host), _) => host,
            (None, Some(host)) => host,
            (None, None) => SOCKET_FOLDER.to_owned(),
        };
        let tls = tls(parameters, &host)?;
        let named = parameters.take("port").map(|port| port.parse::<u16>());
        let named = named
            .transpose()
            .map_err(|cause| format!("port: {cause}"))?;
        Ok(Self::Postgres(Server {
            user: user(url)?,
            host,
            port: url.port().or(named).unwrap_or(POSTGRES_PORT),
            database: database(url)?,
            tls,
        }))
    }

    fn data_api(url: &Url, parameters: &mut Parameters) -> Result<Self, String> {
        let name = host(url).ok_or("it names no workgroup or cluster")?;
        let compute = match parameters.take("type").as_deref() {
            None | Some("workgroup") => Compute::Workgroup(name),
            Some("cluster") => Compute::Cluster {
                name,
                user: user(url)?,
            },
            Some(other) => return Err(format!("type is `workgroup` or `cluster`, not `{other}`")),
        };
        Ok(Self::RedshiftData {
            compute,
            database: database(url)?,
        })
    }

    fn wire(url: &Url, parameters: &mut Parameters) -> Result<Self, String> {
        let host = host(url).ok_or("it names no endpoint")?;
        let first_label = || host.split('.').next().unwrap_or_default().to_owned();
        let compute = match (parameters.take("workgroup"), parameters.take("cluster")) {
            (Some(_), Some(_)) => return Err("it names a workgroup and a cluster".to_owned()),
            (Some(name), None) => Compute::Workgroup(name),
            (None, Some(name)) => Compute::Cluster { name, user: None },
            (None, None) if host.contains(".redshift-serverless.") => {
                Compute::Workgroup(first_label())
            }
            (None, None) if host.contains(".redshift.") => Compute::Cluster {
                name: first_label(),
                user: None,
            },
            (None, None) => {
                let cause = "the endpoint does not tell the workgroup or cluster; add \
                             ?workgroup=… or ?cluster=…";
                return Err(cause.to_owned());
            }
        };
        let root = parameters.take("sslrootcert").map(PathBuf::from);
        Ok(Self::RedshiftWire {
            server: Server {
                user: None,
                host,
                port: url.port().unwrap_or(REDSHIFT_PORT),
                database: database(url)?,
                tls: Tls::Verified { root },
            },
            compute,
        })
    }

    /// Connects.
    ///
    /// # Errors
    /// `Unreachable` where nobody answers, `Final` where the user or password is wrong.
    pub async fn connect(&self) -> Result<Box<dyn Warehouse>> {
        Ok(match self {
            Self::Postgres(server) => Box::new(postgres::connect(server).await?),
            Self::RedshiftData { compute, database } => {
                Box::new(redshift::DataApi::open(compute, database).await?)
            }
            Self::RedshiftWire { server, compute } => {
                Box::new(redshift::connect(server, compute).await?)
            }
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postgres(server) => write!(f, "postgres://{server}"),
            Self::RedshiftData { compute, database } => {
                write!(f, "redshift://{}/{database}", compute.name())
            }
            Self::RedshiftWire { server, .. } => write!(f, "redshift+pg://{server}"),
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            host,
            port,
            database,
            ..
        } = self;
        match host {
            host if host.starts_with('/') => write!(f, "/{database}?host={host}&port={port}"),
            host if host.contains(':') => write!(f, "[{host}]:{port}/{database}"),
            host => write!(f, "{host}:{port}/{database}"),
        }
    }
}

/// The parameters of a URL that were not understood yet.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn of(url: &Url) -> Self {
        Self(url.query_pairs().into_owned().collect())
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let index = self.0.iter().position(|(key, _)| key == name)?;
        Some(self.0.remove(index).1)
    }
}

/// The host; of a number of IPv6 without its brackets.
fn host(url: &Url) -> Option<String> {
    let host = url.host_str()?.trim_matches(['[', ']']);
    (!host.is_empty()).then(|| host.to_owned())
}

fn user(url: &Url) -> Result<Option<String>, String> {
    match url.username() {
        "" => Ok(None),
        name => decoded(name).map(Some),
    }
}

fn database(url: &Url) -> Result<String, String> {
    match url.path().trim_start_matches('/') {
        "" => Err("it names no database".to_owned()),
        name if name.contains('/') => Err("a database's name holds no `/`".to_owned()),
        name => decoded(name),
    }
}

/// A part of a URL without its escapes.
fn decoded(text: &str) -> Result<String, String> {
    let pair = format!("x={}", text.replace('+', "%2B"));
    let mut pairs = url::form_urlencoded::parse(pair.as_bytes());
    pairs
        .next()
        .map(|(_, value)| value.into_owned())
        .ok_or_else(|| format!("`{text}` cannot be understood"))
}

/// Encrypted and verified, but on the machine itself.
fn tls(parameters: &mut Parameters, host: &str) -> Result<Tls, String> {
    let root = parameters.take("sslrootcert").map(PathBuf::from);
    let is_here = host.starts_with('/') || ["localhost", "127.0.0.1", "::1"].contains(&host);
    match parameters.take("sslmode").as_deref() {
        None if is_here && root.is_none() => Ok(Tls::Off),
        Some("disable") => Ok(Tls::Off),
        None | Some("require" | "verify-ca" | "verify-full") => Ok(Tls::Verified { root }),
        Some(other) => Err(format!(
            "sslmode is `verify-full` or `disable`, not `{other}`"
        )),
    }
}

/// The text for messages: neither what stands before the `@` after a colon, nor any parameter.
fn without_password(text: &str) -> String {
    let text = text.split('?').next().unwrap_or_default();
    match Url::parse(text) {
        Ok(mut url) if url.password().is_some() => {
            // A URL that has a password can have none.
            let _ = url.set_password(None);
            url.into()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_three_kinds_are_told_apart() {
        for (text, shown) in [
            (
                "postgres://ana@db.example:5433/lake",
                "postgres://db.example:5433/lake",
            ),
            (
                "postgresql:///lake",
                "postgres:///lake?host=/var/run/postgresql&port=5432",
            ),
            ("redshift://analytics/dev", "redshift://analytics/dev"),
            ("postgres://u@[::1]:5433/lake", "postgres://[::1]:5433/lake"),
            (
                "redshift+pg://wg.123.eu-west-1.redshift-serverless.amazonaws.com/dev",
                "redshift+pg://wg.123.eu-west-1.redshift-serverless.amazonaws.com:5439/dev",
            ),
        ] {
            assert_eq!(Target::parse(text).unwrap().to_string(), shown);
        }
        let Target::RedshiftData { compute, .. } =
            Target::parse("redshift://loader@main/dev?type=cluster").unwrap()
        else {
            unreachable!()
        };
        let user = Some("loader".to_owned());
        assert_eq!(
            compute,
            Compute::Cluster {
                name: "main".into(),
                user
            }
        );
    }

    #[test]
    fn connections_are_verified_but_on_the_machine_itself() {
        let tls = |text: &str| match Target::parse(text).unwrap() {
            Target::Postgres(server) => server.tls,
            other => unreachable!("{other}"),
        };
        assert_eq!(tls("postgres://db.example/x"), Tls::Verified { root: None });
        assert_eq!(tls("postgres://127.0.0.1/x"), Tls::Off);
        assert_eq!(tls("postgres://db.example/x?sslmode=disable"), Tls::Off);
        let root = Some(PathBuf::from("/ca.pem"));
        assert_eq!(
            tls("postgres://localhost/x?sslrootcert=/ca.pem"),
            Tls::Verified { root }
        );
    }

    #[test]
    fn what_cannot_be_is_refused_without_telling_the_password() {
        for bad in [
            "mysql://x/y",
            "postgres://host",
            "postgres://host/db?sslmode=prefer",
            "postgres://host/db?options=x",
            "redshift://name/db?type=fleet",
            "redshift+pg://10.0.0.1/db",
            "lake",
            "postgres://u:hidden@host/db",
            "postgres://u@host/db?password=hidden",
            "postgres://u@host/db?passwort=hidden",
            "postgres://u@host/db?port=hiddenport",
        ] {
            let error = Target::parse(bad).unwrap_err();
            assert_eq!(error.kind, Kind::Usage, "{bad}");
            assert!(!error.to_string().contains("hidden"), "{error}");
        }
    }
}

//! PostgreSQL's wire protocol, as Redshift speaks it: with TLS and temporary credentials, and simple
//! queries only, which is all that a loader needs of it.

mod messages;
mod startup;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use self::messages::{Message, Reply};
use self::startup::{Stream, admit, drain, encrypted};
use super::credentials::Credentials;
use super::failure::Failure;
use super::session::{Answer, Backend, Session, Transaction};
use super::sql::{Refusal, Statement, translate};
use crate::certificates::Certificates;
use crate::processes::Result;

/// What Redshift says of itself.
const PARAMETERS: [(&str, &str); 6] = [
    ("server_version", "8.0.2"),
    ("server_encoding", "UNICODE"),
    ("client_encoding", "UTF8"),
    ("DateStyle", "ISO, MDY"),
    ("TimeZone", "UTC"),
    ("standard_conforming_strings", "off"),
];

pub struct Wire {
    pub tls: TlsAcceptor,
    pub credentials: Arc<Credentials>,
    pub backend: Arc<Backend>,
}

/// How a server shows who it is.
pub fn acceptor(certificates: &Certificates) -> Result<TlsAcceptor> {
    let certificate = CertificateDer::from_pem_slice(certificates.server.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(certificates.server_key.as_bytes())?;
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    Ok(Arc::new(config).into())
}

/// Serves until dropped, which ends all connections.
pub async fn serve(listener: TcpListener, wire: Arc<Wire>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        let wire = Arc::clone(&wire);
        // A connection that breaks is the client's to notice.
        connections.spawn(async move { drop(wire.serve_connection(stream).await) });
        while connections.try_join_next().is_some() {}
    }
}

impl Wire {
    async fn serve_connection(&self, stream: TcpStream) -> io::Result<()> {
        let Some(mut stream) = encrypted(stream, &self.tls).await? else {
            return Ok(());
        };
        let session = match admit(&mut stream, &self.credentials).await? {
            Ok(()) => Session::open(Arc::clone(&self.backend)).await,
            Err(failure) => Err(failure),
        };
        let mut reply = Reply::default();
        match session {
            Ok(session) => {
                reply.welcome(&PARAMETERS);
                reply.ready(Transaction::None);
                stream.write_all(&reply.bytes).await?;
                self.converse(&mut stream, session).await
            }
            Err(failure) => {
                reply.failure("FATAL", &failure);
                stream.write_all(&reply.bytes).await?;
                stream.shutdown().await?;
                drain(&mut stream).await;
                Ok(())
            }
        }
    }

    async fn converse(&self, stream: &mut Stream, mut session: Session) -> io::Result<()> {
        loop {
            let message = Message::read(stream).await?;
            let mut reply = Reply::default();
            match message.kind {
                b'Q' => {
                    self.query(&message.text(), &mut session, &mut reply)
                        .await?
                }
                b'X' => return Ok(()),
                b'S' => {}
                kind => {
                    let message = format!(
                        "the stand-in takes simple queries only, not `{}`",
                        char::from(kind)
                    );
                    reply.failure("ERROR", &Refusal::unsupported(message).into());
                    // A client sends such messages in a row and waits at the end of it.
                    while Message::read(stream).await?.kind != b'S' {}
                }
            }
            reply.ready(session.transaction());
            stream.write_all(&reply.bytes).await?;
            if session.is_over() {
                return Ok(());
            }
        }
    }

    /// All statements of a query, up to the first that fails. Several in a row are a transaction,
    /// unless they make transactions of their own.
    async fn query(&self, sql: &str, session: &mut Session, reply: &mut Reply) -> io::Result<()> {
        self.backend.receive(sql);
        let statements = translate(sql);
        if statements.is_empty() {
            reply.nothing_asked();
        }
        let begins = |(_, statement): &(_, _)| {
            use Statement::{Begin, Commit, Rollback};
            matches!(statement, Ok(Begin | Commit | Rollback))
        };
        let is_alone = session.transaction() == Transaction::None;
        let wraps = is_alone && statements.len() > 1 && !statements.iter().any(begins);
        let done = self.run(statements, wraps, session, reply).await?;
        if let Err(failure) = done {
            reply.failure("ERROR", &failure);
            if wraps {
                // The failure is told already.
                let _ = session.execute(Ok(Statement::Rollback)).await;
            }
        }
        Ok(())
    }

    async fn run(
        &self,
        statements: Vec<(String, std::result::Result<Statement, Refusal>)>,
        wraps: bool,
        session: &mut Session,
        reply: &mut Reply,
    ) -> io::Result<std::result::Result<(), Failure>> {
        if wraps && let Err(failure) = session.execute(Ok(Statement::Begin)).await {
            return Ok(Err(failure));
        }
        for (sql, statement) in statements {
            let commits = statement == Ok(Statement::Commit);
            let before = session.transaction();
            match session.execute(statement).await {
                Ok(_) if commits && self.backend.faults.take_lost_answer() => {
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
                Ok(answer) => reply.answer(&tag(&sql, &answer, before), &answer),
                Err(failure) => return Ok(Err(failure)),
            }
        }
        if wraps && let Err(failure) = session.execute(Ok(Statement::Commit)).await {
            return Ok(Err(failure));
        }
        Ok(Ok(()))
    }
}

/// What a statement is said to have done.
fn tag(sql: &str, answer: &Answer, before: Transaction) -> String {
    let words: Vec<String> = sql.split_whitespace().map(str::to_uppercase).collect();
    let rows = answer.affected;
    match words.first().map_or("", String::as_str) {
        "COMMIT" | "END" if before == Transaction::Failed => "ROLLBACK".to_owned(),
        "END" => "COMMIT".to_owned(),
        "SELECT" | "WITH" | "VALUES" => format!("SELECT {rows}"),
        "INSERT" => format!("INSERT 0 {rows}"),
        word @ ("UPDATE" | "DELETE" | "MERGE" | "COPY") => format!("{word} {rows}"),
        "CREATE" | "DROP" | "ALTER" => words[..words.len().min(2)].join(" "),
        word => word.to_owned(),
    }
}

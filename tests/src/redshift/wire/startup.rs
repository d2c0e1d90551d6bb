//! How a client comes in: by TLS, with parameters that Redshift knows, and with a password that was
//! handed out.

use std::collections::BTreeMap;
use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::super::credentials::Credentials;
use super::super::failure::Failure;
use super::super::sql::Refusal;
use super::messages::{Message, Reply, body};
use crate::postgres::DATABASE;

/// The numbers that stand where the version of the protocol does.
const VERSION: u32 = 3 << 16;
const TLS: u32 = (1234 << 16) | 5679;
const GSSAPI: u32 = (1234 << 16) | 5680;

/// What a client may say of itself. Others are refused, as `extra_float_digits` is by Redshift.
const KNOWN: [&str; 4] = ["user", "database", "client_encoding", "application_name"];

pub type Stream = TlsStream<TcpStream>;

/// The client's stream once it is encrypted; `None` for one that wants no encryption.
pub async fn encrypted(mut stream: TcpStream, tls: &TlsAcceptor) -> io::Result<Option<Stream>> {
    loop {
        let request = body(&mut stream).await?;
        match number(&request) {
            TLS => {
                stream.write_all(b"S").await?;
                return tls.accept(stream).await.map(Some);
            }
            GSSAPI => stream.write_all(b"N").await?,
            _ => {
                let message = "no pg_hba.conf entry: this server takes connections with TLS only";
                let mut reply = Reply::default();
                reply.failure("FATAL", &Refusal::new("28000", message).into());
                stream.write_all(&reply.bytes).await?;
                return Ok(None);
            }
        }
    }
}

/// Lets the client in, or tells why not.
pub async fn admit(
    stream: &mut Stream,
    credentials: &Credentials,
) -> io::Result<Result<(), Failure>> {
    let request = body(stream).await?;
    let parameters = match parameters(&request) {
        Ok(parameters) => parameters,
        Err(refusal) => return Ok(Err(refusal.into())),
    };
    let mut reply = Reply::default();
    reply.ask_for_password();
    stream.write_all(&reply.bytes).await?;
    let password = Message::read(stream).await?;
    let user = parameters.get("user").map(String::as_str);
    let user = user.unwrap_or_default();
    if password.kind == b'p' && credentials.accept(user, &password.text()) {
        return Ok(Ok(()));
    }
    let message = format!("password authentication failed for user \"{user}\"");
    Ok(Err(Refusal::new("28P01", message).into()))
}

fn number(request: &[u8]) -> u32 {
    let first = request.first_chunk().copied();
    first.map_or(0, u32::from_be_bytes)
}

fn parameters(request: &[u8]) -> Result<BTreeMap<String, String>, Refusal> {
    if number(request) != VERSION {
        return Err(Refusal::new("08P01", "unsupported frontend protocol"));
    }
    let text = String::from_utf8_lossy(&request[4..]);
    let mut words = text.split('\0').map(str::to_owned);
    let mut parameters = BTreeMap::new();
    while let (Some(name), Some(value)) = (words.next().filter(|n| !n.is_empty()), words.next()) {
        if !KNOWN.contains(&name.as_str()) {
            let message = format!("unrecognized configuration parameter \"{name}\"");
            return Err(Refusal::new("42704", message));
        }
        parameters.insert(name, value);
    }
    match parameters.get("database") {
        Some(database) if database != DATABASE => {
            let message = format!("database \"{database}\" does not exist");
            Err(Refusal::new("3D000", message))
        }
        _ => Ok(parameters),
    }
}

/// Reads until the client has gone.
pub async fn drain(stream: &mut Stream) {
    let mut buffer = [0; 512];
    while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
}

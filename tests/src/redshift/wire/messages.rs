//! Messages of PostgreSQL's protocol, as a server reads and writes them.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_postgres::types::Type;

use super::super::failure::Failure;
use super::super::session::{Answer, Column, Transaction};

/// No message of a client is longer.
const LONGEST: usize = 64 * 1024 * 1024;

/// A message with its kind.
pub struct Message {
    pub kind: u8,
    pub body: Vec<u8>,
}

impl Message {
    pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Self> {
        let kind = stream.read_u8().await?;
        let body = body(stream).await?;
        Ok(Self { kind, body })
    }

    /// A text that ends with the body.
    pub fn text(&self) -> String {
        let bytes = self.body.strip_suffix(b"\0").unwrap_or(&self.body);
        String::from_utf8_lossy(bytes).into_owned()
    }
}

/// What follows a length.
pub async fn body(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let length = usize::try_from(stream.read_u32().await?).map_err(io::Error::other)?;
    let length = length.checked_sub(4).filter(|length| *length <= LONGEST);
    let mut bytes = vec![0; length.ok_or(io::ErrorKind::InvalidData)?];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// Messages to be sent.
#[derive(Debug, Default)]
pub struct Reply {
    pub bytes: Vec<u8>,
}

impl Reply {
    fn message(&mut self, kind: u8, body: &[u8]) {
        self.bytes.push(kind);
        self.bytes.extend(length(body.len() + 4));
        self.bytes.extend(body);
    }

    pub fn ask_for_password(&mut self) {
        self.message(b'R', &3_u32.to_be_bytes());
    }

    pub fn welcome(&mut self, parameters: &[(&str, &str)]) {
        self.message(b'R', &0_u32.to_be_bytes());
        for (name, value) in parameters {
            self.message(b'S', format!("{name}\0{value}\0").as_bytes());
        }
        // Nobody can be interrupted: the key is good for nothing.
        self.message(b'K', &[0; 8]);
    }

    pub fn ready(&mut self, transaction: Transaction) {
        let status = match transaction {
            Transaction::None => b'I',
            Transaction::Open => b'T',
            Transaction::Failed => b'E',
        };
        self.message(b'Z', &[status]);
    }

    pub fn nothing_asked(&mut self) {
        self.message(b'I', &[]);
    }

    pub fn failure(&mut self, severity: &str, failure: &Failure) {
        let Failure {
            code,
            message,
            detail,
        } = failure;
        let mut body = format!("S{severity}\0C{code}\0M{message}\0");
        if let Some(detail) = detail {
            body += &format!("D{detail}\0");
        }
        body.push('\0');
        self.message(b'E', body.as_bytes());
    }

    pub fn answer(&mut self, tag: &str, answer: &Answer) {
        if !answer.columns.is_empty() {
            self.message(b'T', &description(&answer.columns));
            for row in &answer.rows {
                self.message(b'D', &values(row));
            }
        }
        self.message(b'C', format!("{tag}\0").as_bytes());
    }
}

fn length(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes()
}

fn count(of: usize) -> [u8; 2] {
    u16::try_from(of).unwrap_or(u16::MAX).to_be_bytes()
}

fn description(columns: &[Column]) -> Vec<u8> {
    let mut body = count(columns.len()).to_vec();
    for Column { name, type_of } in columns {
        body.extend(name.as_bytes());
        body.push(0);
        // Of no table.
        body.extend([0; 6]);
        // Redshift has no type `text`.
        let type_of = if *type_of == Type::TEXT {
            &Type::VARCHAR
        } else {
            type_of
        };
        body.extend(type_of.oid().to_be_bytes());
        // Neither a size nor a modifier is told, and values are text.
        body.extend((-1_i16).to_be_bytes());
        body.extend((-1_i32).to_be_bytes());
        body.extend([0; 2]);
    }
    body
}

fn values(row: &[Option<String>]) -> Vec<u8> {
    let mut body = count(row.len()).to_vec();
    for value in row {
        match value {
            Some(text) => {
                body.extend(length(text.len()));
                body.extend(text.as_bytes());
            }
            None => body.extend((-1_i32).to_be_bytes()),
        }
    }
    body
}

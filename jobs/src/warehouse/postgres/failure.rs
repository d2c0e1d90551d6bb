//! What the failures of a connection mean.

use cinemill_engine::error::{Error, Kind};
use tokio_postgres::error::{DbError, SqlState};

use crate::causes::words;
use crate::warehouse::target::Server;

/// A statement's failure.
pub fn failure(cause: &tokio_postgres::Error, verb: &str, object: &str) -> Error {
    let Some(refusal) = cause.as_db_error() else {
        let cause = match cause.is_closed() {
            true => "the connection was lost".to_owned(),
            false => words(cause),
        };
        return Error::new(Kind::Retryable, verb, object, cause)
            .hint("run the load again: if it was committed after all, nothing is done twice");
    };
    let error = Error::new(kind(refusal), verb, object, told(refusal));
    match hint(refusal) {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// A failure to connect.
pub fn connect_failure(cause: &tokio_postgres::Error, server: &Server) -> Error {
    if cause.as_db_error().is_some() {
        return failure(cause, "connect to", &server.to_string());
    }
    let text = words(cause);
    let (kind, hint) = match () {
        () if text.contains("TLS") || text.contains("certificate") => (
            Kind::Final,
            "name the server's root certificate with ?sslrootcert=<file>, or, where the network \
             is safe, use ?sslmode=disable",
        ),
        () if text.contains("password missing") => {
            (Kind::Final, "set PGPASSWORD, or add a line to ~/.pgpass")
        }
        () => (
            Kind::Unreachable,
            "check host and port, and that the server runs",
        ),
    };
    Error::new(kind, "connect to", server, text).hint(hint)
}

fn kind(refusal: &DbError) -> Kind {
    let code = refusal.code();
    let is_fatal = [
        SqlState::INVALID_PASSWORD,
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
        SqlState::INVALID_CATALOG_NAME,
        SqlState::INSUFFICIENT_PRIVILEGE,
        SqlState::READ_ONLY_SQL_TRANSACTION,
    ];
    // Connections that break, servers that stop or start, and lack of memory, disk or slots.
    let passes = ["08", "53", "57P"];
    let collides = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::LOCK_NOT_AVAILABLE,
    ];
    if is_fatal.contains(code) {
        Kind::Final
    } else if passes.iter().any(|class| code.code().starts_with(class))
        || collides.contains(code)
        || is_serializable_violation(refusal.message())
    {
        Kind::Retryable
    } else {
        Kind::Load
    }
}

/// Redshift's error 1023: two transactions that touch the same table.
pub fn is_serializable_violation(message: &str) -> bool {
    message.contains("1023") && message.contains("erializable isolation violation")
}

fn hint(refusal: &DbError) -> Option<&'static str> {
    match *refusal.code() {
        SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            Some("check the user, and the password in PGPASSWORD or ~/.pgpass")
        }
        SqlState::INSUFFICIENT_PRIVILEGE => Some(
            "`cinemill grants` gives groups what they need; a load also needs TEMPORARY on the \
             database, and the first one, which makes the schema cinemill, CREATE",
        ),
        SqlState::INVALID_CATALOG_NAME => Some("create the database first, or name another one"),
        SqlState::INVALID_SCHEMA_NAME => Some("create the schema first"),
        SqlState::READ_ONLY_SQL_TRANSACTION => Some("it is a replica, perhaps: name the primary"),
        SqlState::QUERY_CANCELED => {
            Some("if it was the role's statement_timeout, give who loads a longer one")
        }
        SqlState::UNIQUE_VIOLATION => {
            Some("--mode merge replaces rows of the same key, append_new leaves them")
        }
        SqlState::CHARACTER_NOT_IN_REPERTOIRE => {
            Some("texts in PostgreSQL hold no NUL; take it out in the job, as with replace()")
        }
        _ => None,
    }
}

/// All that the server says of a refusal, in one line.
fn told(refusal: &DbError) -> String {
    let more = [refusal.detail(), refusal.where_()].into_iter().flatten();
    let parts: Vec<&str> = std::iter::once(refusal.message()).chain(more).collect();
    parts.join("; ").replace('\n', " ")
}

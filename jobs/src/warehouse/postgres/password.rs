//! Who connects with which password, as PostgreSQL's own programs have it.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use cinemill_engine::error::{Error, Kind, Result};

use crate::warehouse::target::Server;

/// The user where the target names none: `PGUSER`, or the operating system's.
///
/// # Errors
/// `Usage` where neither has a name.
pub fn user() -> Result<String> {
    match std::env::var("PGUSER") {
        Ok(user) if !user.is_empty() => Ok(user),
        _ => whoami::username().map_err(|cause| {
            Error::new(Kind::Usage, "find", "the database user", cause)
                .hint("give postgres://user@host/database")
        }),
    }
}

/// `PGPASSWORD`, or the entry of the password file; `None` where neither has one.
///
/// # Errors
/// `Usage` where the file that `PGPASSFILE` names cannot be read.
pub fn of(server: &Server, user: &str) -> Result<Option<String>> {
    if let Ok(password) = std::env::var("PGPASSWORD") {
        return Ok(Some(password));
    }
    let (path, is_named) = match (std::env::var_os("PGPASSFILE"), std::env::home_dir()) {
        (Some(named), _) => (PathBuf::from(named), true),
        (None, Some(home)) => (home.join(".pgpass"), false),
        (None, None) => return Ok(None),
    };
    match std::fs::read_to_string(&path) {
        Ok(_) if others_may_read(&path) => {
            let path = path.display();
            tracing::warn!(%path, "the password file is ignored: others may read it");
            Ok(None)
        }
        Ok(text) => Ok(find(&text, server, user)),
        Err(_) if !is_named => Ok(None),
        Err(cause) => {
            Err(Error::new(Kind::Usage, "read", path.display(), cause).hint("PGPASSFILE names it"))
        }
    }
}

/// As PostgreSQL's own programs have it, devices apart.
fn others_may_read(path: &Path) -> bool {
    let metadata = std::fs::metadata(path);
    metadata.is_ok_and(|metadata| metadata.is_file() && metadata.mode() & 0o077 != 0)
}

/// The password of the first line that fits; lines are `host:port:database:user:password`.
fn find(text: &str, server: &Server, user: &str) -> Option<String> {
    let port = server.port.to_string();
    // A socket's folder counts as localhost.
    let host = match server.host.starts_with('/') {
        true => "localhost",
        false => &server.host,
    };
    let wanted = [host, &port, &server.database, user];
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(fields).find_map(|fields| {
        let (password, fields) = fields.split_last()?;
        let fits = fields.len() == wanted.len()
            && fields
                .iter()
                .zip(wanted)
                .all(|(field, is)| field == "*" || field == is);
        fits.then(|| password.clone())
    })
}

/// The parts between colons, of which a backslash makes characters.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        let taken = match character {
            ':' => {
                fields.push(String::new());
                continue;
            }
            '\\' => characters.next(),
            other => Some(other),
        };
        if let (Some(field), Some(taken)) = (fields.last_mut(), taken) {
            field.push(taken);
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warehouse::postgres::Tls;

    #[test]
    fn the_first_line_that_fits_counts() {
        let server = |host: &str| Server {
            user: None,
            host: host.to_owned(),
            port: 5432,
            database: "lake".to_owned(),
            tls: Tls::Off,
        };
        let file = "# comment\nother:*:*:*:no\ndb:5432:lake:ana:a\\:b\\\\c\nlocalhost:*:*:*:here\n*:*:*:*:any\n";
        let password = |host: &str, user: &str| find(file, &server(host), user);
        assert_eq!(password("db", "ana").as_deref(), Some("a:b\\c"));
        assert_eq!(password("db", "bob").as_deref(), Some("any"));
        assert_eq!(password("/run", "bob").as_deref(), Some("here"));
        assert_eq!(find("", &server("db"), "ana"), None);
    }
}

//! Files on SFTP servers, fetched by OpenSSH's `sftp`: so keys, agents, jump hosts and known hosts
//! are where its users have them.
//!
//! The protocol has no marks that tell one content from another. So a file is fetched whole each
//! time, and its hash tells whether it is new.

use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use cinemill_engine::error::{Error, Kind, Result};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::events::Told;
use super::fetch::{Fetched, Mark};
use super::retry::Tries;
use super::spool;

/// The only place where a password may be.
const PASSWORD: &str = "CINEMILL_SFTP_PASSWORD";
/// Hands the password on, without it being written anywhere.
const ASKPASS: &str = "#!/bin/sh\nprintf '%s\\n' \"$CINEMILL_SFTP_PASSWORD\"\n";

/// How `sftp` says what trying again does not mend.
const REFUSALS: [&str; 6] = [
    "No such file",
    "not found",
    "Permission denied",
    "Host key verification failed",
    "Bad configuration option",
    "Can't open user config file",
];

/// A file on a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SftpFile {
    /// `sftp://user@host:port`.
    server: String,
    path: String,
}

impl SftpFile {
    /// Reads `sftp://[user@]host[:port]/folder/file`.
    pub fn parse(url: &str) -> Result<Self> {
        let wrong = |cause: &str| Error::new(Kind::Usage, "understand", "the SFTP URL", cause);
        let rest = url.strip_prefix("sftp://").unwrap_or(url);
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if authority
            .rsplit_once('@')
            .is_some_and(|(user, _)| user.contains(':'))
        {
            return Err(wrong("it holds a password").hint(format!("put it into {PASSWORD}")));
        }
        let is_special = |c: char| c.is_control() || "\"'\\*?[".contains(c);
        if authority.is_empty() || url.contains(is_special) {
            return Err(
                wrong("it has no host, or characters that sftp takes for others")
                    .hint("give sftp://user@host/folder"),
            );
        }
        Ok(Self {
            server: format!("sftp://{authority}"),
            path: format!("/{path}"),
        })
    }

    /// Fetches it to `to`. `config` replaces the user's own `ssh_config`.
    pub async fn fetch(
        &self,
        to: &Path,
        config: Option<&Path>,
        told: &Told<'_>,
    ) -> Result<Fetched> {
        let mut tries = Tries::default();
        told.begun(None);
        loop {
            let output = self.attempt(to, config).await?;
            if output.status.success() {
                let found = tokio::fs::metadata(to).await;
                let bytes = found.map_err(|cause| spool::failed(to, &cause))?.len();
                told.fetched(bytes);
                return Ok(Fetched::New(Mark {
                    bytes: Some(bytes),
                    ..Mark::default()
                }));
            }
            let words = String::from_utf8_lossy(&output.stderr);
            let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
            if REFUSALS.iter().any(|refusal| words.contains(refusal)) {
                return Err(Error::new(Kind::Input, "download", self, words)
                    .hint(format!("check that `sftp {}` works from here", self.server)));
            }
            let Some(pause) = tries.pause(false, None) else {
                return Err(
                    Error::new(Kind::Retryable, "download", self, words).hint("run it again later")
                );
            };
            told.retry(words);
            tokio::time::sleep(pause).await;
        }
    }

    /// Runs `sftp` once. It ends when this future is dropped.
    async fn attempt(&self, to: &Path, config: Option<&Path>) -> Result<Output> {
        let failed = |cause: std::io::Error| {
            Error::new(Kind::Final, "run", "`sftp`", cause)
                .hint("install OpenSSH's client; SFTP sources need it")
        };
        let mut command = Command::new("sftp");
        if let Some(config) = config {
            command.arg("-F").arg(config);
        }
        command.args([
            "-oLogLevel=ERROR",
            "-oConnectTimeout=10",
            "-oServerAliveInterval=10",
            "-oStrictHostKeyChecking=yes",
            "-oNumberOfPasswordPrompts=1",
        ]);
        if std::env::var_os(PASSWORD).is_some() {
            command.env("SSH_ASKPASS", askpass(to)?);
            command.env("SSH_ASKPASS_REQUIRE", "force");
            // Before -b, which would rule passwords out.
            command.arg("-oBatchMode=no");
        }
        command.args(["-b", "-", &self.server]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn().map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            let get = format!("get \"{}\" \"{}\"\n", self.path, to.display());
            // One that ends before it has read this tells why on its own.
            let _ = stdin.write_all(get.as_bytes()).await;
        }
        child.wait_with_output().await.map_err(failed)
    }
}

/// The program that `ssh` asks for the password, beside the file.
fn askpass(to: &Path) -> Result<PathBuf> {
    let path = to.with_extension("askpass");
    let made = std::fs::write(&path, ASKPASS)
        .and_then(|()| std::fs::set_permissions(&path, PermissionsExt::from_mode(0o700)));
    made.map_err(|cause| spool::failed(&path, &cause))?;
    Ok(path)
}

impl fmt::Display for SftpFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.server, self.path)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_a_server_and_a_file_and_hold_no_password() {
        let found = SftpFile::parse("sftp://me@host:2222/drops/a b.csv").unwrap();
        assert_eq!(found.server, "sftp://me@host:2222");
        assert_eq!(found.path, "/drops/a b.csv");
        for bad in [
            "sftp://me:secret@host/a",
            "sftp:///a",
            "sftp://host/a\nrm b",
            "sftp://h/*",
        ] {
            let error = SftpFile::parse(bad).unwrap_err();
            assert_eq!(error.kind, Kind::Usage, "{bad}");
            assert!(!error.to_string().contains("secret"));
        }
    }
}

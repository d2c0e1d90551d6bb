//! The folder of a server: its cluster, its settings and its certificates.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;

use super::programs::{Owner, command, hand_over};
use super::{ADMIN, Passwords};
use crate::certificates::Certificates;
use crate::processes::{Result, text};

/// Without `fsync`: tests end processes, never the machine, and the system writes for those that
/// are gone. Everything else is as durable as by default. Shared memory lies in the folder, so that
/// a killed server leaves none behind.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
max_connections = 150
shared_buffers = 64MB
dynamic_shared_memory_type = mmap
fsync = off
full_page_writes = off
password_encryption = scram-sha-256
timezone = 'UTC'
logging_collector = off
log_min_messages = warning
";

/// A server that may be asked in the clear, from its own machine.
const PLAIN: &str = "
local all all scram-sha-256
host all all 127.0.0.1/32 scram-sha-256
";
/// A server that answers over the network with TLS only.
const WITH_TLS: &str = "
local all all scram-sha-256
hostssl all all 127.0.0.1/32 scram-sha-256
";

pub(super) struct Data {
    folder: TempDir,
    pub owner: Option<Owner>,
    pub has_tls: bool,
}

impl Data {
    /// Makes an empty cluster.
    pub fn make(passwords: &Passwords, port: u16, has_tls: bool) -> Result<Self> {
        let data = Self {
            folder: TempDir::with_prefix("postgres-")?,
            owner: Owner::find()?,
            has_tls,
        };
        hand_over(data.folder(), data.owner)?;
        let password = data.folder().join("password");
        data.write(&password, &passwords.of(ADMIN))?;
        data.initialise(&password)?;
        fs::remove_file(password)?;

        let mut settings = format!("{SETTINGS}port = {port}\n");
        settings += &format!("unix_socket_directories = '{}'\n", text(data.folder())?);
        if has_tls {
            settings += &data.certify()?;
        }
        let settings_file = data.cluster().join("postgresql.conf");
        let mut file = OpenOptions::new().append(true).open(settings_file)?;
        file.write_all(settings.as_bytes())?;
        let doors = if has_tls { WITH_TLS } else { PLAIN };
        fs::write(data.cluster().join("pg_hba.conf"), doors)?;
        Ok(data)
    }

    fn initialise(&self, password: &Path) -> Result<()> {
        let made = command("initdb", self.owner, self.folder())?
            .arg("--pgdata")
            .arg(self.cluster())
            .arg("--pwfile")
            .arg(password)
            .args(["--username", ADMIN, "--auth", "scram-sha-256"])
            .args(["--no-locale", "--encoding", "UTF8", "--no-sync"])
            .stdin(Stdio::null())
            .output()?;
        if made.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&made.stderr);
        Err(format!("initdb failed: {said}").into())
    }

    /// Writes a certificate, and returns the settings that use it.
    fn certify(&self) -> Result<String> {
        let certificates = Certificates::for_loopback()?;
        fs::write(self.ca_file(), certificates.authority)?;
        let (certificate, key) = (
            self.folder().join("server.pem"),
            self.folder().join("server.key"),
        );
        self.write(&certificate, &certificates.server)?;
        self.write(&key, &certificates.server_key)?;
        Ok(format!(
            "ssl = on\nssl_cert_file = '{}'\nssl_key_file = '{}'\n",
            text(&certificate)?,
            text(&key)?
        ))
    }

    /// A file for the server's eyes only.
    fn write(&self, path: &Path, content: &str) -> Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(content.as_bytes())?;
        hand_over(path, self.owner)
    }

    /// Holds the server's socket too.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn cluster(&self) -> PathBuf {
        self.folder().join("cluster")
    }

    pub fn ca_file(&self) -> PathBuf {
        self.folder().join("ca.pem")
    }

    pub fn log(&self) -> PathBuf {
        self.folder().join("log")
    }
}

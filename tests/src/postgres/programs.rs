//! Where PostgreSQL's programs are, and as whom the server runs.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::geteuid;

use crate::processes::Result;

/// Debian keeps all versions side by side, and only the client's programs on the path.
const DEBIAN: &str = "/usr/lib/postgresql";

/// A program of the installed PostgreSQL, such as `psql`.
pub fn program(name: &str) -> Result<PathBuf> {
    let found = folders().into_iter().map(|folder| folder.join(name));
    found
        .into_iter()
        .find(|path| path.is_file())
        .ok_or_else(|| {
            let hint = "install PostgreSQL 15 or newer (Debian: postgresql)";
            format!("{name} is missing; {hint}").into()
        })
}

fn folders() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = std::env::split_paths(&path).collect();
    let configured = Command::new("pg_config").arg("--bindir").output();
    folders.extend(configured.ok().and_then(|output| {
        let folder = String::from_utf8(output.stdout).ok()?;
        Some(PathBuf::from(folder.trim_end()))
    }));
    let versions = fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let mut versions: Vec<_> = versions.map(|entry| entry.path()).collect();
    versions.sort();
    folders.extend(versions.into_iter().rev().map(|folder| folder.join("bin")));
    folders
}

/// The user of the server's processes where it cannot be ours: PostgreSQL refuses to run as root.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner {
    uid: u32,
    gid: u32,
}

impl Owner {
    /// `None` where the server may run as ourselves.
    pub fn find() -> Result<Option<Self>> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        let users = fs::read_to_string("/etc/passwd")?;
        let named = |name| users.lines().find_map(|line| Self::parse(line, name));
        let found = named("postgres").or_else(|| named("nobody"));
        found.map(Some).ok_or_else(|| {
            "PostgreSQL does not run as root, and there is no user postgres or nobody".into()
        })
    }

    fn parse(line: &str, name: &str) -> Option<Self> {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        let mut ids = fields.skip(1).map_while(|field| field.parse().ok());
        Some(Self {
            uid: ids.next()?,
            gid: ids.next()?,
        })
    }
}

/// A program that runs as the owner.
pub(super) fn command(name: &str, owner: Option<Owner>, folder: &Path) -> Result<Command> {
    let mut command = Command::new(program(name)?);
    // The folder of ours may be closed to the owner.
    command.current_dir(folder);
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("PG") {
            command.env_remove(&variable);
        }
    }
    if let Some(owner) = owner {
        command.uid(owner.uid).gid(owner.gid);
    }
    Ok(command)
}

pub(super) fn hand_over(path: &Path, owner: Option<Owner>) -> Result<()> {
    match owner {
        Some(owner) => Ok(chown(path, Some(owner.uid), Some(owner.gid))?),
        None => Ok(()),
    }
}

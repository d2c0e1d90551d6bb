//! Files from a real SSH server on loopback, which runs as the user of the tests.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use cinemill_tests::processes::{Running, free_port, poll};
use cinemill_tests::web::Page;

use crate::fixture::{FILE, Site, assert_fails, text, titles};

const SSHD: &str = "/usr/sbin/sshd";
const PASSPHRASE: &str = "not-so-secret";

/// A server, and how clients find and trust it.
struct Sshd {
    _running: Running,
    port: u16,
    user: String,
}

impl Sshd {
    /// `None`, and a word about it, where there is no such program.
    fn start(folder: &Path) -> Option<Self> {
        if !Path::new(SSHD).exists() {
            eprintln!("skipped: {SSHD} is missing; install openssh-server");
            return None;
        }
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let user = String::from_utf8(user).unwrap().trim().to_owned();
        make_key(&folder.join("host_key"), "");
        make_key(&folder.join("key"), PASSPHRASE);
        let port = free_port().unwrap();
        let place = folder.display();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {place}/host_key\n\
             AuthorizedKeysFile {place}/key.pub\nStrictModes no\nUsePAM no\nPidFile none\n\
             PasswordAuthentication no\nSubsystem sftp internal-sftp\n"
        );
        fs::write(folder.join("sshd_config"), config).unwrap();
        let host_key = fs::read_to_string(folder.join("host_key.pub")).unwrap();
        fs::write(
            folder.join("known_hosts"),
            format!("[127.0.0.1]:{port} {host_key}"),
        )
        .unwrap();
        write_client_config(folder, "known_hosts");
        let mut command = Command::new(SSHD);
        command
            .args(["-D", "-e", "-f"])
            .arg(folder.join("sshd_config"));
        // Where root starts the server, it wants this folder, which boots make.
        let _ = fs::create_dir("/run/sshd");
        let mut running = Running::start(command).unwrap();
        poll("the SSH server", || {
            assert!(!running.is_over(), "{}", running.said().unwrap());
            TcpStream::connect(("127.0.0.1", port)).ok()
        })
        .unwrap();
        Some(Self {
            _running: running,
            port,
            user,
        })
    }

    fn url(&self, path: &Path) -> String {
        format!(
            "sftp://{}@127.0.0.1:{}{}",
            self.user,
            self.port,
            path.display()
        )
    }
}

fn make_key(path: &Path, passphrase: &str) {
    let mut command = Command::new("ssh-keygen");
    command
        .args(["-q", "-t", "ed25519", "-N", passphrase, "-f"])
        .arg(path);
    assert!(command.status().unwrap().success());
}

fn write_client_config(folder: &Path, known_hosts: &str) {
    let place = folder.display();
    let config = format!(
        "IdentityFile {place}/key\nIdentitiesOnly yes\nIdentityAgent none\n\
         UserKnownHostsFile {place}/{known_hosts}\nGlobalKnownHostsFile none\n"
    );
    fs::write(folder.join("ssh_config"), config).unwrap();
}

#[test]
fn files_come_from_a_drop_on_an_sftp_server() {
    let mut site = Site::new(Page::default());
    let folder = site.folder.path().to_owned();
    let Some(sshd) = Sshd::start(&folder) else {
        return;
    };
    site.cinemill = site.cinemill.with("CINEMILL_SFTP_PASSWORD", PASSPHRASE);
    let drop = site.path("a drop");
    fs::create_dir(&drop).unwrap();
    let content = titles("aa", 40_000);
    fs::write(drop.join(FILE), &content).unwrap();
    let (own, config) = (site.path("own.toml"), site.path("ssh_config"));
    let stage = |from: &str, split: &[&str]| {
        let mut arguments = vec!["stage", "--source-file", text(&own), "--from", from];
        arguments.extend(["--to", &site.to, "--ssh-config", text(&config)]);
        arguments.extend(split);
        site.cinemill.run(&arguments).unwrap()
    };
    let from = sshd.url(&drop);
    let ended = stage(&from, &[]);
    cinemill_tests::processes::assert_code(&ended, 0, &["staged"]);
    assert_eq!(site.found(), content);
    assert!(!ended.says(PASSPHRASE));
    cinemill_tests::processes::assert_code(&stage(&from, &[]), 0, &["unchanged, skipped"]);
    let split = stage(&from, &["--split-mb", "1"]);
    cinemill_tests::processes::assert_code(&split, 0, &["3 parts"]);
    assert_eq!(site.count(), 40_000);

    // A file cut short at its source, one that is not there, a server of unknown identity.
    fs::write(drop.join(FILE), &content[..content.len() - 10]).unwrap();
    assert_fails(&stage(&from, &[]), 12, &[FILE]);
    assert_fails(
        &stage(&sshd.url(&site.path("absent")), &[]),
        12,
        &["absent", "sftp"],
    );
    write_client_config(&folder, "no_known_hosts");
    assert_fails(&stage(&from, &[]), 12, &["Host key verification failed"]);
    assert_eq!(site.count(), 40_000);
    let with_password = format!("sftp://me:{PASSPHRASE}@127.0.0.1/x");
    let ended = stage(&with_password, &[]);
    assert_fails(&ended, 2, &["CINEMILL_SFTP_PASSWORD"]);
    assert!(!ended.says(PASSPHRASE));
}

#[test]
fn a_server_that_is_not_there_is_tried_again_and_given_up() {
    if !Path::new("/usr/bin/sftp").exists() {
        eprintln!("skipped: sftp is missing; install openssh-client");
        return;
    }
    let site = Site::new(Page::default());
    let own = site.path("own.toml");
    let from = format!("sftp://nobody@127.0.0.1:{}/x", free_port().unwrap());
    let arguments = [
        "stage",
        "--source-file",
        text(&own),
        "--from",
        &from,
        "--to",
        &site.to,
    ];
    let ended = site.cinemill.run(&arguments).unwrap();
    assert_fails(&ended, 20, &["trying again", "hint: run it again"]);
}

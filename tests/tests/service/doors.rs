//! Where servers listen, and what they say about it.

use cinemill_tests::processes::{Ended, Running, command};
use rustix::process::Signal;

use crate::fixture::{assert_code, text};
use crate::site::{Site, free_port, until_said};

const OPEN: &str = "without TLS and without authentication";

fn start(name: &str, arguments: &[&str]) -> Running {
    let mut command = command(name, &[]).unwrap();
    command.args(arguments);
    Running::start(command).unwrap()
}

fn stop(running: Running) -> Ended {
    running.signal(Signal::TERM);
    running.wait().unwrap()
}

#[test]
fn an_open_scheduler_says_so() {
    let site = Site::planned(&[]);
    let state = site.path("state");
    let port = free_port().to_string();
    let common = ["--state-dir", text(&state), "--port", &port];
    let mut closed = start("cinemill-scheduler", &common);
    until_said(&mut closed, "serving");
    let said = stop(closed).stderr;
    assert!(!said.contains(OPEN) && !said.contains("WARN"), "{said}");

    let open = ["--bind-host", "0.0.0.0", "--external-host", "some.host"];
    let mut open = start("cinemill-scheduler", &[&common[..], &open].concat());
    until_said(&mut open, "serving");
    let said = stop(open).stderr;
    let warnings: Vec<&str> = said.lines().filter(|line| line.contains("WARN")).collect();
    assert_eq!(warnings.len(), 1, "{said}");
    assert!(
        warnings[0].contains(OPEN) && warnings[0].contains("hint"),
        "{said}"
    );
}

#[test]
fn an_open_executor_says_so() {
    let site = Site::start(0, &[]);
    let address = site.address();
    let common = ["--scheduler", &address, "--vcores", "1"];
    let mut closed = start("cinemill-executor", &common);
    until_said(&mut closed, "executor starts");
    let said = stop(closed).stderr;
    assert!(!said.contains(OPEN), "{said}");

    let open = ["--bind-host", "0.0.0.0", "--external-host", "some.host"];
    let mut open = start("cinemill-executor", &[&common[..], &open].concat());
    until_said(&mut open, OPEN);
}

/// On every other host, a name of the loopback means that host itself.
#[test]
fn no_host_is_localhost_to_another() {
    for name in ["cinemill-scheduler", "cinemill-executor"] {
        for external in ["localhost", "127.0.0.1"] {
            let arguments = ["--bind-host", "0.0.0.0", "--external-host", external];
            let ended = start(name, &arguments).wait().unwrap();
            assert_code(&ended, 2, &[external, "--external-host"]);
        }
    }
}
